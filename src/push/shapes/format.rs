//! What a body with a shape is written in.

use crate::push::allowance::Allowance;
use crate::push::batch::Batch;
use crate::push::error::Rejected;
use crate::push::key::GroupingKey;
use crate::push::protobuf::decode_protobuf_anew;
use crate::push::rules::Rules;
use crate::push::text;

/// What a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Protobuf,
}

impl Format {
    pub(super) fn decode_anew(
        self,
        key: &GroupingKey,
        body: &[u8],
        rules: Rules,
    ) -> Result<Batch, Rejected> {
        match self {
            Format::Text => text::decode_anew(key, body, rules, Allowance::unlimited()),
            Format::Protobuf => decode_protobuf_anew(key, body, rules, Allowance::unlimited()),
        }
    }
}
