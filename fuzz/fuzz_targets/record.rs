//! Any payload behind a right checksum, and any bytes: never a panic, and what is read is the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shardgate::persist::Record;
use xxhash_rust::xxh3::xxh3_128;

/// The record of a payload, as it is stored.
fn seal(payload: &[u8]) -> Vec<u8> {
    let mut record = b"shardgrp".to_vec();
    record.extend_from_slice(&1_u32.to_le_bytes());
    record.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    record.extend_from_slice(&7_u64.to_le_bytes());
    record.extend_from_slice(payload);
    record.extend_from_slice(&xxh3_128(&record).to_le_bytes());
    record
}

fuzz_target!(|bytes: &[u8]| {
    let _is_any = Record::read(bytes).and_then(|record| record.restore());
    let sealed = seal(bytes);
    let record = Record::read(&sealed).expect("its checksum is right");
    assert_eq!((record.sequence, record.bytes), (7, &sealed[..]));
    if let Ok(group) = record.restore() {
        assert_eq!(record.key(), Ok(group.key.text()));
        assert_eq!(group.pushed.len(), group.batch.families.len());
        let series = |family| group.batch.series(family).len();
        assert!(group.batch.families.iter().all(|family| series(family) <= family.samples as usize));
    }
});
