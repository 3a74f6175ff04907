//! The protobuf form of a family, kept where the text cannot say all of it.

use smallvec::SmallVec;

use super::schema::Message;
use crate::exposition::protobuf::{family, label, metric, write_bytes, write_message};
use crate::push::GroupingKey;
use crate::push::samples::labels::Label;

/// Writes metrics with the labels of the group merged in, and all else as it came.
#[derive(Debug)]
pub(super) struct Kept<'k> {
    key: &'k GroupingKey,
    /// The labels of the group, in its order: each a field of a metric.
    group: SmallVec<[Vec<u8>; 4]>,
}

impl<'k> Kept<'k> {
    pub(super) fn new(key: &'k GroupingKey) -> Self {
        let record = |at| {
            let mut record = Vec::new();
            write_message(&mut record, metric::LABEL, |out| {
                write_bytes(out, label::NAME, key.name(at).unwrap_or_default());
                write_bytes(out, label::VALUE, key.value(at).as_bytes());
            });
            record
        };
        Kept { key, group: (0..key.len()).map(record).collect() }
    }

    /// How many bytes [`Kept::write`] may append.
    pub(super) fn bytes_max(&self, metric: Message<'_>) -> usize {
        /// A key and a length.
        const AROUND: usize = 16;
        let group: usize = self.group.iter().map(Vec::len).sum();
        metric.bytes() + group + AROUND
    }

    /// Appends a metric to those of its family. `own` are its labels.
    pub(super) fn write(&self, out: &mut Vec<u8>, metric: Message<'_>, own: &[Label<'_>]) {
        write_message(out, family::METRIC, |out| {
            self.write_labels(out, own);
            for field in metric.fields().filter(|field| field.number != metric::LABEL) {
                out.extend_from_slice(field.record);
            }
        });
    }

    /// Merges as the text does: labels of the group override the metric's own.
    fn write_labels(&self, out: &mut Vec<u8>, own: &[Label<'_>]) {
        let mut next = 0;
        for label in own {
            while self.key.name(next).is_some_and(|name| name < label.name) {
                out.extend_from_slice(&self.group[next]);
                next += 1;
            }
            let is_in_group = self.key.name(next).is_some_and(|name| name == label.name);
            let is_overridden = is_in_group && self.key.overrides(label.name);
            let record = if is_overridden { &self.group[next] } else { label.whole };
            out.extend_from_slice(record);
            next += usize::from(is_in_group);
        }
        self.group[next..].iter().for_each(|record| out.extend_from_slice(record));
    }
}
