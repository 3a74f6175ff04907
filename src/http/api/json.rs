//! What both shapes of a group have in common.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use crate::exposition::{Labels, labels, unescape};
use crate::shard::Timestamp;

/// Labels as an object.
pub(super) struct JsonLabels<'a>(pub(super) Labels<'a>);

impl Serialize for JsonLabels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, unescape(value))))
    }
}

/// The labels that the push URL named: not the empty instance that every sample shows.
pub(super) fn grouping_labels(key: &str, has_empty_instance: bool) -> JsonLabels<'_> {
    let mut labels = labels(key);
    labels.retain(|(name, value)| has_empty_instance || name != "instance" || !value.is_empty());
    JsonLabels(labels)
}

/// A time in RFC 3339, to the nanosecond.
pub(super) fn time_stamp(time: Timestamp) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(time.nanos());
    humantime::format_rfc3339_nanos(time).to_string()
}
