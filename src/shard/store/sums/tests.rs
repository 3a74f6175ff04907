//! Sums in a store: what is rejected changes nothing, what is written down comes back, and what a push costs.

use std::io::Write as _;
use std::time::Instant;

use super::*;
use crate::exposition::NameRules;
use crate::push::decode;
use crate::rules::GroupRules;
use crate::shard::budget::Limits;
use crate::shard::store::counted::restored;
use crate::shard::{GROUP_BYTES_MAX, Index};

fn settings(text: &str) -> Arc<Aggregation> {
    let file = format!("rules: [{{ match: '{{}}', aggregate: {{ {text} }} }}]");
    let rules = GroupRules::parse(file.as_bytes()).expect("it is valid");
    rules.apply(|_| "").aggregate.expect("it says so").value
}

fn key(path: &str) -> GroupingKey {
    GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path")
}

/// A hash that differs where keys do.
fn hash(key: &GroupingKey) -> u64 {
    key.text().bytes().fold(7, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn target(key: &GroupingKey, settings: &Arc<Aggregation>) -> Target {
    let sum = crate::aggregate::sum_key(key, settings);
    let (gone, settings) = (crate::aggregate::gone_labels(key, &sum), Arc::clone(settings));
    Target { hash: hash(&sum), gone, sum, settings }
}

fn push(
    store: &mut Store,
    settings: &Arc<Aggregation>,
    path: &str,
    body: &str,
) -> Result<(), PushError> {
    let key = key(path);
    let batch = decode(&key, body.as_bytes(), NameRules::Legacy).expect("a valid push");
    let (target, how) = (target(&key, settings), Mode::Replace.into());
    store.push_source(hash(&key), &key, how, batch, None, &target, Timestamp::now())
}

/// All that is shown, without the push times.
fn shown(store: &Store) -> Vec<String> {
    let groups: Vec<_> = store.groups.iter().map(|(_, group)| group).collect();
    let families = groups.iter().flat_map(|group| stored_families(group, &store.families));
    let texts = families.map(|family| String::from_utf8_lossy(family.text).into_owned());
    let mut lines: Vec<String> =
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_push_for_which_there_is_no_room_changes_neither_source_nor_sum() {
    let settings = settings("without: [instance]");
    for room in 0..12 {
        let budget = Arc::new(Budget::new(Limits { series: room, ..Limits::NONE }));
        let store = Store::new(Arc::new(Index::default()), None);
        let mut store = store.within(Some(budget), GROUP_BYTES_MAX);
        let body = |value: u32| format!("# TYPE a counter\na {value}\n# TYPE b gauge\nb {value}\n");
        let mut total = 0;
        for source in 1..=3 {
            let before = shown(&store);
            let pushed =
                push(&mut store, &settings, &format!("/j/instance/{source}"), &body(source));
            if pushed.is_err() {
                assert_eq!(shown(&store), before, "with room for {room} series");
                continue;
            }
            total += source;
            let a = format!("a{{instance=\"\",job=\"j\"}} {total}");
            let b = format!("b{{instance=\"\",job=\"j\"}} {source}");
            assert_eq!(shown(&store), [a, b], "with room for {room} series");
        }
    }
}

#[test]
fn a_family_of_another_type_is_refused_and_nothing_changes() {
    let settings = settings("without: [instance]");
    let mut store = Store::new(Arc::new(Index::default()), None);
    let plain = key("/k");
    let batch = decode(&plain, b"a 1\n", NameRules::Legacy).expect("a valid push");
    let pushed = store.push(hash(&plain), &plain, Mode::Replace, &batch, None, Timestamp::now());
    assert_eq!(pushed, Ok(()));
    let before = shown(&store);
    let refused = push(&mut store, &settings, "/j/instance/1", "# TYPE a counter\na 1\n");
    assert!(
        matches!(refused, Err(PushError::Refused(Refusal::TypeConflict { .. }))),
        "{refused:?}"
    );
    assert_eq!(shown(&store), before);
    assert_eq!(push(&mut store, &settings, "/j/instance/1", "# TYPE b counter\nb 1\n"), Ok(()));
    assert_eq!(shown(&store).len(), 2);
}

#[test]
fn sums_and_sources_come_back_in_any_order() {
    let settings = settings("without: [instance], gauges: max");
    let mut store = Store::new(Arc::new(Index::default()), None);
    let body = |at: u32| {
        format!("# TYPE a counter\na {at}\na{{x=\"{at}\"}} 0.1\n# TYPE b gauge\nb {at}\n")
    };
    for at in 1..=4 {
        assert_eq!(push(&mut store, &settings, &format!("/j/instance/{at}"), &body(at)), Ok(()));
    }
    let gone = key("/j/instance/4");
    store.delete(hash(&gone), &gone);
    let before = shown(&store);
    let hidden = store.hidden.as_ref().expect("there are sources");
    let mut records: Vec<(u64, _)> = Vec::new();
    for from in [&store, &**hidden] {
        for (hash, group) in &from.groups {
            use crate::shard::saving::group_snapshot::GroupSnapshot;
            records.push((*hash, restored(&GroupSnapshot::stored(group, &from.families))));
        }
    }
    for turn in 0..records.len() {
        records.rotate_left(turn);
        let mut again = Store::new(Arc::new(Index::default()), None);
        for (of, record) in &records {
            let sum = hash(&key("/j"));
            assert_eq!(again.restore(*of, sum, record), Ok(()));
        }
        assert_eq!(again.read_roles(), Ok(()));
        assert_eq!(shown(&again), before);
        for at in 1..=3 {
            let path = format!("/j/instance/{at}");
            assert_eq!(push(&mut again, &settings, &path, &body(at)), Ok(()), "a retry");
        }
        assert_eq!(shown(&again), before);
        assert_eq!(again.sources(hash(&key("/j")), &key("/j"), "", 2).1, 3);
    }
}

/// Prints what a push to a sum costs: `cargo test --release --lib cost_of_a_push_to_a_sum -- --ignored --nocapture`.
#[test]
#[ignore = "it measures"]
fn cost_of_a_push_to_a_sum() {
    let body = |at: usize| {
        let counters: String =
            (0..6).map(|name| format!("# TYPE c{name} counter\nc{name} {at}\n")).collect();
        let buckets: String = (0..10).map(|le| format!("h_bucket{{le=\"{le}\"}} {at}\n")).collect();
        format!(
            "{counters}# TYPE h histogram\n{buckets}h_bucket{{le=\"+Inf\"}} {at}\nh_sum {at}\nh_count {at}\n"
        )
    };
    let mut out = std::io::stderr();
    for gauges in ["last", "max"] {
        let settings = settings(&format!("without: [instance], gauges: {gauges}"));
        for sources in [10, 100, 10_000] {
            let mut store = Store::new(Arc::new(Index::default()), None);
            let mut plain = Store::new(Arc::new(Index::default()), None);
            let (mut sum_nanos, mut plain_nanos) = (0, 0);
            let rounds = 40_000 / sources + 2;
            for round in 0..rounds {
                for source in 0..sources {
                    let key = key(&format!("/j/instance/{source}"));
                    let body = format!("{}# TYPE g gauge\ng {round}\n", body(round));
                    let batch =
                        || decode(&key, body.as_bytes(), NameRules::Legacy).expect("a valid push");
                    let (one, other) = (batch(), batch());
                    let (target, how) = (target(&key, &settings), Mode::Replace.into());
                    let now = Timestamp::now();
                    let since = Instant::now();
                    let pushed = store.push_source(hash(&key), &key, how, one, None, &target, now);
                    let took = since.elapsed().as_nanos();
                    assert_eq!(pushed, Ok(()));
                    let since = Instant::now();
                    let pushed = plain.push(hash(&key), &key, Mode::Replace, &other, None, now);
                    let plain_took = since.elapsed().as_nanos();
                    assert_eq!(pushed, Ok(()));
                    if round > 0 {
                        (sum_nanos, plain_nanos) = (sum_nanos + took, plain_nanos + plain_took);
                    }
                }
            }
            let pushes = ((rounds - 1) * sources) as u128;
            let (sum, alone) = (sum_nanos / pushes, plain_nanos / pushes);
            let _closed = writeln!(
                out,
                "gauges {gauges}, {sources} sources: {sum} ns a push to the sum, {alone} ns to a plain group"
            );
        }
    }
}
