//! Bodies built by hand, field by field.

mod encode;
mod kinds;
mod native;
mod refused;
mod same_as_text;
mod wire;

use super::decode_protobuf;
use crate::exposition::{NameRules, write_header};
use crate::push::{Batch, GroupingKey, Rejected};

fn key(path: &str) -> GroupingKey {
    GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("the path is fine")
}

fn decoded(path: &str, body: &[u8]) -> Result<Batch, Rejected> {
    decode_protobuf(&key(path), body, NameRules::Legacy)
}

/// The exposition that a push comes out as.
fn pushed(path: &str, body: &[u8]) -> Result<String, String> {
    let batch = decoded(path, body).map_err(|rejected| match rejected {
        Rejected::Syntax(error) => error.to_string(),
        Rejected::Refused(refusal) => format!("refused: {refusal}"),
        Rejected::TooLarge => "too large".to_owned(),
    })?;
    let mut out = Vec::new();
    for family in &batch.families {
        write_header(&mut out, batch.name(family), family.kind, batch.help(family));
        out.extend_from_slice(batch.text(family));
        let lines = batch.text(family).iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(lines, family.samples as usize);
    }
    Ok(String::from_utf8(out).expect("an exposition is UTF-8"))
}
