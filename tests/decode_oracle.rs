//! The scanner and renderer against a naive reader and renderer that share no code with them.

mod oracle {
    pub(crate) mod body;
    pub(crate) mod clients;
    pub(crate) mod damage;
    pub(crate) mod exposition;
    pub(crate) mod key;
    pub(crate) mod line;
    pub(crate) mod model;
    pub(crate) mod number;
    pub(crate) mod refusal;
}

use std::cell::Cell;

use oracle::exposition::{Push, push};
use oracle::key::Key;
use oracle::refusal::Outcome;
use oracle::{body, clients, damage, key, number, refusal};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};
use shardgate::exposition::NameRules;
use shardgate::push::{Batch, GroupingKey, SeriesHasher, decode};

fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = default.cases.max(cases);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 2000, ..default }
}

/// Checks at least `cases` cases, and that each outcome was at least a twentieth of them.
fn check(rules: NameRules, cases: u32, pushes: impl Strategy<Value = Push>) {
    let config = config(cases);
    let cases = config.cases;
    let (taken, refused, unreadable) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let result = TestRunner::new(config).run(&pushes, |push| {
        let count = match compare(&push, rules)? {
            Outcome::Taken => &taken,
            Outcome::Refused(_) => &refused,
            Outcome::Unreadable => &unreadable,
        };
        count.set(count.get() + 1);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    for count in [taken, refused, unreadable] {
        assert!(count.get() >= cases / 20, "an outcome came up only {} times", count.get());
    }
}

fn compare(push: &Push, rules: NameRules) -> Result<Outcome, TestCaseError> {
    let key = grouping_key(push, rules);
    let decoded = decode(&key, &push.body, rules);
    let expected = body::read(&push.key, &push.body, rules);
    if let (Ok(batch), Ok(families)) = (&decoded, &expected) {
        compare_families(batch, families)?;
    }
    refusal::compare(&decoded, &expected).map_err(TestCaseError::fail)
}

fn grouping_key(push: &Push, rules: NameRules) -> GroupingKey {
    GroupingKey::parse(push.key.path().as_bytes(), rules).expect("the path is well formed")
}

/// Any rules, and a push that may be read by them.
fn any_push() -> impl Strategy<Value = (NameRules, Push)> {
    let rules = prop::sample::select(&[NameRules::Legacy, NameRules::Utf8][..]);
    rules.prop_flat_map(|rules| (Just(rules), push(rules)))
}

fn compare_families(batch: &Batch, families: &body::Families) -> TestCaseResult {
    let decoded: Vec<&str> = batch.families.iter().map(|family| batch.name(family)).collect();
    prop_assert_eq!(decoded, families.keys().collect::<Vec<_>>());
    for (decoded, (name, expected)) in batch.families.iter().zip(families) {
        let kind = format!("{:?}", expected.kind);
        prop_assert_eq!(format!("{:?}", decoded.kind), kind, "kind of {}", name);
        prop_assert_eq!(batch.help(decoded), &expected.help, "help of {}", name);
        let lines = expected.lines(name);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        prop_assert_eq!(
            batch.text(decoded).escape_ascii().to_string(),
            text.as_bytes().escape_ascii().to_string()
        );
        prop_assert_eq!(decoded.samples as usize, lines.len(), "samples of {}", name);
        let spellings = expected.series.iter().map(|series| series.spelling(name));
        let series = spellings.map(|spelling| SeriesHasher::get().series(spelling.as_bytes()));
        prop_assert_eq!(batch.series(decoded), series.collect::<Vec<_>>(), "series of {}", name);
    }
    Ok(())
}

fn damaged(push: Push) -> impl Strategy<Value = Push> {
    let Push { key, body } = push;
    damage::damaged(body).prop_map(move |body| Push { key: key.clone(), body })
}

/// Spellings of numbers, and of what comes close: many digits, every sort of exponent, words.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<f64>().prop_map(|value| format!("{value:e}")),
        any::<f64>().prop_map(number::spell),
        (-1e7..1e7).prop_map(number::spell),
        "-?[0-9]{1,7}\\.[0-9]{8,17}",
        "-?[0-9](\\.[0-9]{1,17})?e[+-][0-9]{2,3}",
        "[+-]?[0-9]{0,20}\\.?[0-9]{0,4}([eE][+-]?[0-9]{0,4})?",
        "[+-]?([iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN])",
        "[+-.0-9eE_xXpPnNaAiIfFé]{1,6}",
    ]
}

/// A batch as a body again.
fn expose(batch: &Batch) -> Vec<u8> {
    let mut body = Vec::new();
    for family in &batch.families {
        let (name, help) = (key::spell_name(batch.name(family), ":"), batch.help(family));
        if !help.is_empty() {
            body.extend(format!("# HELP {name} {help}\n").bytes());
        }
        body.extend(format!("# TYPE {name} {}\n", family.kind.api()).bytes());
        body.extend_from_slice(batch.text(family));
    }
    body
}

#[test]
fn decode_agrees_with_the_oracle_on_what_the_grammar_gives() {
    check(NameRules::Legacy, 3000, push(NameRules::Legacy));
}

#[test]
fn decode_agrees_with_the_oracle_where_names_may_be_any_text() {
    check(NameRules::Utf8, 3000, push(NameRules::Utf8));
}

#[test]
fn decode_agrees_with_the_oracle_on_damaged_bodies() {
    check(NameRules::Legacy, 5000, push(NameRules::Legacy).prop_flat_map(damaged));
}

#[test]
fn decode_agrees_with_the_oracle_on_damaged_bodies_where_names_may_be_any_text() {
    check(NameRules::Utf8, 5000, push(NameRules::Utf8).prop_flat_map(damaged));
}

#[test]
fn decode_agrees_with_the_oracle_on_bodies_as_client_libraries_write_them() {
    let (taken, config) = (Cell::new(0), config(3000));
    proptest!(config, |(push in clients::push())| {
        let is_taken = compare(&push, NameRules::Legacy)? == Outcome::Taken;
        taken.set(taken.get() + u32::from(is_taken));
        compare(&push, NameRules::Utf8)?;
    });
    assert!(taken.get() > 300, "only {} were taken", taken.get());
}

#[test]
fn decode_agrees_with_the_oracle_on_bodies_whose_lines_are_joined() {
    let between = prop::sample::select(&["", " ", "\\n", "\\r\\n", "\r", "\\\\n"][..]);
    let parts =
        (push(NameRules::Legacy), between, prop::sample::select(&["", "\n"][..]), 0..4_usize);
    let joined = parts.prop_map(|(Push { key, body }, between, end, kept)| {
        let body = String::from_utf8(body).expect("the grammar gives text");
        let mut lines = body.lines();
        let kept: String = lines.by_ref().take(kept).map(|line| format!("{line}\n")).collect();
        let rest = lines.collect::<Vec<_>>().join(between);
        Push { key, body: (kept + &rest + end).into_bytes() }
    });
    let config = config(5000);
    let unreadable = Cell::new(0);
    proptest!(config, |(push in joined)| {
        let is_unreadable = compare(&push, NameRules::Legacy)? == Outcome::Unreadable;
        unreadable.set(unreadable.get() + u32::from(is_unreadable));
    });
    assert!(unreadable.get() > 1000, "only {} were unreadable", unreadable.get());
}

#[test]
fn decode_agrees_with_the_oracle_whatever_it_has_seen_before() {
    let rules = NameRules::Legacy;
    let values = prop::collection::vec(prop::option::weighted(0.3, number()), 1..20);
    let pushes = (push(rules), push(rules), values);
    proptest!(config(4000), |((seen, other, values) in pushes)| {
        let key = grouping_key(&seen, rules);
        // Twice, since what comes once is not remembered.
        let _shape = (decode(&key, &seen.body, rules), decode(&key, &seen.body, rules));
        let body = with_values(&seen.body, &values);
        for key in [seen.key, other.key] {
            compare(&Push { key, body: body.clone() }, rules)?;
        }
    });
}

/// A body with other values at the ends of some of its lines.
fn with_values(body: &[u8], values: &[Option<String>]) -> Vec<u8> {
    let mut out = Vec::new();
    for (line, value) in body.split_inclusive(|&byte| byte == b'\n').zip(values.iter().cycle()) {
        let blank = line.iter().rposition(|&byte| byte == b' ').filter(|_| line[0] != b'#');
        match (value, blank) {
            (Some(value), Some(blank)) => {
                out.extend_from_slice(&line[..=blank]);
                out.extend_from_slice(value.as_bytes());
                out.push(b'\n');
            }
            _ => out.extend_from_slice(line),
        }
    }
    out
}

#[test]
fn numbers_are_read_and_spelled_as_the_oracle_does() {
    let pushes = number().prop_map(|number| Push {
        key: Key::new([("job", "a")]),
        body: format!("# TYPE h histogram\nm {number}\nh_sum{{le=\"{number}\"}} {number}\n").into(),
    });
    proptest!(config(5000), |(push in pushes)| {
        compare(&push, NameRules::Legacy)?;
    });
}

#[test]
fn the_identity_of_a_group_is_its_merged_labels_without_empty_ones() {
    proptest!(config(500), |((rules, push) in any_push())| {
        let key = grouping_key(&push, rules);
        prop_assert_eq!(key.text(), key::spell(&push.key.merged_with(&key::Labels::new())));
        prop_assert_eq!(&*key.identity(), key::spell(&push.key.identity()));
        let is_empty = push.key.labels.get("instance").is_some_and(String::is_empty);
        prop_assert_eq!(key.has_empty_instance(), is_empty);
    });
}

#[test]
fn what_was_decoded_decodes_to_itself() {
    let config =
        ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((rules, push) in any_push())| {
        let key = grouping_key(&push, rules);
        let Ok(first) = decode(&key, &push.body, rules) else { return Ok(()) };
        let body = expose(&first);
        let second = decode(&key, &body, rules);
        let second = second.map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
        prop_assert_eq!(expose(&second).escape_ascii().to_string(), body.escape_ascii().to_string());
        for (one, other) in first.families.iter().zip(&second.families) {
            prop_assert_eq!(first.series(one), second.series(other));
            prop_assert_eq!(one.samples, other.samples);
        }
    });
}
