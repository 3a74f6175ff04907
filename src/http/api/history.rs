//! The samples of the last hour, column by column.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::json::success;
use crate::history::{History, SAMPLE_EVERY, Sample};
use crate::http::reply::Reply;

/// What the history needs.
#[derive(Debug)]
pub(crate) struct HistoryApi {
    pub(crate) history: Arc<History>,
}

impl HistoryApi {
    /// What was counted in the last hour.
    pub(crate) fn answer(&self) -> Reply {
        success(columns(&self.history.samples()))
    }
}

/// One array for each sampled value, all of the same length, oldest first. `time` is in seconds since 1970; `null` stands
/// where nothing has been sampled yet.
fn columns(samples: &[Sample]) -> Value {
    fn column<T: Serialize>(samples: &[Sample], read: impl Fn(&Sample) -> T) -> Value {
        samples.iter().map(|sample| json!(read(sample))).collect()
    }
    json!({
        "interval_seconds": SAMPLE_EVERY.as_secs(),
        "time": column(samples, |sample| sample.time),
        "pushes_per_second": column(samples, |sample| sample.pushes_per_second),
        "failures_per_second": column(samples, |sample| sample.failures_per_second),
        "groups": column(samples, |sample| sample.groups),
        "series": column(samples, |sample| sample.series),
        "memory_bytes": column(samples, |sample| sample.memory_bytes),
        "scrape_seconds": column(samples, |sample| sample.scrape_seconds),
        "scrape_bytes": column(samples, |sample| sample.scrape_bytes),
        "queue_length_max": column(samples, |sample| sample.queue_length_max),
        "shard_groups_min": column(samples, |sample| sample.shard_groups_min),
        "shard_groups_max": column(samples, |sample| sample.shard_groups_max),
        "persistence_lag_seconds": column(samples, |sample| sample.persistence_lag_seconds),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_of_the_same_length() {
        let first = Sample { time: 10, groups: 3, ..Sample::default() };
        let second = Sample { time: 20, scrape_seconds: Some(0.5), ..Sample::default() };
        let columns = columns(&[first, second]);
        assert_eq!(columns["time"], json!([10, 20]));
        assert_eq!(columns["groups"], json!([3, 0]));
        assert_eq!(columns["scrape_seconds"], json!([null, 0.5]));
        let lengths = columns.as_object().into_iter().flatten();
        let lengths: Vec<_> =
            lengths.filter_map(|(_, column)| Some(column.as_array()?.len())).collect();
        assert_eq!(lengths, [2; 12]);
    }
}
