//! Makes protobuf from a group of an answer, for a push to the target.

use prost::encoding::encode_varint;

use super::answer::{Buckets, Family, Group, Metric, Pairs};
use super::group::{Lost, SourceGroup};
use crate::exposition::protobuf::{
    bucket, family, histogram, label, metric, number_of, quantile, summary, value, value_field,
    write_bytes, write_double, write_message, write_varint,
};
use crate::exposition::{Kind, parse_number};
use crate::push::{GroupingKey, PUSH_FAILURE_TIME, PUSH_TIME};
use crate::shard::Timestamp;

/// Why a group cannot be copied.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unclear {
    /// A family named `labels` hides those of the group.
    #[error("a family named labels hides the labels of the group")]
    Labels,
    /// No label is a job.
    #[error("a group without a job")]
    NoJob,
    /// It lacks the time of its pushes, or that is none.
    #[error("{0} is missing or no time")]
    Time(&'static str),
    /// A type that is not known.
    #[error("family {family}: unknown type {kind:?}")]
    Type { family: String, kind: String },
    /// Not a number, or none at all.
    #[error("family {family}: the source tells no {what} of it")]
    Number { family: String, what: &'static str },
}

impl SourceGroup {
    /// The group that a gateway tells of.
    ///
    /// # Errors
    /// Why it cannot be copied.
    pub(super) fn from_answer(group: &Group) -> Result<SourceGroup, Lost> {
        let Some(Pairs(labels)) = &group.labels else {
            return Err(Lost::Nameless(hidden(group), Unclear::Labels));
        };
        let Some(key) = GroupingKey::from_labels(labels) else {
            return Err(Lost::Nameless(format!("{labels:?}"), Unclear::NoJob));
        };
        match read(group, labels) {
            Ok((pushed, failed, body, cut)) => Ok(SourceGroup { key, pushed, failed, body, cut }),
            Err(unclear) => Err(Lost::Named(key.into(), unclear)),
        }
    }
}

/// The labels of a group that hides them, as its samples show them.
fn hidden(group: &Group) -> String {
    let shown = group.families.iter().find(|(name, _)| name == PUSH_TIME);
    let metric = shown.and_then(|(_, family)| family.metrics.first());
    metric.map_or_else(String::new, |metric| format!("{:?}", metric.labels.0))
}

type Parts = (Timestamp, Timestamp, Vec<u8>, u64);

fn read(group: &Group, labels: &[(String, String)]) -> Result<Parts, Unclear> {
    let (mut pushed, mut failed) = (None, None);
    let (mut body, mut message, mut cut) = (Vec::new(), Vec::new(), 0);
    for (name, shown) in &group.families {
        match &**name {
            PUSH_TIME => pushed = time(shown),
            PUSH_FAILURE_TIME => failed = time(shown),
            _ if shown.metrics.is_empty() => {}
            _ => {
                message.clear();
                cut += write_family(&mut message, name, shown, labels)?;
                encode_varint(message.len() as u64, &mut body);
                body.extend_from_slice(&message);
            }
        }
    }
    let pushed = pushed.ok_or(Unclear::Time(PUSH_TIME))?;
    let failed = failed.ok_or(Unclear::Time(PUSH_FAILURE_TIME))?;
    Ok((pushed, failed, body, cut))
}

fn time(family: &Family) -> Option<Timestamp> {
    let [metric] = &family.metrics[..] else { return None };
    parse_number(metric.value.as_ref()?.as_bytes()).and_then(Timestamp::from_seconds)
}

/// Appends a family, and answers how many of its histograms have lost their native buckets.
fn write_family(
    out: &mut Vec<u8>,
    name: &str,
    shown: &Family,
    grouping: &[(String, String)],
) -> Result<u64, Unclear> {
    let unknown = || Unclear::Type { family: name.to_owned(), kind: shown.r#type.clone() };
    let kind = Kind::parse(shown.r#type.as_bytes()).ok_or_else(unknown)?;
    write_bytes(out, family::NAME, name.as_bytes());
    if !shown.help.is_empty() {
        write_bytes(out, family::HELP, shown.help.as_bytes());
    }
    write_varint(out, family::TYPE, number_of(kind));
    let (mut cut, mut outcome) = (0, Ok(()));
    for one in &shown.metrics {
        cut += u64::from(lacks_buckets(kind, one));
        write_message(out, family::METRIC, |out| {
            for (name, value) in &one.labels.0 {
                // The path says those of the group.
                if !grouping.iter().any(|(grouping, _)| grouping == name) {
                    write_message(out, metric::LABEL, |out| {
                        write_bytes(out, label::NAME, name.as_bytes());
                        write_bytes(out, label::VALUE, value.as_bytes());
                    });
                }
            }
            write_message(out, value_field(kind), |out| {
                if let Err(what) = write_value(out, kind, one) {
                    outcome = Err(Unclear::Number { family: name.to_owned(), what });
                }
            });
        });
    }
    outcome.map(|()| cut)
}

/// Whether the source does not show the buckets of a histogram in a form that can be copied. Those of a native one are
/// shown for people to read, and by older gateways not at all: then there are none, whatever the count.
fn lacks_buckets(kind: Kind, one: &Metric) -> bool {
    if !matches!(kind, Kind::Histogram | Kind::GaugeHistogram) {
        return false;
    }
    match &one.buckets {
        Some(Buckets::Native(_)) => true,
        Some(Buckets::Classic(Pairs(buckets))) if !buckets.is_empty() => false,
        _ => number(one.count.as_deref(), "count").is_ok_and(|count| count > 0.0),
    }
}

/// Appends what a metric says, or answers what it lacks.
fn write_value(out: &mut Vec<u8>, kind: Kind, one: &Metric) -> Result<(), &'static str> {
    match kind {
        Kind::Untyped | Kind::Counter | Kind::Gauge => {
            write_double(out, value::VALUE, number(one.value.as_deref(), "value")?);
        }
        Kind::Summary => {
            let Count::Whole(count) = count(one.count.as_deref())? else {
                return Err("whole count");
            };
            write_varint(out, summary::COUNT, count);
            if one.sum.is_some() {
                write_double(out, summary::SUM, number(one.sum.as_deref(), "sum")?);
            }
            let quantiles = &one.quantiles.as_ref().ok_or("quantiles")?.0;
            for (bound, quantile) in by_bound(quantiles, "quantile")? {
                let quantile = number(Some(quantile), "quantile")?;
                write_message(out, summary::QUANTILE, |out| {
                    write_double(out, quantile::BOUND, bound);
                    write_double(out, quantile::VALUE, quantile);
                });
            }
        }
        Kind::Histogram | Kind::GaugeHistogram => {
            count(one.count.as_deref())?.write(out, histogram::COUNT, histogram::COUNT_FLOAT);
            if one.sum.is_some() {
                write_double(out, histogram::SUM, number(one.sum.as_deref(), "sum")?);
            }
            let buckets = match one.buckets.as_ref().ok_or("buckets")? {
                Buckets::Classic(Pairs(buckets)) => &buckets[..],
                Buckets::Native(_) => &[],
            };
            for (bound, in_bucket) in by_bound(buckets, "bucket")? {
                let in_bucket = count(Some(in_bucket))?;
                write_message(out, histogram::BUCKET, |out| {
                    in_bucket.write(out, bucket::COUNT, bucket::COUNT_FLOAT);
                    write_double(out, bucket::BOUND, bound);
                });
            }
        }
    }
    Ok(())
}

/// In the order of their bounds: JSON has them in that of their texts.
fn by_bound<'a>(
    pairs: &'a [(String, String)],
    what: &'static str,
) -> Result<Vec<(f64, &'a str)>, &'static str> {
    let mut sorted = Vec::with_capacity(pairs.len());
    for (bound, value) in pairs {
        sorted.push((number(Some(bound), what)?, &**value));
    }
    sorted.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    Ok(sorted)
}

fn number(text: Option<&str>, what: &'static str) -> Result<f64, &'static str> {
    text.and_then(|text| parse_number(text.as_bytes())).ok_or(what)
}

/// A count, exact where it is whole.
enum Count {
    Whole(u64),
    Float(f64),
}

fn count(text: Option<&str>) -> Result<Count, &'static str> {
    match text.map(str::parse) {
        Some(Ok(whole)) => Ok(Count::Whole(whole)),
        _ => number(text, "count").map(Count::Float),
    }
}

impl Count {
    fn write(&self, out: &mut Vec<u8>, whole_field: u32, float_field: u32) {
        match self {
            Count::Whole(count) => write_varint(out, whole_field, *count),
            Count::Float(count) => write_double(out, float_field, *count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer;
    use super::*;
    use crate::exposition::NameRules;
    use crate::push::decode_protobuf;

    /// The times and the exposition of a group, given as its families.
    fn group(families: &str) -> Result<(f64, f64, String), String> {
        let time = |name: &str, time: &str| {
            format!(r#""{name}":{{"type":"GAUGE","metrics":[{{"labels":{{}},"value":"{time}"}}]}}"#)
        };
        let times = [time(PUSH_TIME, "1.7953618278162005e+09"), time(PUSH_FAILURE_TIME, "0")];
        read_one(&format!(r#"{{"labels":{{"job":"a"}},{families}{}}}"#, times.join(",")))
    }

    fn read_one(group: &str) -> Result<(f64, f64, String), String> {
        let mut found = None;
        let mut keep = |group| {
            found = Some(SourceGroup::from_answer(&group));
            true
        };
        let read = answer::read(format!(r#"{{"data":[{group}]}}"#).as_bytes(), &mut keep);
        read.map_err(|error| error.to_string())?;
        let group = found.ok_or("no group")?;
        let group = group.map_err(|lost| format!("{}: {}", lost.shown(), lost.reason()))?;
        let batch = decode_protobuf(&group.key, &group.body, NameRules::Legacy);
        let batch = batch.map_err(|rejected| format!("{rejected:?}"))?;
        let text = batch.families.iter().flat_map(|family| {
            let header = format!("# {} {}\n", family.kind.text(), batch.help(family));
            [header, String::from_utf8_lossy(batch.text(family)).into_owned()]
        });
        Ok((group.pushed.seconds(), group.failed.seconds(), text.collect()))
    }

    #[test]
    fn all_kinds_come_through() {
        let (pushed, failed, text) = group(
            r#""c":{"type":"COUNTER","help":"A \\ and\na line","metrics":[
                 {"labels":{"k":"v\"","job":"a","instance":""},"value":"NaN"}]},
               "h":{"type":"HISTOGRAM","metrics":[{"labels":{},"sum":"31.9","count":"21",
                 "buckets":{"+Inf":"21","0.5":"9","1e+06":"20"}}]},
               "s":{"type":"SUMMARY","metrics":[{"labels":{},"sum":"-Inf","count":"3",
                 "quantiles":{"0.9":"NaN","0.5":"1"}}]},
               "u":{"type":"UNTYPED","metrics":[{"labels":{"instance":"i"},"value":"1.5e+06"}]},"#,
        )
        .expect("it is a group");
        assert_eq!((pushed, failed), (1_795_361_827.816_200_5, 0.0));
        let expected = r#"# counter A \\ and\na line
c{instance="",job="a",k="v\""} NaN
# histogram 
h_bucket{instance="",job="a",le="0.5"} 9
h_bucket{instance="",job="a",le="1e+06"} 20
h_bucket{instance="",job="a",le="+Inf"} 21
h_sum{instance="",job="a"} 31.9
h_count{instance="",job="a"} 21
# summary 
s{instance="",job="a",quantile="0.5"} 1
s{instance="",job="a",quantile="0.9"} NaN
s_sum{instance="",job="a"} -Inf
s_count{instance="",job="a"} 3
# untyped 
u{instance="i",job="a"} 1.5e+06
"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn what_cannot_be_copied_is_named() {
        for (families, reason) in [
            (
                r#""m":{"type":"ENUM","metrics":[{"labels":{}}]},"#,
                r#"family m: unknown type "ENUM""#,
            ),
            (
                r#""m":{"type":"GAUGE","metrics":[{"labels":{}}]},"#,
                "family m: the source tells no value",
            ),
            (
                r#""m":{"type":"GAUGE_HISTOGRAM","metrics":[{"labels":{},"value":"0"}]},"#,
                "family m: the source tells no count",
            ),
            (
                r#""m":{"type":"SUMMARY","metrics":[{"labels":{},"count":"1.5","quantiles":{}}]},"#,
                "family m: the source tells no whole count",
            ),
        ] {
            let error = group(families).expect_err(families);
            assert!(error.starts_with("/job/a: "), "{error}");
            assert!(error.contains(reason), "{error}");
        }
        let error = read_one(r#"{"labels":{"job":"a"}}"#).expect_err("it has no times");
        assert_eq!(error, "/job/a: push_time_seconds is missing or no time");
        let error = read_one(r#"{"labels":{"x":"a"}}"#).expect_err("it has no job");
        assert!(error.contains("without a job"), "{error}");
    }

    #[test]
    fn native_buckets_are_cut_off_and_counted() {
        let family = r#"{"type":"HISTOGRAM","metrics":[{"labels":{},"sum":"1","count":"2","buckets":[[0,"1","2","2"]]}]}"#;
        let family: Family = serde_json::from_str(family).expect("it is a family");
        assert_eq!(write_family(&mut Vec::new(), "h", &family, &[]), Ok(1));
        for (metric, cut) in [
            (r#""count":"2","buckets":{}"#, 1),
            (r#""count":"0.5","buckets":{}"#, 1),
            (r#""count":"0","buckets":{}"#, 0),
            (r#""count":"2","buckets":{"+Inf":"2"}"#, 0),
        ] {
            let family = format!(
                r#"{{"type":"HISTOGRAM","metrics":[{{"labels":{{}},"sum":"1",{metric}}}]}}"#
            );
            let family: Family = serde_json::from_str(&family).expect("it is a family");
            assert_eq!(write_family(&mut Vec::new(), "h", &family, &[]), Ok(cut), "{metric}");
        }
    }
}
