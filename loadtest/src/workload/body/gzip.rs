//! Compresses a body into memory that is there already.

use flate2::{Compress, Compression, FlushCompress, Status};

/// A gzip encoder that is used again and again.
#[derive(Debug)]
pub(crate) struct Gzip {
    state: Compress,
}

impl Gzip {
    pub(crate) fn new() -> Self {
        /// The largest window gzip knows.
        const WINDOW_BITS: u8 = 15;
        Self { state: Compress::new_gzip(Compression::fast(), WINDOW_BITS) }
    }

    /// Appends one gzip member that holds `body`.
    pub(crate) fn compress(&mut self, body: &[u8], out: &mut Vec<u8>) {
        /// More than any header, trailer and block framing of an incompressible body.
        const OVERHEAD_BYTES: usize = 1024;
        out.reserve(body.len() + body.len() / 1024 + OVERHEAD_BYTES);
        self.state.reset();
        let status = self.state.compress_vec(body, out, FlushCompress::Finish);
        assert!(matches!(status, Ok(Status::StreamEnd)), "the reserved room holds every body");
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn every_use_gives_a_member_of_its_own() {
        let mut gzip = Gzip::new();
        for body in [&b"hello hello hello"[..], b"", &[7; 100_000]] {
            let mut out = b"head".to_vec();
            gzip.compress(body, &mut out);
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(&out[4..]).read_to_end(&mut back).expect("valid gzip");
            assert_eq!(back, body);
        }
    }
}
