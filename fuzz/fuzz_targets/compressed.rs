//! Any compressed body: never a panic, and never more than the bound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shardgate::push::{Encoding, inflate};

const BYTES_MAX: usize = 1 << 20;

fuzz_target!(|body: &[u8]| {
    for encoding in [Encoding::Gzip, Encoding::Snappy] {
        let body = bytes::Bytes::copy_from_slice(body);
        if let Ok(inflated) = inflate(encoding, body, BYTES_MAX, |_| true) {
            assert!(inflated.len() <= BYTES_MAX);
        }
    }
});
