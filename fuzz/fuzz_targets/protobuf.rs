//! Any delimited protobuf: what is accepted is an exposition that is accepted as text, unchanged, and
//! what is kept of its protobuf form says the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shardgate::exposition::{Kind, NameRules, write_header};
use shardgate::push::{Batch, BatchFamily, GroupingKey, decode, decode_protobuf};

const RULES: NameRules = NameRules::Utf8;

/// The family as text. Its help is left out: blanks around it are not read back.
fn text(batch: &Batch, family: &BatchFamily) -> Vec<u8> {
    let mut out = Vec::new();
    write_header(&mut out, batch.name(family), family.kind, "");
    out.extend_from_slice(batch.text(family));
    out
}

/// The family as a delimited message, given its metrics.
fn message(batch: &Batch, family: &BatchFamily, metrics: &[u8]) -> Vec<u8> {
    let kind = match family.kind {
        Kind::Counter => 0,
        Kind::Gauge => 1,
        Kind::Summary => 2,
        Kind::Untyped => 3,
        Kind::Histogram => 4,
        Kind::GaugeHistogram => 5,
    };
    let name = batch.name(family).as_bytes();
    let fields = [&[0x0a][..], &varint(name.len()), name, &[0x18, kind], metrics].concat();
    [varint(fields.len()), fields].concat()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fuzz_target!(|body: &[u8]| {
    let key = GroupingKey::parse(b"/job/instance/i/zone/z", RULES).expect("a valid path");
    let Ok(batch) = decode_protobuf(&key, body, RULES) else { return };
    for family in &batch.families {
        let again = decode(&key, &text(&batch, family), RULES).expect("what was rendered is valid");
        assert_eq!(batch.text(family), again.text(&again.families[0]));
        if let Some(metrics) = batch.native(family) {
            let message = message(&batch, family, metrics);
            let again = decode_protobuf(&key, &message, RULES).expect("what was kept is valid");
            assert_eq!(batch.text(family), again.text(&again.families[0]));
            assert_eq!(Some(metrics), again.native(&again.families[0]));
        }
    }
});
