//! Sums against a model that keeps what every source has last pushed, and what it has left behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::exposition::{NameRules, sample_lines};
use crate::push::{Batch, Refusal, decode};
use crate::rules::GroupRules;

fn key(path: &str) -> GroupingKey {
    GroupingKey::parse(path.as_bytes(), NameRules::Utf8).expect("a valid path")
}

fn settings(text: &str) -> Arc<Aggregation> {
    let file = format!("rules: [{{ match: '{{}}', aggregate: {{ {text} }} }}]");
    let rules = GroupRules::parse(file.as_bytes()).expect("it is valid");
    rules.apply(|_| "").aggregate.expect("it says so").value
}

/// A sum with what its sources have last pushed.
struct Tried {
    sum: Sum,
    settings: Arc<Aggregation>,
    pushed: BTreeMap<String, (Batch, u64)>,
    now: u64,
}

fn families(batch: &Batch, pushed: u64) -> Vec<SourceFamily<'_>> {
    let families = batch.families.iter().map(|family| SourceFamily {
        name: batch.name(family),
        kind: family.kind,
        help: batch.help(family),
        text: batch.text(family),
        native: batch.native(family),
        pushed,
    });
    families.collect()
}

impl Tried {
    fn new(text: &str) -> Tried {
        let (mut sum, settings) = (Sum::default(), settings(text));
        sum.set_settings(&settings);
        Tried { sum, settings, pushed: BTreeMap::new(), now: 0 }
    }

    fn change(&mut self, path: &str, body: Option<&str>) -> Result<(), Refusal> {
        self.now += 1;
        let key = key(path);
        let gone = gone_labels(&key, &sum_key(&key, &self.settings));
        let text: Arc<str> = key.text().into();
        let name = SourceName { key: &text, hash: 0, gone: &gone };
        let old = self.pushed.get(path);
        let old_families = old.map(|(batch, at)| families(batch, *at)).unwrap_or_default();
        let Some(body) = body else {
            self.sum.leave(name, &old_families, true);
            self.pushed.remove(path);
            return Ok(());
        };
        let batch = decode(&key, body.as_bytes(), NameRules::Utf8).expect("a valid push");
        let changed = self.sum.push(name, &old_families, &families(&batch, self.now))?;
        self.sum.commit(changed);
        self.pushed.insert(path.to_owned(), (batch, self.now));
        Ok(())
    }

    fn put(&mut self, path: &str, body: &str) {
        self.change(path, Some(body)).expect("it fits");
    }

    /// The lines that are shown, without the labels of the key.
    fn shown(&mut self) -> String {
        let (batch, _) = self.sum.shown_whole().expect("it is small");
        let mut shown = String::new();
        for family in &batch.families {
            for sample in sample_lines(batch.text(family)) {
                let labels = sample.labels.iter().filter(|(name, value)| {
                    !(name == "job" || name == "instance" && value.is_empty())
                });
                let labels: Vec<_> =
                    labels.map(|(name, value)| format!("{name}={value}")).collect();
                shown += &format!("{}[{}] {}; ", sample.name, labels.join(","), sample.value);
            }
        }
        shown.trim_end_matches("; ").to_owned()
    }
}

const COUNTER: &str = "# TYPE c counter\n";

#[test]
fn a_retry_adds_nothing_and_a_restart_loses_nothing() {
    let mut tried = Tried::new("without: [instance]");
    tried.put("/j/instance/a", &format!("{COUNTER}c 5\n"));
    tried.put("/j/instance/b", &format!("{COUNTER}c 7\nc{{x=\"1\"}} 1\n"));
    assert_eq!(tried.shown(), "c[] 12; c[x=1] 1");
    tried.put("/j/instance/a", &format!("{COUNTER}c 5\n"));
    assert_eq!(tried.shown(), "c[] 12; c[x=1] 1", "a retry");
    tried.put("/j/instance/a", &format!("{COUNTER}c 2\n"));
    assert_eq!(tried.shown(), "c[] 14; c[x=1] 1", "a restart");
    tried.put("/j/instance/b", &format!("{COUNTER}c 8\n"));
    assert_eq!(tried.shown(), "c[] 15; c[x=1] 1", "a series that is left out");
    tried.change("/j/instance/a", None).expect("it goes");
    assert_eq!(tried.shown(), "c[] 15; c[x=1] 1");
    tried.change("/j/instance/b", None).expect("it goes");
    assert_eq!(tried.shown(), "c[] 15; c[x=1] 1");
    tried.put("/j/instance/a", &format!("{COUNTER}c 2\n"));
    assert_eq!(tried.shown(), "c[] 17; c[x=1] 1", "it begins anew");
}

#[test]
fn gauges_go_with_their_sources() {
    let rules = "without: [pid], gauges: sum, families: { 'low*': { gauges: min }, last_x: { gauges: last }, high: { gauges: max } }";
    let mut tried = Tried::new(rules);
    let body = |value: f64| {
        let names = ["a", "high", "last_x", "low_x"];
        names.map(|name| format!("# TYPE {name} gauge\n{name} {value}\n")).concat()
    };
    tried.put("/j/pid/1", &body(3.0));
    tried.put("/j/pid/2", &body(-1.5));
    assert_eq!(tried.shown(), "a[] 1.5; high[] 3; last_x[] -1.5; low_x[] -1.5");
    tried.put("/j/pid/1", &body(3.0));
    assert_eq!(tried.shown(), "a[] 1.5; high[] 3; last_x[] 3; low_x[] -1.5");
    tried.put("/j/pid/2", "");
    assert_eq!(tried.shown(), "a[] 3; high[] 3; last_x[] 3; low_x[] 3");
    tried.change("/j/pid/1", None).expect("it goes");
    assert_eq!(tried.shown(), "");
    tried.change("/j/pid/2", None).expect("it goes");
    assert!(tried.sum.is_empty());
}

fn histogram(bounds: &[&str], counts: &[u32], sum: f64) -> String {
    let mut body = "# TYPE h histogram\n".to_owned();
    for (bound, count) in bounds.iter().zip(counts) {
        body += &format!("h_bucket{{le=\"{bound}\"}} {count}\n");
    }
    let count = counts.last().expect("there is a bucket");
    format!("{body}h_sum {sum}\nh_count {count}\n")
}

#[test]
fn histograms_with_equal_buckets_add_and_others_are_refused_and_change_nothing() {
    let mut tried = Tried::new("without: [instance]");
    let bounds = ["1", "5", "+Inf"];
    tried.put("/j/instance/a", &histogram(&bounds, &[1, 2, 3], 9.5));
    tried.put("/j/instance/b", &histogram(&bounds, &[0, 1, 1], 4.0));
    let both = "h_bucket[le=1] 1; h_bucket[le=5] 3; h_bucket[le=+Inf] 4; h_sum[] 13.5; h_count[] 4";
    assert_eq!(tried.shown(), both);
    let other = histogram(&["1", "10", "+Inf"], &[1, 1, 1], 1.0);
    let body = format!("{COUNTER}c 5\n{other}");
    let refusal = tried.change("/j/instance/b", Some(&body)).expect_err("other buckets");
    let said = refusal.to_string();
    assert!(said.contains("1, 10, +Inf") && said.contains("1, 5, +Inf"), "{said}");
    assert_eq!(tried.shown(), both, "nothing has changed");
    // The sum falls and the count does not: that is no restart.
    tried.put("/j/instance/a", &histogram(&bounds, &[2, 3, 4], 8.5));
    assert!(tried.shown().ends_with("h_sum[] 12.5; h_count[] 5"), "{}", tried.shown());
    tried.put("/j/instance/a", &histogram(&bounds, &[0, 0, 1], 100.0));
    assert!(tried.shown().ends_with("h_sum[] 112.5; h_count[] 6"), "{}", tried.shown());
}

#[test]
fn summaries_add_without_their_quantiles() {
    let mut tried = Tried::new("without: [instance]");
    let body =
        "# TYPE s summary\ns{quantile=\"0.5\"} 3\ns{quantile=\"0.9\"} 4\ns_sum 10\ns_count 3\n";
    tried.put("/j/instance/a", body);
    tried.put("/j/instance/b", body);
    tried.put("/j/instance/b", body);
    assert_eq!(tried.shown(), "s_sum[] 20; s_count[] 6");
}

#[test]
fn increments_add_up_and_have_to_be_numbers_from_0_on() {
    let mut tried = Tried::new("by: [zone], counters: increments");
    for _ in 0..3 {
        tried.put("/j/zone/z", &format!("{COUNTER}c 2\n# TYPE g gauge\ng 4\n"));
    }
    assert_eq!(tried.shown(), "c[zone=z] 6; g[zone=z] 4");
    for bad in ["-1", "NaN", "+Inf"] {
        let body = format!("{COUNTER}c {bad}\n");
        assert!(tried.change("/j/zone/z", Some(&body)).is_err(), "{bad}");
    }
    assert_eq!(tried.shown(), "c[zone=z] 6; g[zone=z] 4");
}

#[test]
fn a_counter_that_is_no_number_counts_while_it_is_pushed() {
    let mut tried = Tried::new("without: [instance]");
    tried.put("/j/instance/a", &format!("{COUNTER}c 5\n"));
    tried.put("/j/instance/b", &format!("{COUNTER}c NaN\n"));
    assert_eq!(tried.shown(), "c[] NaN");
    tried.change("/j/instance/b", None).expect("it goes");
    assert_eq!(tried.shown(), "c[] 5");
}

#[test]
fn totals_come_back_from_what_is_stored() {
    let mut tried = Tried::new("without: [instance], gauges: sum");
    let body = |by: u32| {
        let counts = [by, 2 * by, 3 * by];
        format!(
            "{COUNTER}c 0.1\nc{{x=\"{by}\"}} 1e300\n# TYPE g gauge\ng {by}\n{}",
            histogram(&["1", "5", "+Inf"], &counts, 0.3)
        )
    };
    tried.put("/j/instance/a", &body(1));
    tried.put("/j/instance/b", &body(2));
    tried.change("/j/instance/a", None).expect("it goes");
    let (batch, _) = tried.sum.shown_whole().expect("it is small");
    let mut totals = Vec::new();
    tried.sum.write_totals(&mut totals);
    let restored = Sum::restore(&families(&batch, 0), &totals);
    for end in 0..totals.len() {
        assert!(Sum::restore(&families(&batch, 0), &totals[..end]).is_none(), "{end}");
    }
    let shown = tried.shown();
    tried.sum = restored.expect("it was written");
    tried.sum.set_settings(&tried.settings.clone());
    let source = key("/j/instance/b");
    let gone = gone_labels(&source, &sum_key(&source, &tried.settings));
    let text: Arc<str> = source.text().into();
    let name = SourceName { key: &text, hash: 0, gone: &gone };
    let (pushed, at) = &tried.pushed["/j/instance/b"];
    tried.sum.restore_source(name, &families(pushed, *at)).expect("it fits");
    assert_eq!(tried.shown(), shown);
    tried.put("/j/instance/b", &body(2));
    assert_eq!(tried.shown(), shown, "a retry after a restart");
}

#[test]
fn labels_that_go_leave_an_empty_instance_and_samples_keep_their_own() {
    let settings = settings("without: [instance, pid]");
    let source = key("/j/instance/i/pid/7/zone/z");
    let sum = sum_key(&source, &settings);
    assert_eq!(sum.text(), "instance=\"\",job=\"j\",zone=\"z\"");
    assert_eq!(gone_labels(&source, &sum), [b"instance".to_vec(), b"pid".to_vec()]);
    let bare = key("/j");
    assert_eq!(sum_key(&bare, &settings).text(), bare.text());
    let mut tried = Tried::new("without: [instance, pid]");
    tried.put("/j", &format!("{COUNTER}c{{instance=\"own\",pid=\"1\"}} 3\n"));
    tried.put("/j/pid/2", &format!("{COUNTER}c{{instance=\"own\"}} 4\n"));
    assert_eq!(tried.shown(), "c[instance=own,pid=1] 3; c[instance=own] 4");
}
