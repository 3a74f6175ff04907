//! `Content-Encoding` undone, never past a bound.

use std::fmt;
use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use snap::read::FrameDecoder;

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Taken as it is.
    Identity,
    /// One or more gzip members.
    Gzip,
    /// The framed snappy format.
    Snappy,
}

impl Encoding {
    /// Reads a `Content-Encoding` header. `None` for any encoding that is not known: what it hides is not text.
    pub fn parse(header: &[u8]) -> Option<Encoding> {
        let is = |name: &str| header.eq_ignore_ascii_case(name.as_bytes());
        if is("gzip") || is("x-gzip") {
            Some(Encoding::Gzip)
        } else if is("snappy") {
            Some(Encoding::Snappy)
        } else if is("identity") || is("") {
            Some(Encoding::Identity)
        } else {
            None
        }
    }
}

/// Why a body cannot be inflated.
#[derive(Debug)]
pub enum InflateError {
    /// It is larger than the bound, once inflated.
    TooLarge,
    /// There is no room for it now.
    NoRoom,
    /// It is damaged, or ends too early.
    Corrupt(&'static str, std::io::Error),
}

impl fmt::Display for InflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InflateError::TooLarge => write!(f, "body too large once decompressed"),
            InflateError::NoRoom => write!(f, "no room for a body to be decompressed"),
            InflateError::Corrupt(what, error) => write!(f, "invalid {what} body: {error}"),
        }
    }
}

/// How much room is asked for at a time, at first. Each time it is twice as much as before.
const ROOM_BYTES: usize = 64 << 10;

/// Inflates `body` to at most `bytes_max` bytes. `room` is asked before memory is taken for so many bytes
/// more, and answers whether there is room.
///
/// # Errors
/// When it would grow past the bound, when there is no room, and when it is corrupt or truncated: then
/// nothing of it may be used.
pub fn inflate(
    encoding: Encoding,
    body: Bytes,
    bytes_max: usize,
    room: impl FnMut(usize) -> bool,
) -> Result<Bytes, InflateError> {
    match encoding {
        Encoding::Identity => Ok(body),
        Encoding::Gzip => read_bounded("gzip", MultiGzDecoder::new(&body[..]), bytes_max, room),
        Encoding::Snappy => read_bounded("snappy", FrameDecoder::new(&body[..]), bytes_max, room),
    }
}

fn read_bounded(
    what: &'static str,
    mut reader: impl Read,
    bytes_max: usize,
    mut room: impl FnMut(usize) -> bool,
) -> Result<Bytes, InflateError> {
    let mut inflated: Vec<u8> = Vec::new();
    loop {
        let step = inflated.capacity().max(ROOM_BYTES).min(bytes_max + 1 - inflated.len());
        if !room(step) {
            return Err(InflateError::NoRoom);
        }
        inflated.reserve_exact(step);
        let end = inflated.len() + step;
        let read = reader.by_ref().take(step as u64).read_to_end(&mut inflated);
        read.map_err(|error| InflateError::Corrupt(what, error))?;
        if inflated.len() > bytes_max {
            return Err(InflateError::TooLarge);
        }
        if inflated.len() < end {
            return Ok(Bytes::from(inflated));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).expect("writes to memory");
        encoder.finish().expect("writes to memory")
    }

    #[test]
    fn an_encoding_has_its_names_in_any_case_and_no_others() {
        for (header, encoding) in [
            ("gzip", Some(Encoding::Gzip)),
            ("X-GZip", Some(Encoding::Gzip)),
            ("Snappy", Some(Encoding::Snappy)),
            ("identity", Some(Encoding::Identity)),
            ("", Some(Encoding::Identity)),
            ("deflate", None),
            ("gzip, gzip", None),
        ] {
            assert_eq!(Encoding::parse(header.as_bytes()), encoding, "{header}");
        }
    }

    #[test]
    fn gzip_members_are_joined() {
        let body = [gzip(b"a 1\n"), gzip(b"b 2\n")].concat();
        let inflated = inflate(Encoding::Gzip, body.into(), 100, |_| true).expect("inflates");
        assert_eq!(&inflated[..], b"a 1\nb 2\n");
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let bomb = gzip(&vec![0; 10 << 20]);
        assert!(bomb.len() < 100_000);
        let result = inflate(Encoding::Gzip, bomb.into(), 1 << 20, |_| true);
        assert!(matches!(result, Err(InflateError::TooLarge)));
    }

    #[test]
    fn room_is_asked_for_before_memory_is_taken_and_there_is_an_end_to_both() {
        let text = vec![b'x'; 3 << 20];
        let gzipped = Bytes::from(gzip(&text));
        let inflate = |room_max: usize, bytes_max| {
            let mut left = room_max;
            let inflated = inflate(Encoding::Gzip, gzipped.clone(), bytes_max, |bytes| {
                left.checked_sub(bytes).map(|rest| left = rest).is_some()
            });
            (inflated, room_max - left)
        };
        let (inflated, taken) = inflate(usize::MAX, 4 << 20);
        assert!(inflated.is_ok_and(|inflated| inflated == text));
        assert!((3 << 20..=4 << 20).contains(&taken), "{taken}");
        let (inflated, taken) = inflate(1 << 20, 4 << 20);
        assert!(matches!(inflated, Err(InflateError::NoRoom)) && taken <= 1 << 20);
        let (inflated, taken) = inflate(usize::MAX, text.len() - 1);
        assert!(matches!(inflated, Err(InflateError::TooLarge)) && taken == text.len());
        assert!(inflate(usize::MAX, text.len()).0.is_ok());
    }

    #[test]
    fn a_truncated_body_is_corrupt_wherever_it_is_cut() {
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(&[b'x'; 1000]).expect("writes to memory");
        let snappy = encoder.into_inner().expect("flushes");
        for (encoding, whole) in [(Encoding::Gzip, gzip(&[b'x'; 1000])), (Encoding::Snappy, snappy)]
        {
            for cut in 1..whole.len() {
                let result = inflate(encoding, whole[..cut].to_vec().into(), 10_000, |_| true);
                match result {
                    Err(InflateError::Corrupt(..)) => {}
                    // The stream identifier of snappy is a whole, empty stream.
                    Ok(bytes) => {
                        assert!(encoding == Encoding::Snappy && cut == 10 && bytes.is_empty());
                    }
                    Err(error) => panic!("cut at {cut}: {error}"),
                }
            }
        }
    }
}
