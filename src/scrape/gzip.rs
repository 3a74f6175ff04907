//! The chunks of an exposition, compressed.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Level 2 packs an exposition 18 to 1; more takes several times as long for little.
const LEVEL: Compression = Compression::new(2);

/// The chunks as one gzip member.
pub fn gzip(chunks: &[Bytes]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), LEVEL);
    for chunk in chunks {
        encoder.write_all(chunk).expect("writing to memory cannot fail");
    }
    encoder.finish().expect("writing to memory cannot fail").into()
}
