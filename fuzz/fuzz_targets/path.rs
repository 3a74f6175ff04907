//! Any push path: never a panic, and a key that spells sorted labels with a job among them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shardgate::exposition::{NameRules, sample_lines};
use shardgate::push::{GroupingKey, decode};

fuzz_target!(|tail: &[u8]| {
    if let Ok(key) = GroupingKey::parse(tail, NameRules::Utf8) {
        let batch = decode(&key, b"{\"a.b\"} 1\n", NameRules::Utf8);
        assert_eq!(batch.expect("a gauge is accepted under any key").families.len(), 1);
    }
    if let Ok(key) = GroupingKey::parse(tail, NameRules::Legacy) {
        let batch = decode(&key, b"m 1\n", NameRules::Legacy);
        let batch = batch.expect("a gauge is accepted under any key");
        let samples: Vec<_> = sample_lines(batch.text(&batch.families[0])).collect();
        assert_eq!(samples.len(), 1);
        let labels = &samples[0].labels;
        assert!(labels.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(labels.iter().any(|(name, value)| *name == "job" && !value.is_empty()));
        assert!(labels.iter().any(|(name, _)| *name == "instance"));
    }
});
