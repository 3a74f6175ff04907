//! The reading of a response: head, then a body by length, in chunks, or until the close.

use super::failure::Failure;

/// What a server answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
}

impl Answer {
    pub(crate) const fn is_success(self) -> bool {
        self.status / 100 == 2
    }
}

/// A response's head, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    pub(crate) close: bool,
}

/// How the end of the body is known (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// Reads a head at the start of `bytes`: the head and its length, none while it is incomplete.
pub(crate) fn parse_head(bytes: &[u8]) -> Result<Option<(ResponseHead, usize)>, Failure> {
    let mut rest = bytes;
    let Some(line) = next_line(&mut rest) else {
        return Ok(None);
    };
    let (status, minor) = status_line(line).ok_or(Failure::Malformed)?;
    let mut head = ResponseHead { status, framing: Framing::UntilClose, close: minor == b'0' };
    loop {
        match next_line(&mut rest) {
            None => return Ok(None),
            Some([]) => break,
            Some(line) => {
                let colon = memchr::memchr(b':', line).ok_or(Failure::Malformed)?;
                head.note(&line[..colon], &line[colon + 1..])?;
            }
        }
    }
    if status / 100 == 1 || status == 204 || status == 304 {
        head.framing = Framing::Length(0);
    }
    head.close |= head.framing == Framing::UntilClose;
    Ok(Some((head, bytes.len() - rest.len())))
}

/// Takes one complete line, without its end.
fn next_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = memchr::memchr(b'\n', rest)?;
    let line = &rest[..end];
    *rest = &rest[end + 1..];
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

impl ResponseHead {
    fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), Failure> {
        // Most fields are told apart by their length alone.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let length = str::from_utf8(value).ok().and_then(|v| v.trim().parse().ok());
                let length = Framing::Length(length.ok_or(Failure::Malformed)?);
                // Chunks win over a length (RFC 9112, section 6.3).
                self.framing = if self.framing == Framing::Chunked { self.framing } else { length };
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(Failure::Malformed);
                }
                self.framing = Framing::Chunked;
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                self.close = value.trim_ascii().eq_ignore_ascii_case(b"close");
            }
            _ => {}
        }
        Ok(())
    }
}

/// `HTTP/1.1 200 OK`: the status and the minor version.
fn status_line(line: &[u8]) -> Option<(u16, u8)> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let (&minor, rest) = rest.split_first()?;
    let digits = rest.strip_prefix(b" ")?.get(..3)?;
    let status = str::from_utf8(digits).ok()?.parse().ok()?;
    Some((status, minor))
}

/// The state of a chunked body (RFC 9112, section 7.1).
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    state: ChunkState,
    left: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum ChunkState {
    #[default]
    Size,
    /// The rest of a size line: extensions, up to its line end.
    SizeEnd,
    Data,
    /// The line end after a chunk.
    DataEnd,
    /// At the start of a trailer line, or of the empty line that ends the body.
    Trailer,
    /// Inside a trailer line.
    TrailerLine,
    Done,
}

impl Chunks {
    /// Takes the next bytes of the body and hands its content to `content`; true at its end.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut content: impl FnMut(&[u8]),
    ) -> Result<bool, Failure> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.state == ChunkState::Data {
                let here = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                content(&bytes[..here]);
                self.left -= here as u64;
                bytes = &bytes[here..];
                if self.left == 0 {
                    self.state = ChunkState::DataEnd;
                }
                continue;
            }
            self.step(byte)?;
            bytes = rest;
        }
        Ok(self.state == ChunkState::Done)
    }

    fn step(&mut self, byte: u8) -> Result<(), Failure> {
        self.state = match (self.state, byte) {
            (ChunkState::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = (byte as char).to_digit(16).ok_or(Failure::Malformed)?;
                self.left = self
                    .left
                    .checked_mul(16)
                    .and_then(|left| left.checked_add(u64::from(digit)))
                    .ok_or(Failure::Malformed)?;
                ChunkState::Size
            }
            (ChunkState::Size, b';' | b' ' | b'\r') => ChunkState::SizeEnd,
            (ChunkState::SizeEnd, b'\n') if self.left == 0 => ChunkState::Trailer,
            (ChunkState::SizeEnd, b'\n') => ChunkState::Data,
            (ChunkState::SizeEnd, _) => ChunkState::SizeEnd,
            (ChunkState::DataEnd, b'\r') => ChunkState::DataEnd,
            (ChunkState::DataEnd, b'\n') => ChunkState::Size,
            (ChunkState::Trailer, b'\r') => ChunkState::Trailer,
            (ChunkState::Trailer, b'\n') => ChunkState::Done,
            (ChunkState::Trailer, _) => ChunkState::TrailerLine,
            (ChunkState::TrailerLine, b'\n') => ChunkState::Trailer,
            (ChunkState::TrailerLine, _) => ChunkState::TrailerLine,
            (_, _) => return Err(Failure::Malformed),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_once_complete() {
        let text = b"HTTP/1.1 202 Accepted\r\ncontent-length: 12\r\nConnection: close\r\n\r\nrest";
        let head = ResponseHead { status: 202, framing: Framing::Length(12), close: true };
        assert_eq!(parse_head(text), Ok(Some((head, text.len() - 4))));
        for short in 0..text.len() - 4 {
            assert_eq!(parse_head(&text[..short]), Ok(None));
        }
    }

    #[test]
    fn nonsense_is_malformed() {
        for text in [
            "SSH-2.0\r\n\r\n",
            "HTTP/1.1 2x0 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        ] {
            assert_eq!(parse_head(text.as_bytes()), Err(Failure::Malformed), "{text}");
        }
    }

    #[test]
    fn chunks_are_joined_wherever_they_are_cut() {
        let body = b"5\r\nhello\r\n1;x=y\r\n \r\nA\r\n0123456789\r\n0\r\ntrailer: x\r\n\r\n";
        for cut in 0..body.len() {
            let mut chunks = Chunks::default();
            let mut joined = Vec::new();
            let first = chunks.feed(&body[..cut], |part| joined.extend_from_slice(part));
            assert_eq!(first, Ok(false), "cut at {cut}");
            let last = chunks.feed(&body[cut..], |part| joined.extend_from_slice(part));
            assert_eq!(last, Ok(true), "cut at {cut}");
            assert_eq!(joined, b"hello 0123456789");
        }
    }
}
