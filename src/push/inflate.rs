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
    /// Reads a `Content-Encoding` header. Like the reference, takes what it does not know as it is.
    pub fn parse(header: &[u8]) -> Encoding {
        if header.eq_ignore_ascii_case(b"gzip") {
            Encoding::Gzip
        } else if header.eq_ignore_ascii_case(b"snappy") {
            Encoding::Snappy
        } else {
            Encoding::Identity
        }
    }
}

/// Why a body cannot be inflated.
#[derive(Debug)]
pub enum InflateError {
    /// It is larger than the bound, once inflated.
    TooLarge,
    /// It is damaged, or ends too early.
    Corrupt(&'static str, std::io::Error),
}

impl fmt::Display for InflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InflateError::TooLarge => write!(f, "body too large once decompressed"),
            InflateError::Corrupt(what, error) => write!(f, "invalid {what} body: {error}"),
        }
    }
}

/// Inflates `body` to at most `bytes_max` bytes.
///
/// # Errors
/// When it would grow past the bound, and when it is corrupt or truncated: then nothing of it may be
/// used.
pub fn inflate(encoding: Encoding, body: Bytes, bytes_max: usize) -> Result<Bytes, InflateError> {
    match encoding {
        Encoding::Identity => Ok(body),
        Encoding::Gzip => read_bounded("gzip", MultiGzDecoder::new(&body[..]), bytes_max),
        Encoding::Snappy => read_bounded("snappy", FrameDecoder::new(&body[..]), bytes_max),
    }
}

fn read_bounded(
    what: &'static str,
    reader: impl Read,
    bytes_max: usize,
) -> Result<Bytes, InflateError> {
    let mut inflated = Vec::new();
    let mut bounded = reader.take(bytes_max as u64 + 1);
    bounded.read_to_end(&mut inflated).map_err(|error| InflateError::Corrupt(what, error))?;
    if inflated.len() > bytes_max {
        return Err(InflateError::TooLarge);
    }
    Ok(Bytes::from(inflated))
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
    fn gzip_members_are_joined() {
        let body = [gzip(b"a 1\n"), gzip(b"b 2\n")].concat();
        let inflated = inflate(Encoding::Gzip, body.into(), 100).expect("inflates");
        assert_eq!(&inflated[..], b"a 1\nb 2\n");
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let bomb = gzip(&vec![0; 10 << 20]);
        assert!(bomb.len() < 100_000);
        let result = inflate(Encoding::Gzip, bomb.into(), 1 << 20);
        assert!(matches!(result, Err(InflateError::TooLarge)));
    }

    #[test]
    fn a_truncated_body_is_corrupt_wherever_it_is_cut() {
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(&[b'x'; 1000]).expect("writes to memory");
        let snappy = encoder.into_inner().expect("flushes");
        for (encoding, whole) in [(Encoding::Gzip, gzip(&[b'x'; 1000])), (Encoding::Snappy, snappy)]
        {
            for cut in 1..whole.len() {
                let result = inflate(encoding, whole[..cut].to_vec().into(), 10_000);
                match result {
                    Err(InflateError::Corrupt(..)) => {}
                    // The stream identifier of snappy is a whole, empty stream.
                    Ok(bytes) => {
                        assert!(encoding == Encoding::Snappy && cut == 10 && bytes.is_empty());
                    }
                    Err(InflateError::TooLarge) => panic!("cut at {cut}"),
                }
            }
        }
    }
}
