//! One gzip member, stitched from fragments that were compressed apart from each other.
//!
//! A fragment is raw deflate that ends with a sync flush: at a byte border, referring to nothing
//! outside itself, and not the last block. Fragments follow one another in any order behind a gzip
//! header; an empty last block, the combined CRC-32 and the combined length close the member.
//! RFC 1951 and RFC 1952.

use std::cell::RefCell;

use bytes::Bytes;
use zlib_rs::crc32::{crc32, crc32_combine};
use zlib_rs::{Deflate, DeflateFlush};

use crate::shard::{Deflated, Rendering};

/// Level 2 packs an exposition 18 to 1; more takes several times as long for little.
const LEVEL: i32 = 2;
const WINDOW_BITS: u8 = 15;

/// No name, no time, and "unknown" for the operating system.
pub(super) const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// The last block: of fixed codes, and with nothing but the end in it.
const LAST_BLOCK: [u8; 2] = [3, 0];

thread_local! {
    /// Its tables are a quarter of a megabyte, which is too much to allocate for each fragment.
    static DEFLATE: RefCell<Deflate> = RefCell::new(Deflate::new(LEVEL, false, WINDOW_BITS));
}

/// Compresses one fragment.
pub(super) fn deflate(plain: &[u8]) -> Rendering {
    // Room for what cannot be compressed at all, and for the flush.
    let mut fragment = vec![0; plain.len() / 8 + 256];
    let mut end = 0;
    DEFLATE.with_borrow_mut(|deflate| {
        deflate.reset();
        loop {
            let taken = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
            let flush = DeflateFlush::SyncFlush;
            deflate
                .compress(&plain[taken..], &mut fragment[end..], flush)
                .expect("a deflate stream with a place to write to does not fail");
            end = usize::try_from(deflate.total_out()).unwrap_or(usize::MAX);
            if end < fragment.len() {
                return; // With room left, everything has been taken and flushed.
            }
            fragment.resize(fragment.len() * 2, 0);
        }
    });
    let deflated = Deflated { plain_bytes: plain.len(), crc: crc32(0, plain) };
    Rendering { bytes: Bytes::copy_from_slice(&fragment[..end]), deflated: Some(deflated) }
}

/// What the end of a member says about everything before it.
#[derive(Debug, Default)]
pub(super) struct Checks {
    crc: u32,
    plain_bytes: usize,
}

impl Checks {
    /// Takes the next fragment into account.
    pub(super) fn add(&mut self, fragment: Deflated) {
        self.crc = crc32_combine(self.crc, fragment.crc, fragment.plain_bytes as u64);
        self.plain_bytes += fragment.plain_bytes;
    }

    /// The end of the member.
    pub(super) fn trailer(&self) -> Bytes {
        let length = (self.plain_bytes & u32::MAX as usize) as u32;
        let parts = [&LAST_BLOCK[..], &self.crc.to_le_bytes(), &length.to_le_bytes()];
        parts.concat().into()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    fn stitch(plains: &[Vec<u8>]) -> Vec<u8> {
        let mut member = HEADER.to_vec();
        let mut checks = Checks::default();
        for plain in plains {
            let fragment = deflate(plain);
            checks.add(fragment.deflated.expect("it is compressed"));
            member.extend_from_slice(&fragment.bytes);
        }
        member.extend_from_slice(&checks.trailer());
        member
    }

    proptest! {
        #[test]
        fn stitched_fragments_are_one_member(
            plains in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..5000),
                    (any::<u8>(), 0..100_000_usize).prop_map(|(byte, count)| vec![byte; count]),
                    "[a-z{}=\", 0-9\n]{0,3000}".prop_map(String::into_bytes),
                ],
                0..6,
            )
        ) {
            let member = stitch(&plains);
            let mut decoder = GzDecoder::new(&member[..]);
            let mut read = Vec::new();
            decoder.read_to_end(&mut read).expect("the member is whole, its checks right");
            prop_assert_eq!(read, plains.concat());
            prop_assert!(decoder.into_inner().is_empty(), "nothing stands behind it");
        }
    }
}
