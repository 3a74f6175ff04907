//! Bodies built by hand, field by field.

mod encode;
mod kinds;
mod native;
mod refused;
mod same_as_text;
mod wire;

use crate::exposition::NameRules;
use crate::push::decode_protobuf;
use crate::push::render_for_test::render_for_test;
use crate::push::{Batch, GroupingKey, Rejected};

fn key(path: &str) -> GroupingKey {
    GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("the path is fine")
}

fn decoded(path: &str, body: &[u8]) -> Result<Batch, Rejected> {
    decode_protobuf(&key(path), body, NameRules::Legacy)
}

/// The exposition that a push comes out as.
fn pushed(path: &str, body: &[u8]) -> Result<String, String> {
    render_for_test(decoded(path, body))
}
