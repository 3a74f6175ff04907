//! The labels of one metric.

use super::wire::Field;
use crate::exposition::protobuf::label;
use crate::exposition::{Kind, NameRules};
use crate::push::samples::labels::{Label, Labels};
use crate::push::{Problem, Rules};

/// More labels than this are refused: while a metric is read, each takes 100 bytes of memory, however few
/// it has on the wire.
const METRIC_LABELS_MAX: usize = 1 << 20;

/// Adds a label to those of a metric of that kind. Answers whether more of them matter: one too many does not.
pub(super) fn read<'a>(
    field: Field<'a>,
    kind: Kind,
    rules: &Rules,
    labels: &mut Labels<'a>,
) -> Result<bool, Problem> {
    let (mut name, mut value): (&[u8], &[u8]) = (b"", b"");
    for part in field.message().fields() {
        match part.number {
            label::NAME => name = part.bytes(),
            label::VALUE => value = part.bytes(),
            _ => {}
        }
    }
    let is_likely = labels.likely_name() == Some(name);
    if !is_likely {
        check_name(name, rules.names)?;
    }
    if let Some(part) = kind.part_label().filter(|part| part.as_bytes() == name) {
        return Err(Problem::PartLabel(part));
    }
    if labels.list.len() > rules.labels_max {
        return Ok(false); // The rules find it out, however many there are.
    }
    if labels.list.len() == METRIC_LABELS_MAX {
        return Err(Problem::TooManyLabels);
    }
    let label = Label { name, value, whole: field.record, is_raw: true };
    if is_likely {
        labels.push_likely(label);
    } else {
        labels.push(label, false);
    }
    Ok(true)
}

fn check_name(name: &[u8], rules: NameRules) -> Result<(), Problem> {
    if !rules.allow_label_name(name) {
        Err(Problem::LabelName)
    } else if name.starts_with(b"__") {
        Err(Problem::ReservedLabelName)
    } else {
        Ok(())
    }
}
