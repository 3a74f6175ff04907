//! Any bytes as a Pushgateway's persistence file: never a panic, and what is read is in order and has come out of the bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shardgate::gob::read;

fuzz_target!(|file: &[u8]| match read(file) {
    Ok(groups) => {
        assert!(groups.is_sorted_by(|a, b| a.labels < b.labels));
        let mut bytes = 0;
        for group in &groups {
            assert!(group.labels.is_sorted_by(|a, b| a.0 < b.0));
            assert!(group.families.is_sorted_by(|a, b| a.name < b.name));
            bytes +=
                group.labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
            bytes += group
                .families
                .iter()
                .map(|family| family.name.len() + family.metrics.len())
                .sum::<usize>();
        }
        assert!(bytes <= file.len());
    }
    Err(error) => assert!(error.offset <= file.len(), "{error}"),
});
