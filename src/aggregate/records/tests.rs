//! Native histograms of sums against a model that keeps every observation.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::aggregate::{SourceName, Sum};
use crate::exposition::protobuf::{
    bucket, exemplar, label, timestamp, value, write_bytes, write_double, write_histogram,
    write_message, write_varint,
};
use crate::push::Batch;
use crate::rules::{Aggregation, GroupRules};

const NAME: &str = "h";

/// What a source has observed: how often it was where, the bucket of zero at 0.
#[derive(Debug, Clone, Default)]
struct Observed {
    schema: i32,
    zero_threshold: f64,
    /// By numbers, as often.
    counts: BTreeMap<i64, u64>,
    /// Whether it says so natively.
    is_native: bool,
}

/// A number for each index: powers of 2 to the power of 1/64, and their negatives.
fn number(index: i64) -> f64 {
    let power = ((index.abs() - 200) as f64 / 64.0).exp2();
    if index < 0 { -power } else { power }
}

/// In which bucket a number is, with the bounds of the schema.
fn bucket_at(number: f64, schema: i32) -> i32 {
    (number.abs().log2() * 2_f64.powi(schema) - 1e-9).ceil() as i32
}

impl Observed {
    fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Naively: each number alone.
    fn buckets(&self, schema: i32, zero_threshold: f64) -> Buckets {
        let mut all =
            Buckets { schema, zero_threshold, zero: 0, sides: [BTreeMap::new(), BTreeMap::new()] };
        for (index, count) in &self.counts {
            let number = number(*index);
            if number.abs() <= zero_threshold * (1.0 + 1e-12) {
                all.zero += count;
            } else {
                let side = &mut all.sides[usize::from(number > 0.0)];
                *side.entry(bucket_at(number, schema)).or_default() += count;
            }
        }
        all
    }

    fn metric(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_message(&mut out, family::METRIC, |out| {
            for (name, value) in [("instance", "i"), ("job", "j")] {
                write_message(out, metric::LABEL, |out| {
                    write_bytes(out, label::NAME, name.as_bytes());
                    write_bytes(out, label::VALUE, value.as_bytes());
                });
            }
            write_message(out, metric::HISTOGRAM, |out| {
                write_histogram(out, &[], 1.0, self.count() as f64, |_| None);
                self.buckets(self.schema, self.zero_threshold).write(out);
            });
        });
        out
    }

    fn text(&self) -> String {
        let labels = r#"instance="i",job="j""#;
        let count = self.count();
        format!(
            "h_bucket{{{labels},le=\"+Inf\"}} {count}\nh_sum{{{labels}}} 1\nh_count{{{labels}}} {count}\n"
        )
    }
}

fn settings() -> Arc<Aggregation> {
    let rules = "rules: [{ match: '{}', aggregate: { without: [instance] } }]";
    let rules = GroupRules::parse(rules.as_bytes()).expect("it is valid");
    rules.apply(|_| "").aggregate.expect("it says so").value
}

fn new_sum() -> Sum {
    let mut sum = Sum::default();
    sum.set_settings(&settings());
    sum
}

/// What a push of a source is: its text and its protobuf form.
type Pushed = (String, Option<Vec<u8>>);

fn pushed(observed: &Observed) -> Pushed {
    (observed.text(), observed.is_native.then(|| observed.metric()))
}

fn family_of<'a>((text, native): &'a Pushed, kind: Kind, name: &'a str) -> SourceFamily<'a> {
    let native = native.as_deref();
    SourceFamily { name, kind, help: "", text: text.as_bytes(), native, pushed: 1 }
}

/// Replaces what a source has. `reverts` first makes the change and takes it back.
fn push(sum: &mut Sum, source: u32, [old, new]: [Option<&Pushed>; 2], kind: Kind, reverts: bool) {
    let key: Arc<str> = format!("source {source}").into();
    let gone = [b"instance".to_vec()];
    let name = SourceName { key: &key, hash: 0, gone: &gone };
    let [old, new] = [old, new].map(|one| one.map(|one| family_of(one, kind, NAME)));
    if reverts {
        let before = shown(sum);
        let changed = sum.push(name, old.as_slice(), new.as_slice()).expect("it fits");
        sum.revert(changed);
        assert_eq!(shown(sum), before);
    }
    let changed = sum.push(name, old.as_slice(), new.as_slice()).expect("it fits");
    sum.commit(changed);
}

fn shown(sum: &mut Sum) -> (Vec<u8>, Vec<u8>) {
    let (batch, _) = sum.shown_whole().expect("it is small");
    let found = batch.families.first().map(|family| {
        let native = batch.native(family).unwrap_or_default();
        (batch.text(family).to_vec(), native.to_vec())
    });
    found.unwrap_or_default()
}

/// The native buckets that a sum shows, and its count.
fn shown_buckets(native: &[u8]) -> Option<(Buckets, u64)> {
    let metric = fields(native).find(|field| field.number == family::METRIC)?;
    let read = NativeHistogram::of(metric.bytes)?;
    Some((Buckets::of(&read)?, read.count))
}

/// As after a restart.
fn read_back(sum: &mut Sum, sources: &[Option<Pushed>]) -> Sum {
    let ((text, native), mut totals) = (shown(sum), Vec::new());
    sum.write_totals(&mut totals);
    let stored =
        (String::from_utf8(text).expect("it is text"), (!native.is_empty()).then_some(native));
    let families = [family_of(&stored, Kind::Histogram, NAME)];
    let families = if stored.0.is_empty() { &[][..] } else { &families };
    let mut sum = Sum::restore(families, &totals).expect("it was written");
    sum.set_settings(&settings());
    for (source, pushed) in sources.iter().enumerate() {
        let Some(pushed) = pushed else { continue };
        let key: Arc<str> = format!("source {source}").into();
        let gone = [b"instance".to_vec()];
        let name = SourceName { key: &key, hash: 0, gone: &gone };
        sum.restore_source(name, &[family_of(pushed, Kind::Histogram, NAME)]).expect("it fits");
    }
    sum
}

#[derive(Debug, Clone)]
enum Step {
    /// The source counts these, at most so finely.
    Observe {
        source: usize,
        indexes: Vec<i64>,
        schema: i32,
        zero_threshold: f64,
    },
    Restart {
        source: usize,
        indexes: Vec<i64>,
        schema: i32,
        zero_threshold: f64,
    },
    Leave {
        source: usize,
        keeps_counts: bool,
    },
    ReadBack,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let thresholds = prop_oneof![
        Just(0.0),
        Just(2_f64.powi(-128)),
        Just(0.25),
        Just(0.3), // Within a bucket.
        Just(1.0),
    ];
    let indexes = vec((0..400_i64).prop_flat_map(|at| prop_oneof![Just(at), Just(-at - 1)]), 0..6);
    let what = (0..3_usize, indexes, 0..9_i32, -4..=6_i32, thresholds);
    let step = what.prop_map(|(source, indexes, kind, schema, zero_threshold)| match kind {
        0 => Step::Restart { source, indexes, schema, zero_threshold },
        1 => Step::Leave { source, keeps_counts: indexes.len() % 2 == 0 },
        2 => Step::ReadBack,
        _ => Step::Observe { source, indexes, schema, zero_threshold },
    });
    vec(step, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn a_sum_shows_what_all_sources_have_observed(steps in steps()) {
        let mut sum = new_sum();
        let mut sources: Vec<Option<(Observed, Pushed)>> = vec![None; 3];
        // What has been observed and is kept.
        let mut all = BTreeMap::<i64, u64>::new();
        for step in steps {
            match step {
                Step::Observe { source, indexes, schema, zero_threshold } => {
                    let old = sources[source].take();
                    let mut new = old.as_ref().map(|(observed, _)| observed.clone()).unwrap_or(Observed {
                        schema, zero_threshold, is_native: true, ..Observed::default()
                    });
                    // A client makes its buckets coarser, never finer.
                    new.schema = new.schema.min(schema);
                    new.zero_threshold = new.zero_threshold.max(zero_threshold);
                    for index in indexes {
                        *new.counts.entry(index).or_default() += 1;
                        *all.entry(index).or_default() += 1;
                    }
                    let now = pushed(&new);
                    push(&mut sum, source as u32, [old.as_ref().map(|(_, old)| old), Some(&now)], Kind::Histogram, true);
                    sources[source] = Some((new, now));
                }
                Step::Restart { source, indexes, schema, zero_threshold } => {
                    let Some((before, old)) = sources[source].take() else { continue };
                    let mut new = Observed { schema, zero_threshold, is_native: true, ..Observed::default() };
                    for index in indexes {
                        *new.counts.entry(index).or_default() += 1;
                    }
                    let now = pushed(&new);
                    // Where it cannot be told from more observations it is none.
                    let [was, is] = [&before, &new].map(|one| one.buckets(one.schema, one.zero_threshold));
                    let is_restart = new.count() < before.count() || is.is_restart(&was);
                    if is_restart {
                        new.counts.iter().for_each(|(index, count)| *all.entry(*index).or_default() += count);
                        push(&mut sum, source as u32, [Some(&old), Some(&now)], Kind::Histogram, true);
                        sources[source] = Some((new, now));
                    } else {
                        sources[source] = Some((before, old));
                    }
                }
                Step::Leave { source, keeps_counts } => {
                    let Some((observed, old)) = sources[source].take() else { continue };
                    let key: Arc<str> = format!("source {source}").into();
                    let gone = [b"instance".to_vec()];
                    let name = SourceName { key: &key, hash: 0, gone: &gone };
                    sum.leave(name, &[family_of(&old, Kind::Histogram, NAME)], keeps_counts);
                    if !keeps_counts {
                        for (index, count) in &observed.counts {
                            *all.entry(*index).or_default() -= count;
                        }
                    }
                }
                Step::ReadBack => {
                    let pushed: Vec<_> = sources.iter().map(|one| one.clone().map(|(_, pushed)| pushed)).collect();
                    sum = read_back(&mut sum, &pushed);
                }
            }
            all.retain(|_, count| *count > 0);
            let (text, native) = shown(&mut sum);
            if text.is_empty() {
                prop_assert!(all.is_empty() && native.is_empty());
                continue;
            }
            let expected = Observed { counts: all.clone(), ..Observed::default() };
            let Some((buckets, count)) = shown_buckets(&native) else {
                return Err(TestCaseError::fail("no native buckets"));
            };
            let naive = expected.buckets(buckets.schema, buckets.zero_threshold);
            prop_assert_eq!(&buckets, &naive);
            prop_assert_eq!(count, expected.count());
            for (observed, _) in sources.iter().flatten() {
                prop_assert!(buckets.schema <= observed.schema && buckets.zero_threshold >= observed.zero_threshold);
            }
        }
    }
}

fn observed(indexes: &[i64], is_native: bool) -> Observed {
    let mut observed = Observed { schema: 3, is_native, ..Observed::default() };
    indexes.iter().for_each(|index| *observed.counts.entry(*index).or_default() += 1);
    observed
}

#[test]
fn a_source_that_counts_without_native_buckets_ends_them() {
    let mut sum = new_sum();
    let (native, classic) = (pushed(&observed(&[1, 2], true)), pushed(&observed(&[3], false)));
    push(&mut sum, 0, [None, Some(&native)], Kind::Histogram, true);
    assert!(shown_buckets(&shown(&mut sum).1).is_some());
    // One that has counted nothing yet does not.
    let nothing = pushed(&observed(&[], false));
    push(&mut sum, 1, [None, Some(&nothing)], Kind::Histogram, true);
    assert!(shown_buckets(&shown(&mut sum).1).is_some());
    push(&mut sum, 1, [Some(&nothing), Some(&classic)], Kind::Histogram, true);
    let (text, native_shown) = shown(&mut sum);
    assert!(
        native_shown.is_empty()
            && String::from_utf8_lossy(&text).contains("h_count{instance=\"\",job=\"j\"} 3")
    );
    // What it has counted stays, and nobody knows its buckets.
    push(&mut sum, 0, [Some(&native), Some(&native)], Kind::Histogram, false);
    assert!(shown(&mut sum).1.is_empty());
    let mut sum = read_back(&mut sum, &[Some(native.clone()), Some(classic)]);
    assert!(sum.has_left_natives_out && shown(&mut sum).1.is_empty());
}

#[test]
fn histograms_that_do_not_add_up_exactly_are_left_out() {
    let mut float = Vec::new();
    write_message(&mut float, family::METRIC, |out| {
        write_message(out, metric::HISTOGRAM, |out| {
            write_double(out, histogram::COUNT_FLOAT, 1.5);
            write_double(out, histogram::ZERO_COUNT_FLOAT, 1.5);
        });
    });
    let whole = observed(&[1], true).metric();
    for (native, kind) in [(float, Kind::Histogram), (whole, Kind::GaugeHistogram)] {
        let mut sum = new_sum();
        let key: Arc<str> = "source".into();
        let name = SourceName { key: &key, hash: 0, gone: &[b"instance".to_vec()] };
        let pushed = (observed(&[1], false).text(), Some(native));
        let changed = sum.push(name, &[], &[family_of(&pushed, kind, NAME)]).expect("it fits");
        assert_eq!(changed.natives_left_out, 1);
        sum.commit(changed);
        assert!(shown(&mut sum).1.is_empty());
    }
}

fn with_exemplar(value: f64, trace: &str, second: u64) -> Pushed {
    let mut native = Vec::new();
    write_message(&mut native, family::METRIC, |out| {
        for (name, value) in [("instance", "i"), ("job", "j")] {
            write_message(out, metric::LABEL, |out| {
                write_bytes(out, label::NAME, name.as_bytes());
                write_bytes(out, label::VALUE, value.as_bytes());
            });
        }
        write_message(out, metric::COUNTER, |out| {
            write_double(out, value::VALUE, value);
            write_message(out, counter::EXEMPLAR, |out| {
                write_message(out, exemplar::LABEL, |out| {
                    write_bytes(out, label::NAME, b"trace");
                    write_bytes(out, label::VALUE, trace.as_bytes());
                });
                write_message(out, exemplar::TIMESTAMP, |out| {
                    write_varint(out, timestamp::SECONDS, second);
                });
            });
        });
    });
    (format!("{NAME}{{instance=\"i\",job=\"j\"}} {value}\n"), Some(native))
}

#[test]
fn the_newest_exemplar_is_shown_whoever_has_pushed_last() {
    let mut sum = new_sum();
    let trace = |sum: &mut Sum| {
        let (text, native) = shown(sum);
        let text = String::from_utf8_lossy(&text).into_owned();
        let native = String::from_utf8_lossy(&native).into_owned();
        let found = ["one", "two", "six"].into_iter().filter(|trace| native.contains(trace));
        (text, found.collect::<Vec<_>>())
    };
    let (one, two, six) = (
        with_exemplar(1.0, "one", 10),
        with_exemplar(2.0, "two", 20),
        with_exemplar(6.0, "six", 15),
    );
    push(&mut sum, 0, [None, Some(&two)], Kind::Counter, true);
    push(&mut sum, 1, [None, Some(&one)], Kind::Counter, true);
    assert_eq!(trace(&mut sum), ("h{instance=\"\",job=\"j\"} 3\n".to_owned(), vec!["two"]));
    push(&mut sum, 1, [Some(&one), Some(&six)], Kind::Counter, true);
    assert_eq!(trace(&mut sum), ("h{instance=\"\",job=\"j\"} 8\n".to_owned(), vec!["two"]));
    let newer = with_exemplar(6.0, "six", 20);
    push(&mut sum, 1, [Some(&six), Some(&newer)], Kind::Counter, true);
    assert_eq!(trace(&mut sum).1, ["six"], "of two that are as old the later one");
    // A source that has none leaves it.
    let plain = (with_exemplar(7.0, "", 0).0, None);
    push(&mut sum, 1, [Some(&newer), Some(&plain)], Kind::Counter, true);
    assert_eq!(trace(&mut sum), ("h{instance=\"\",job=\"j\"} 9\n".to_owned(), vec!["six"]));
}

#[test]
fn times_of_creation_say_nothing_about_a_sum() {
    let mut created = Vec::new();
    write_message(&mut created, family::METRIC, |out| {
        write_message(out, metric::HISTOGRAM, |out| {
            write_varint(out, histogram::COUNT, 1);
            write_message(out, histogram::BUCKET, |out| write_varint(out, bucket::COUNT, 1));
            write_message(out, histogram::CREATED, |out| write_varint(out, timestamp::SECONDS, 1));
        });
        write_message(out, metric::COUNTER, |out| {
            write_message(out, counter::CREATED, |out| write_varint(out, timestamp::SECONDS, 1));
        });
    });
    assert!(!says_more(&created));
    assert!(says_more(&with_exemplar(1.0, "one", 1).1.expect("it has one")));
    assert!(says_more(&observed(&[1], true).metric()));
}

#[test]
fn a_batch_has_what_a_family_says_natively() {
    let mut sum = new_sum();
    push(&mut sum, 0, [None, Some(&pushed(&observed(&[1], true)))], Kind::Histogram, false);
    let (batch, _): (Batch, bool) = sum.shown_whole().expect("it is small");
    assert!(batch.families[0].has_native());
}
