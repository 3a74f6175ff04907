//! The protobuf form of a family, kept where the text cannot say all of it.

use prost::encoding::{WireType, encode_key, encode_varint};
use smallvec::SmallVec;

use super::labels::OwnLabel;
use super::schema::{FAMILY_METRIC, LABEL_NAME, LABEL_VALUE, METRIC_LABEL, Message};
use crate::push::GroupingKey;

/// Writes metrics with the labels of the group merged in, and all else as it came.
#[derive(Debug)]
pub(super) struct Kept<'k> {
    key: &'k GroupingKey,
    /// The labels of the group, in its order: each a field of a metric.
    group: SmallVec<[Vec<u8>; 4]>,
    metric: Vec<u8>,
}

impl<'k> Kept<'k> {
    pub(super) fn new(key: &'k GroupingKey) -> Self {
        let label = |at| {
            let (mut label, mut field) = (Vec::new(), Vec::new());
            put(&mut label, LABEL_NAME, key.name(at).unwrap_or_default());
            put(&mut label, LABEL_VALUE, key.value(at).as_bytes());
            put(&mut field, METRIC_LABEL, &label);
            field
        };
        Kept { key, group: (0..key.len()).map(label).collect(), metric: Vec::new() }
    }

    /// Appends a metric to those of its family. `own` are its labels.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, metric: Message<'_>, own: &[OwnLabel<'_>]) {
        self.metric.clear();
        self.write_labels(own);
        for field in metric.fields().filter(|field| field.number != METRIC_LABEL) {
            self.metric.extend_from_slice(field.record);
        }
        put(out, FAMILY_METRIC, &self.metric);
    }

    /// Merges as the text does: labels of the group override the metric's own.
    fn write_labels(&mut self, own: &[OwnLabel<'_>]) {
        let mut next = 0;
        for label in own {
            while self.key.name(next).is_some_and(|name| name < label.name) {
                self.metric.extend_from_slice(&self.group[next]);
                next += 1;
            }
            let is_in_group = self.key.name(next).is_some_and(|name| name == label.name);
            let is_overridden = is_in_group && self.key.overrides(label.name);
            let record = if is_overridden { &self.group[next] } else { label.record };
            self.metric.extend_from_slice(record);
            next += usize::from(is_in_group);
        }
        self.group[next..].iter().for_each(|record| self.metric.extend_from_slice(record));
    }
}

fn put(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
