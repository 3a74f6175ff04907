//! Writes groups with all of their samples, read back from the stored exposition.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use smallvec::SmallVec;

use super::json::{JsonLabels, grouping_labels, time_stamp};
use super::stream::Stream;
use crate::exposition::{
    Kind, Parted, is_whole, parse_number, parted, sample_lines, unescape, write_number,
};
use crate::http::push_priority::PushPriority;
use crate::shard::{FamilyView, GroupRef, GroupView, Shards};
use crate::ui::{Bucket, Native, natives};

/// How many groups are asked for at a time, and of how many bytes, unless one alone has more.
const GROUPS_PER_TURN: usize = 64;
const BYTES_PER_TURN: u64 = 128 << 10;

/// The answer to `/api/v1/metrics`: these groups, each with its approximate size in bytes.
pub(super) fn write(
    out: &mut Stream,
    shards: &Shards,
    mut groups: &[(GroupRef, u64)],
) -> io::Result<()> {
    let priority = PushPriority::new(shards.clone());
    out.write_all(b"{\"data\":[")?;
    let mut is_first = true;
    while !groups.is_empty() {
        let (turn, rest) = groups.split_at(turn(groups));
        groups = rest;
        let turn: SmallVec<[GroupRef; GROUPS_PER_TURN]> =
            turn.iter().map(|(group, _)| group.clone()).collect();
        let views = out.runtime().block_on(shards.views(&turn));
        for view in views.map_err(|unavailable| io::Error::other(unavailable.to_string()))? {
            if !std::mem::take(&mut is_first) {
                out.write_all(b",")?;
            }
            serde_json::to_writer(&mut *out, &Group(&view))?;
        }
        if let Some(pause) = priority.pause() {
            std::thread::sleep(pause);
        }
    }
    out.write_all(b"],\"status\":\"success\"}")
}

/// How many groups the next turn asks for.
fn turn(groups: &[(GroupRef, u64)]) -> usize {
    let bytes = groups.iter().take(GROUPS_PER_TURN).scan(0, |sum, (_, bytes)| {
        *sum += bytes;
        Some(*sum)
    });
    bytes.take_while(|bytes| *bytes <= BYTES_PER_TURN).count().max(1)
}

struct Group<'a>(&'a GroupView);

impl Serialize for Group<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Group(group) = self;
        // As in the reference, a family of such a name is shown in the place of what the key would say.
        let is_family = |name: &str| group.families.iter().any(|family| &*family.name == name);
        let mut object = serializer.serialize_map(None)?;
        if !is_family("labels") {
            let labels = grouping_labels(&group.key, group.has_empty_instance);
            object.serialize_entry("labels", &labels)?;
        }
        if !is_family("last_push_successful") {
            object.serialize_entry("last_push_successful", &(group.pushed > group.failed))?;
        }
        for family in &group.families {
            object.serialize_entry(&*family.name, &Family::from(family))?;
        }
        object.end()
    }
}

#[derive(Serialize)]
struct Family<'a> {
    time_stamp: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Cow<'a, str>>,
    metrics: Metrics<'a>,
}

impl<'a> From<&'a FamilyView> for Family<'a> {
    fn from(family: &'a FamilyView) -> Family<'a> {
        Family {
            time_stamp: time_stamp(family.pushed),
            r#type: family.kind.api(),
            help: family.help.as_deref().map(unescape),
            metrics: Metrics(family),
        }
    }
}

/// One object a series.
struct Metrics<'a>(&'a FamilyView);

#[derive(Serialize)]
struct Metric<'a> {
    labels: JsonLabels<'a>,
    value: &'a str,
}

/// A series of a histogram or summary.
struct Series<'a> {
    parted: Parted<'a>,
    is_summary: bool,
    native: Option<Native>,
}

impl Serialize for Metrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Metrics(family) = self;
        let is_summary = family.kind == Kind::Summary;
        match family.kind.part_label() {
            Some(label) => {
                let series = parted(&family.text, &family.name, label);
                // They are in the order of the text.
                let mut natives = natives(family.native.as_deref().unwrap_or_default());
                serializer.collect_seq(series.map(|parted| {
                    let native = natives.next().flatten();
                    Series { parted, is_summary, native }
                }))
            }
            None => {
                serializer.collect_seq(sample_lines(&family.text).map(|sample| Metric {
                    labels: JsonLabels(sample.labels),
                    value: sample.value,
                }))
            }
        }
    }
}

/// A count, in full where it is whole.
fn count(spelled: &str) -> Cow<'_, str> {
    match parse_number(spelled.as_bytes()) {
        Some(value) if is_whole(value) => (value as u64).to_string().into(),
        _ => spelled.into(),
    }
}

impl Serialize for Series<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Series { parted, is_summary, native } = self;
        let mut object = serializer.serialize_map(None)?;
        match native {
            Some(native) => object.serialize_entry("buckets", &NativeBuckets(native))?,
            None if *is_summary => object.serialize_entry("quantiles", &Parts(self))?,
            None => object.serialize_entry("buckets", &Parts(self))?,
        }
        object.serialize_entry("count", &count(parted.count))?;
        object.serialize_entry("labels", &JsonLabels(parted.labels.clone()))?;
        object.serialize_entry("sum", &parted.sum)?;
        object.end()
    }
}

/// Buckets or quantiles as an object.
struct Parts<'s, 'a>(&'s Series<'a>);

impl Serialize for Parts<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Parts(Series { parted, is_summary, .. }) = self;
        serializer.collect_map(parted.parts.iter().map(|(bound, value)| {
            (bound, if *is_summary { Cow::Borrowed(*value) } else { count(value) })
        }))
    }
}

/// The buckets of a native histogram that are not empty, from the lowest to the highest. As in the reference, each is a list: which
/// of its bounds it includes (0 the upper one, 1 the lower one, 3 both), the bounds, and the count.
struct NativeBuckets<'s>(&'s Native);

impl Serialize for NativeBuckets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let NativeBuckets(Native { buckets, .. }) = self;
        let is_filled = |bucket: &&Bucket| bucket.count != 0.0;
        serializer.collect_seq(buckets.iter().filter(is_filled).map(|bucket| {
            let from = bucket.from.unwrap_or(f64::NEG_INFINITY);
            let included = match (from < 0.0, bucket.to > 0.0) {
                (true, true) => 3,
                (true, false) => 1,
                _ => 0,
            };
            let count = spelled(bucket.count);
            (included, spelled(from), spelled(bucket.to), self::count(&count).into_owned())
        }))
    }
}

fn spelled(number: f64) -> String {
    let mut text = Vec::new();
    write_number(&mut text, number);
    String::from_utf8(text).expect("a number is spelled in ASCII")
}
