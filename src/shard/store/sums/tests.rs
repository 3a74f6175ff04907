//! Sums in a store: what is rejected changes nothing, what is written down comes back, and what a push costs.

use std::io::Write as _;
use std::time::Instant;

use super::families::stored_families;
use super::*;
use crate::exposition::NameRules;
use crate::push::decode;
use crate::rules::{Asked, GroupRules, PushId};
use crate::shard::budget::Limits;
use crate::shard::groups::family::Shown;
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
    Target { hash: hash(&sum), sum, settings: Arc::clone(settings) }
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

/// A random body of one of few shapes, by a process that is sometimes started again.
fn random_body(next: &mut impl FnMut(u64) -> u64) -> String {
    let mut value = |small: u64| match next(6) {
        0 => format!("{}", next(1 << 50)),
        1 => format!("{}", next(1000) as f64 / 7.0),
        2 => "0".to_owned(),
        _ => format!("{}", next(small)),
    };
    let mut body = "# TYPE a counter\n".to_owned();
    for label in ["x", "y", "z"] {
        body += &format!("a{{l=\"{label}\"}} {}\n", value(100));
    }
    body += &format!("# TYPE g gauge\ng{{l=\"x\"}} {}\ng{{l=\"y\"}} -{}\n", value(9), value(9));
    body += "# TYPE h histogram\n";
    for label in ["x", "y"] {
        let mut below = 0;
        for bound in ["0.5", "1", "+Inf"] {
            below += next(4);
            body += &format!("h_bucket{{l=\"{label}\",le=\"{bound}\"}} {below}\n");
        }
        let sum = next(100) as f64 / 8.0 - 5.0;
        body += &format!("h_sum{{l=\"{label}\"}} {sum}\nh_count{{l=\"{label}\"}} {below}\n");
    }
    let (count, quantile) = (next(20), next(9));
    body += &format!(
        "# TYPE s summary\ns{{quantile=\"0.5\"}} {quantile}\ns_sum {count}\ns_count {count}\n"
    );
    if next(8) == 0 {
        body += &format!("# TYPE z untyped\nz {}\n", next(9));
    }
    body
}

fn totals(store: &Store) -> Vec<u8> {
    let mut totals = Vec::new();
    for (_, group) in &store.groups {
        if let Role::Sum(sum) = &group.role {
            sum.write_totals(&mut totals);
        }
    }
    totals
}

#[test]
fn a_push_that_changes_values_alone_does_what_any_other_push_does() {
    let rules = [
        "without: [instance]",
        "without: [instance], gauges: sum",
        "without: [instance], gauges: min, show_sources: true",
        "without: [instance], gauges: max, families: { a: { counters: increments } }",
        "without: [instance], counters: increments",
    ];
    let (mut quick, mut id) = (0, 0);
    for (seed, rules) in rules.into_iter().cycle().take(60).enumerate() {
        let mut random = seed as u64;
        let mut next = move |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % below
        };
        let settings = settings(rules);
        let mut one = Store::new(Arc::new(Index::default()), None);
        let mut other = Store::new(Arc::new(Index::default()), None);
        let mut scrapes = Vec::new();
        for number in 0..80 {
            // Now and then a source is new.
            let source = if next(12) == 0 { 3 + number } else { next(3) };
            let key = key(&format!("/j/instance/{source}"));
            let body = random_body(&mut next);
            // What the other store shows of a sum is always rendered anew.
            for (_, group) in other.groups.iter_mut() {
                if let Role::Sum(sum) = &mut group.role {
                    sum.forget_places();
                }
            }
            let batch = || decode(&key, body.as_bytes(), NameRules::Legacy).expect("a valid push");
            id += 1;
            let mode = if next(2) == 0 { Mode::Add } else { Mode::Replace };
            let asked = Asked { id: Some(PushId(id)), ..Asked::default() };
            let (how, now) = (How { mode, asked }, Timestamp::from_nanos(1 + number));
            let of_one = target(&key, &settings);
            // Other rules are never the very same, so all pushes to this store are looked at in full.
            let of_other = target(&key, &Arc::new(Aggregation::clone(&settings)));
            let push =
                SourcePush { hash: hash(&key), key: &key, how, owner: None, target: &of_one, now };
            let mut hidden = one.hidden.take().unwrap_or_else(|| one.new_hidden());
            let is_quick = one.push_values(&mut hidden, &push, &batch()).is_some();
            one.hidden = Some(hidden);
            quick += u32::from(is_quick);
            if !is_quick {
                let pushed = one.push_source(hash(&key), &key, how, batch(), None, &of_one, now);
                assert_eq!(pushed, Ok(()));
            }
            let pushed = other.push_source(hash(&key), &key, how, batch(), None, &of_other, now);
            assert_eq!(pushed, Ok(()));
            assert_eq!(shown(&one), shown(&other), "{rules}, seed {seed}, push {number}: {body}");
            assert_eq!(totals(&one), totals(&other), "{rules}, seed {seed}, push {number}: {body}");
            assert_eq!((one.bytes(), one.sums.left_out), (other.bytes(), other.sums.left_out));
            // What a scrape holds stays what it was.
            if next(4) == 0 {
                let held = one.families.snapshot(&[]);
                let texts = shown(&one);
                scrapes.push((held, texts));
            }
        }
        for (held, texts) in scrapes {
            let mut lines = Vec::new();
            for family in &held {
                let Shown::Pages(pages) = &family.shown else { continue };
                for (_, page) in pages {
                    let text = String::from_utf8_lossy(page.text()).into_owned();
                    lines.extend(
                        text.lines().filter(|line| !line.starts_with("push_")).map(str::to_owned),
                    );
                }
            }
            lines.sort_unstable();
            assert_eq!(lines, texts, "{rules}, seed {seed}");
        }
    }
    assert!(quick > 2000, "only {quick} pushes were of this kind");
}

#[test]
fn a_source_that_the_rules_show_from_now_on_takes_along_all_that_it_has_counted() {
    for counters in ["cumulative", "increments"] {
        let rules = |shows: bool| {
            settings(&format!(
                "without: [instance], gauges: sum, counters: {counters}, show_sources: {shows}"
            ))
        };
        let mut store = Store::new(Arc::new(Index::default()), None);
        let body = "# TYPE a counter\na 5\n# TYPE b counter\nb 7\n# TYPE g gauge\ng 3\n";
        let mut id = 0;
        let mut push = |settings: &Arc<Aggregation>, body: &str, again: bool| {
            let key = key("/j/instance/1");
            let batch = decode(&key, body.as_bytes(), NameRules::Legacy).expect("a valid push");
            id += u128::from(!again);
            let asked = Asked { id: Some(PushId(id)), ..Asked::default() };
            let (how, target) = (How { mode: Mode::Add, asked }, target(&key, settings));
            let pushed =
                store.push_source(hash(&key), &key, how, batch, None, &target, Timestamp::now());
            assert_eq!(pushed, Ok(()));
            let mut lines = shown(&store);
            lines.retain(|line| line.contains("instance=\"\""));
            lines
                .iter()
                .map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned())
                .collect()
        };
        let is_increment = counters == "increments";
        let mut expect = |settings: &Arc<Aggregation>, body: &str, again, values: [&str; 3]| {
            let is: Vec<String> = push(settings, body, again);
            assert_eq!(is, values, "{counters}: {body}");
        };
        expect(&rules(false), body, false, ["5", "7", "3"]);
        let a = "# TYPE a counter\na 6\n";
        let total = if is_increment { "11" } else { "6" };
        expect(&rules(true), a, false, [total, "7", "3"]);
        expect(&rules(false), a, true, [total, "7", "3"]);
    }
}

#[test]
fn what_a_sum_knows_of_its_sources_counts_and_is_given_back() {
    let settings = settings("without: [instance]");
    let budget = Arc::new(Budget::new(Limits::NONE));
    let store = Store::new(Arc::new(Index::default()), None);
    let mut store = store.within(Some(Arc::clone(&budget)), GROUP_BYTES_MAX);
    let of_plain_group = {
        let mut store = Store::new(Arc::new(Index::default()), None);
        let key = key("/j/instance/21");
        let batch = decode(&key, batch_job(1).as_bytes(), NameRules::Legacy).expect("a valid push");
        assert_eq!(store.push(1, &key, Mode::Replace, &batch, None, Timestamp::now()), Ok(()));
        store.group_bytes
    };
    let of_sources = |store: &Store| store.hidden.as_ref().map_or(0, |hidden| hidden.group_bytes);
    for at in 1..=20 {
        assert_eq!(
            push(&mut store, &settings, &format!("/j/instance/{at}"), &batch_job(at)),
            Ok(())
        );
    }
    assert_eq!(budget.used().bytes, store.bytes());
    let twenty = of_sources(&store);
    assert_eq!(push(&mut store, &settings, "/j/instance/21", &batch_job(1)), Ok(()));
    // 14 lines of totals, and 5 of gauges.
    let known = of_sources(&store) - twenty - of_plain_group;
    assert!((14 * 8 + 5 * 64..1000).contains(&known), "{known}");
    let gone = key("/j/instance/21");
    store.delete(hash(&gone), &gone);
    assert_eq!(budget.used().bytes, store.bytes());
    let sum = key("/j");
    store.delete(hash(&sum), &sum);
    assert_eq!((budget.used().bytes, store.bytes()), (0, 0));
}

/// The push behind the published figures (`profiles/batch-job.prom`), by a job that has run so often.
fn batch_job(runs: usize) -> String {
    let mut body = String::new();
    for (at, line) in include_str!("../../../../profiles/batch-job.prom").lines().enumerate() {
        match line.split_once(' ') {
            Some((series, value)) if series != "#" => {
                let value: f64 = value.parse().expect("the profile has numbers");
                let is_count = series.contains("_total") || series.contains("step_seconds");
                let by = if is_count { value * runs as f64 } else { ((runs + at) % 7) as f64 };
                let value = if is_count { value + by } else { value + by / 4.0 };
                body += &format!("{series} {value}\n");
            }
            _ => body += &format!("{line}\n"),
        }
    }
    body
}

/// Prints what a push to a sum costs: `cargo test --release --lib cost_of_a_push_to_a_sum -- --ignored --nocapture`. Under
/// `valgrind --tool=callgrind`, the counts of `push_source` and `push` do not depend on what else the machine does.
fn cost(sources: usize, rounds: usize) {
    let mut out = std::io::stderr();
    let settings = settings("without: [instance]");
    let mut store = Store::new(Arc::new(Index::default()), None);
    let mut plain = Store::new(Arc::new(Index::default()), None);
    let (mut sum_nanos, mut plain_nanos) = (0, 0);
    for round in 0..rounds {
        let body = batch_job(round);
        for source in 0..sources {
            let key = key(&format!("/j/instance/node-{source}"));
            let batch = || decode(&key, body.as_bytes(), NameRules::Legacy).expect("a valid push");
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
    let _closed =
        writeln!(out, "{sources} sources: {sum} ns a push to the sum, {alone} ns to a plain group");
}

#[test]
#[ignore = "it measures"]
fn cost_of_a_push_to_a_sum_of_10() {
    cost(10, 2001);
}

#[test]
#[ignore = "it measures"]
fn cost_of_a_push_to_a_sum_of_10_000() {
    cost(10_000, 5);
}
