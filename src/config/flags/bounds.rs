//! The flags that bound what may be pushed and stored.

use clap::Args;

use super::value;
use crate::config::Bounds;
use crate::memory::{self, Memory};

#[derive(Debug, Args)]
pub(super) struct BoundFlags {
    /// Most bytes in a push, before and after decompression.
    #[arg(long = "push.max-body-bytes", value_name = "BYTES", default_value = "67108864", value_parser = value::body_bytes)]
    body_bytes_max: usize,

    /// Most bytes of bodies, and of what they are decoded to, that are in memory at a time, of all pushes together.
    #[arg(long = "push.max-bytes-in-flight", value_name = "BYTES", default_value = "268435456", value_parser = value::at_least_one)]
    in_flight_bytes_max: usize,

    /// Most bytes of samples in a push, once each has the grouping labels; help texts included.
    #[arg(long = "push.max-rendered-bytes", value_name = "BYTES", default_value = "33554432", value_parser = value::rendered_bytes)]
    rendered_bytes_max: usize,

    /// Most labels of a sample, the grouping labels included.
    #[arg(long = "push.max-labels", value_name = "N", default_value = "1024", value_parser = value::at_least_one)]
    labels_max: usize,

    /// Most bytes in the name or the value of a label.
    #[arg(long = "push.max-label-bytes", value_name = "BYTES", default_value = "65536", value_parser = value::at_least_one)]
    label_bytes_max: usize,

    /// Most series stored, those of the push times included; 0 for no bound.
    #[arg(long = "storage.max-series", value_name = "N", default_value = "0")]
    series_max: u64,

    /// Most bytes stored: samples as text, help texts, keys and tables; 0 for no bound. [default: half
    /// of what --push.max-bytes-in-flight leaves of the memory of the machine or its cgroup]
    #[arg(long = "storage.max-bytes", value_name = "BYTES")]
    bytes_max: Option<u64>,

    /// Most bytes that one group counts for, its help texts included.
    #[arg(long = "storage.max-group-bytes", value_name = "BYTES", default_value = "67108864", value_parser = value::group_bytes)]
    group_bytes_max: u64,
}

impl BoundFlags {
    /// Whether the bounds go together.
    ///
    /// # Errors
    /// Which do not, by their flags.
    pub(super) fn check(&self) -> Result<(), String> {
        let (all, one) = (self.in_flight_bytes_max, self.body_bytes_max);
        if all < one {
            return Err(format!(
                "--push.max-bytes-in-flight ({all}) must not be smaller than --push.max-body-bytes ({one})"
            ));
        }
        Ok(())
    }

    /// The flags with their values, and what they come to.
    pub(super) fn into_bounds(self) -> (Vec<(&'static str, String)>, Bounds) {
        let memory = self.bytes_max.is_none().then(memory::limit).flatten();
        let share = |memory: &Memory| memory.share(self.in_flight_bytes_max);
        let bytes_max = self.bytes_max.or(memory.as_ref().map(share)).unwrap_or_default();
        let flags = vec![
            ("push.max-body-bytes", self.body_bytes_max.to_string()),
            ("push.max-bytes-in-flight", self.in_flight_bytes_max.to_string()),
            ("push.max-label-bytes", self.label_bytes_max.to_string()),
            ("push.max-labels", self.labels_max.to_string()),
            ("push.max-rendered-bytes", self.rendered_bytes_max.to_string()),
            ("storage.max-bytes", bytes_max.to_string()),
            ("storage.max-group-bytes", self.group_bytes_max.to_string()),
            ("storage.max-series", self.series_max.to_string()),
        ];
        let bounds = Bounds {
            body_bytes_max: self.body_bytes_max,
            in_flight_bytes_max: self.in_flight_bytes_max,
            rendered_bytes_max: self.rendered_bytes_max,
            labels_max: self.labels_max,
            label_bytes_max: self.label_bytes_max,
            series_max: Some(self.series_max).filter(|max| *max > 0),
            stored_bytes_max: Some(bytes_max).filter(|max| *max > 0),
            group_bytes_max: self.group_bytes_max,
            memory,
        };
        (flags, bounds)
    }
}
