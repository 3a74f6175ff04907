//! Writes groups without their samples, and the outcome of a deletion.

use std::io::{self, Write};

use serde::Serialize;

use super::json::{JsonLabels, grouping_labels, time_stamp};
use super::listing::Listing;
use super::stream::Stream;
use crate::shard::{Expiry, GroupSummary, Timestamp};

/// A group. Times are `null` where it never happened, and the group's push times are not counted.
#[derive(Serialize)]
struct Group<'a> {
    labels: JsonLabels<'a>,
    last_push_successful: bool,
    push_time: Option<String>,
    push_failure_time: Option<String>,
    families: u64,
    series: u64,
    samples: u64,
    bytes: u64,
    /// How many sources a sum has.
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<u64>,
    /// Whether a sum leaves out native histograms, exemplars or times of creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    natives_left_out: Option<bool>,
    /// The labels of the sum of a source.
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<JsonLabels<'a>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    rules: Option<Rules>,
}

/// What rules make of a group.
#[derive(Serialize)]
struct Rules {
    /// When it expires; `null` if it does not.
    expires: Option<String>,
    rules: Vec<Setting>,
}

/// A setting, and where it comes from: a rule, counted from 1, or the header of the last push.
#[derive(Serialize)]
struct Setting {
    setting: &'static str,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<u16>,
}

impl From<&Expiry> for Rules {
    fn from(expiry: &Expiry) -> Rules {
        let said = expiry.settings().into_iter();
        let rules = said.map(|(setting, value, rule)| Setting { setting, value, rule });
        Rules { expires: expiry.expires.map(time_stamp), rules: rules.collect() }
    }
}

impl<'a> From<&'a GroupSummary> for Group<'a> {
    fn from(summary: &'a GroupSummary) -> Group<'a> {
        let time = |time| (time != Timestamp::NEVER).then(|| time_stamp(time));
        Group {
            labels: grouping_labels(&summary.group.key, summary.has_empty_instance),
            last_push_successful: summary.pushed > summary.failed,
            push_time: time(summary.pushed),
            push_failure_time: time(summary.failed),
            families: summary.families,
            series: summary.series,
            samples: summary.samples,
            bytes: summary.bytes,
            sources: summary.sources,
            natives_left_out: summary.has_left_natives_out.then_some(true),
            sum: summary.sum.as_deref().map(|sum| grouping_labels(sum, false)),
            rules: summary.expiry.as_deref().map(Rules::from),
        }
    }
}

/// The answer to a GET of `/api/v1/groups`.
pub(super) fn write(out: &mut Stream, listing: &Listing) -> io::Result<()> {
    out.write_all(b"{\"status\":\"success\",\"data\":{\"groups\":[")?;
    for (at, summary) in listing.groups.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        serde_json::to_writer(&mut *out, &Group::from(summary))?;
    }
    write!(out, "],\"total\":{}}}}}", listing.total)
}

/// What has come of a DELETE.
#[derive(Debug, Serialize)]
pub(super) struct Deletion {
    /// How many groups were found.
    pub(super) matched: u64,
    /// How many of them were still there to be deleted.
    pub(super) deleted: u64,
    /// Whether nothing was to be deleted.
    pub(super) dry_run: bool,
}
