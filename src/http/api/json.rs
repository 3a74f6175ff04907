//! What all answers of the API have in common: their envelope, labels and times.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::exposition::{Labels, labels, unescape};
use crate::http::reply::{Reason, Reply, with_type};
use crate::shard::Timestamp;

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A value as an answer.
pub(super) fn reply(status: StatusCode, value: &Value) -> Reply {
    with_type(status, JSON, Bytes::from(value.to_string()))
}

/// The answer to a query that succeeded.
pub(super) fn success(data: impl Serialize) -> Reply {
    reply(StatusCode::OK, &json!({ "status": "success", "data": data }))
}

/// The answer to a query that failed.
pub(super) fn failed(status: StatusCode, reason: impl fmt::Display) -> Reply {
    let kind = match status {
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        status if status.is_server_error() => "internal",
        _ => "bad_data",
    };
    let reason = reason.to_string();
    let mut reply =
        reply(status, &json!({ "status": "error", "errorType": kind, "error": reason }));
    reply.extensions_mut().insert(Reason(Bytes::from(reason)));
    reply
}

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
