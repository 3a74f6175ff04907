//! Any body of OpenMetrics: what is accepted is an exposition that is accepted as text, unchanged, and what only protobuf can
//! say of it is accepted as protobuf.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shardgate::exposition::{NameRules, write_header};
use shardgate::push::{Batch, GroupingKey, decode, decode_open_metrics};

fn render(batch: &Batch) -> Vec<u8> {
    let mut out = Vec::new();
    for family in &batch.families {
        write_header(&mut out, batch.name(family), family.kind, batch.help(family));
        out.extend_from_slice(batch.text(family));
    }
    out
}

fuzz_target!(|body: &[u8]| {
    for rules in [NameRules::Legacy, NameRules::Utf8] {
        let key = GroupingKey::parse(b"/job/instance/i/zone/z", rules).expect("a valid path");
        if let Ok(batch) = decode_open_metrics(&key, body, rules) {
            let text = render(&batch);
            let again = decode(&key, &text, rules).expect("what was rendered is valid");
            assert_eq!(text, render(&again));
        }
    }
});
