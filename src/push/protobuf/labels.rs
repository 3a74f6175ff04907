//! The labels of one metric.

use std::borrow::Cow;

use memchr::memchr3;
use smallvec::SmallVec;

use super::schema::Message;
use crate::exposition::protobuf::{label, metric};
use crate::exposition::{Kind, NameRules, write_label_value};
use crate::push::line::Label;
use crate::push::{Problem, Rules};

/// More labels than this are refused: while a metric is read, each takes 100 bytes of memory, however few
/// it has on the wire.
const METRIC_LABELS_MAX: usize = 1 << 20;

/// A label as pushed.
#[derive(Debug)]
pub(super) struct OwnLabel<'a> {
    pub(super) name: &'a [u8],
    /// With the escapes of the text format.
    value: Cow<'a, [u8]>,
    /// All of the field.
    pub(super) record: &'a [u8],
}

impl OwnLabel<'_> {
    /// The label as a line of text has it.
    pub(super) fn as_text(&self) -> Label<'_> {
        Label { name: self.name, value: &self.value, whole: b"" }
    }
}

/// The labels of a metric, sorted by name, each name once.
pub(super) type OwnLabels<'a> = SmallVec<[OwnLabel<'a>; 8]>;

/// Reads the labels of a metric of that kind.
pub(super) fn read<'a>(
    metric: Message<'a>,
    kind: Kind,
    rules: &Rules,
) -> Result<OwnLabels<'a>, Problem> {
    let mut labels = OwnLabels::new();
    for field in metric.fields().filter(|field| field.number == metric::LABEL) {
        let (mut name, mut value): (&[u8], &[u8]) = (b"", b"");
        for part in field.message().fields() {
            match part.number {
                label::NAME => name = part.bytes(),
                label::VALUE => value = part.bytes(),
                _ => {}
            }
        }
        check_name(name, kind, rules.names)?;
        if labels.len() > rules.labels_max {
            break; // One too many is found out below, however many there are.
        }
        if labels.len() == METRIC_LABELS_MAX {
            return Err(Problem::TooManyLabels);
        }
        labels.push(OwnLabel { name, value: escaped(value), record: field.record });
    }
    if !labels.is_sorted_by(|one, next| one.name < next.name) {
        labels.sort_unstable_by_key(|label| label.name);
        if labels.windows(2).any(|pair| pair[0].name == pair[1].name) {
            return Err(Problem::DuplicateLabelName);
        }
    }
    Ok(labels)
}

fn check_name(name: &[u8], kind: Kind, rules: NameRules) -> Result<(), Problem> {
    if !rules.allow_label_name(name) {
        return Err(Problem::LabelName);
    }
    if name.starts_with(b"__") {
        return Err(Problem::ReservedLabelName);
    }
    match kind.part_label() {
        Some(part) if part.as_bytes() == name => Err(Problem::PartLabel(part)),
        _ => Ok(()),
    }
}

fn escaped(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr3(b'\\', b'"', b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut escaped = Vec::with_capacity(value.len() + 8);
    write_label_value(&mut escaped, value);
    Cow::Owned(escaped)
}
