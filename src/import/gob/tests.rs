use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Family, Group, Reason, read};

/// What a Pushgateway 1.5.1 wrote, see `tests/gob/README.md`.
const GROUPS: &[u8] = include_bytes!("../../../tests/gob/groups.gob");
const EMPTY: &[u8] = include_bytes!("../../../tests/gob/empty.gob");
/// The same layout with fields of every kind around what is wanted, written by Go.
const OTHER: &[u8] = include_bytes!("../../../tests/gob/other.gob");

fn group(file: &[u8], job: &str) -> Group {
    let groups = read(file).expect("a Pushgateway wrote it");
    let is_it =
        |group: &Group| group.labels.iter().any(|(name, value)| name == "job" && value == job);
    groups.into_iter().find(is_it).expect("the group is there")
}

fn labels(group: &Group) -> Vec<(&str, &str)> {
    group.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn families(group: &Group) -> BTreeMap<&str, (Option<f64>, &[u8])> {
    assert!(group.families.is_sorted_by(|a, b| a.name < b.name));
    let mut held = BTreeMap::new();
    for Family { name, pushed, metrics } in &group.families {
        held.insert(name.as_str(), (*pushed, metrics.as_slice()));
    }
    held
}

fn error(file: &[u8]) -> String {
    read(file).expect_err("it is no such file").to_string()
}

#[test]
fn groups_of_a_pushgateway_are_read() {
    let jobs: Vec<_> = read(GROUPS)
        .expect("a Pushgateway wrote it")
        .into_iter()
        .map(|group| group.labels)
        .collect();
    assert_eq!(jobs.len(), 3);
    assert!(jobs.is_sorted());

    let backup = group(GROUPS, "backup");
    assert_eq!(labels(&backup), [("instance", "db-1"), ("job", "backup")]);
    let held = families(&backup);
    let names = ["done_total", "push_failure_time_seconds", "push_time_seconds", "took_seconds"];
    assert_eq!(held.keys().copied().collect::<Vec<_>>(), names);
    let (pushed, metrics) = held["push_time_seconds"];
    let pushed = pushed.expect("it was pushed");
    // The gauge of that family is the very same number, in the bytes that protobuf has for it.
    assert!(metrics.windows(8).any(|window| window == pushed.to_le_bytes()));
    assert!(held.values().all(|(other, _)| *other == Some(pushed)));
    assert!(held["done_total"].1.starts_with(b"\x0a\x0adone_total\x12\x06Files.\x18\x00"));
    assert!(held["took_seconds"].1.starts_with(b"\x0a\x0ctook_seconds"));
}

#[test]
fn labels_come_as_they_were_meant() {
    let odd = group(GROUPS, "a/\u{e9}\"\n");
    assert_eq!(labels(&odd), [("job", "a/\u{e9}\"\n"), ("zone", "")]);
}

#[test]
fn a_group_that_was_only_refused_has_a_time_of_failure() {
    let refused = group(GROUPS, "refused");
    let held = families(&refused);
    assert_eq!(
        held.keys().copied().collect::<Vec<_>>(),
        ["push_failure_time_seconds", "push_time_seconds"]
    );
    assert!(held["push_failure_time_seconds"].0.is_some());
    // The family that says "never" is as old as the other: it is its value that says so.
    assert_eq!(held["push_time_seconds"].0, held["push_failure_time_seconds"].0);
    assert!(held["push_time_seconds"].1.ends_with(&[0; 8]));
}

#[test]
fn no_groups_are_read_as_none() {
    assert_eq!(read(EMPTY), Ok(Vec::new()));
}

#[test]
fn fields_that_are_not_known_are_passed_by() {
    let group = group(OTHER, "j");
    assert_eq!(labels(&group), [("instance", ""), ("job", "j")]);
    let held = families(&group);
    assert_eq!(held.len(), 2, "one has no metrics");
    assert_eq!(held["a"], (Some(1_700_000_000.5), &b"A"[..]));
    assert_eq!(held["z"], (None, &b"Z"[..]));
}

#[test]
fn every_truncation_is_an_error_within_what_is_left() {
    for file in [GROUPS, EMPTY, OTHER] {
        for len in 0..file.len() {
            let error = read(&file[..len]).expect_err("it is cut");
            assert!(error.offset <= len, "{error} of {len}");
            let is_cut = matches!(error.reason, Reason::Cut | Reason::Length(..));
            assert!(is_cut, "{len}: {error}");
        }
    }
}

#[test]
fn nothing_may_follow() {
    let end = EMPTY.len();
    let file = [EMPTY, b"\0"].concat();
    assert_eq!(error(&file), format!("byte {end}: more bytes where the value has ended"));
}

/// A file of messages.
fn file(messages: &[&[u8]]) -> Vec<u8> {
    messages.iter().flat_map(|message| [&[message.len() as u8], *message].concat()).collect()
}

/// The definition of type 65 as a map: of keys of type `key` to elements of type `element`.
fn map_of(key: u8, element: u8) -> Vec<u8> {
    vec![0xff, 0x81, 4, 2, 2 * key, 1, 2 * element, 0, 0]
}

#[test]
fn what_is_not_the_groups_is_told() {
    let told = |messages: &[&[u8]], reason: &str| {
        let error = error(&file(messages));
        assert!(error.contains(reason), "{error}");
    };
    assert_eq!(error(b""), "byte 0: the file, or a message in it, ends here too early");
    assert_eq!(error(b"# TYPE a"), "byte 0: a length of 35 where 7 bytes are left");
    assert_eq!(error(&[0x80]), "byte 0: a number of more than eight bytes");
    told(&[&[4, 0, 6]], "byte 2: the value in the file is not a map of grouping keys to groups: ");
    told(&[&[0xff, 0x82]], "byte 3: type 65 is used but not defined");
    let (text, old, huge) = (map_of(6, 6), map_of(3, 6), [0xff, 0x81, 4, 2, 12, 1, 0xf8]);
    told(&[&text, &text], "byte 11: type 65 is defined for the second time");
    told(&[&[1, 4, 2, 12, 1, 12, 0, 0]], "byte 1: type 1 is defined for the second time");
    told(&[&[0xff, 0x81, 0]], "a malformed definition of a type");
    told(&[&[0xff, 0x81, 9, 0]], "a malformed definition of a type");
    told(&[&huge], "ends here too early");
    told(&[&text, &[0xff, 0x82, 0, 0]], "a group is not labels and metrics: ");
    told(&[&old, &[0xff, 0x82, 0, 0]], "before Pushgateway 0.10");
    assert!(error(b"not gob at all").starts_with("byte "));
}

/// The file with one run of its bytes replaced, of which there is one only.
fn replaced(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at: Vec<usize> = (0..file.len()).filter(|&at| file[at..].starts_with(from)).collect();
    let [at] = at[..] else { panic!("{from:?} is there {} times", at.len()) };
    [&file[..at], to, &file[at + from.len()..]].concat()
}

#[test]
fn what_cannot_be_kept_is_told() {
    let is_text = replaced(OTHER, b"\x08instance\x00", b"\x08inst\xffnce\x00");
    assert!(error(&is_text).ends_with(": a name or a value is not UTF-8"));
    let twice = replaced(OTHER, b"\x01z\x01\x03", b"\x01a\x01\x03");
    assert!(error(&twice).ends_with(": a family \"a\" for the second time"), "{}", error(&twice));
    let seconds = (1_700_000_000_u64 + 62_135_596_800).to_be_bytes();
    let version = replaced(OTHER, &[&[2][..], &seconds].concat(), &[&[3][..], &seconds].concat());
    assert!(error(&version).ends_with(": a time that is not as Go writes it"));
    let label = replaced(OTHER, b"GobbableMetricFamily", b"GobbableMetricFamilx");
    assert!(error(&label).contains("a family is not a time and metrics"));
}

#[test]
fn what_is_nested_too_deep_is_an_error() {
    // The first field of a group is a list of lists without end, which its definition allows.
    let list = [0xff, 0x81, 2, 2, 0xff, 0x82, 0, 0];
    let groups = [0xff, 0x83, 4, 2, 12, 1, 0xff, 0x86, 0, 0];
    let field =
        |name: &[u8], id: u8| [&[1, name.len() as u8], name, &[1, 0xff, 2 * id, 0]].concat();
    let fields = [field(b"L", 65), field(b"Labels", 68), field(b"Metrics", 69)].concat();
    let group = [&[0xff, 0x85, 3, 2, 3], &fields[..], &[0, 0]].concat();
    let labels = [0xff, 0x87, 4, 2, 12, 1, 12, 0, 0];
    let metrics = [0xff, 0x89, 4, 2, 12, 1, 0xff, 0x8c, 0, 0];
    let family = [field(b"Timestamp", 71), field(b"GobbableMetricFamily", 71)].concat();
    let family = [&[0xff, 0x8b, 3, 2, 2], &family[..], &[0, 0]].concat();
    let own = [0xff, 0x8d, 5, 0, 0];
    let value = |deep: usize| [&[0xff, 0x84, 0, 1, 0, 1], &vec![1; deep][..], &[0, 0]].concat();
    let deep = |deep| {
        read(&file(&[&list, &groups, &group, &labels, &metrics, &family, &own, &value(deep)]))
    };
    let none = Group { labels: Vec::new(), families: Vec::new() };
    assert_eq!(deep(63), Ok(vec![none]));
    assert_eq!(deep(64).expect_err("it is too deep").reason, Reason::Nested);
}

proptest! {
    /// Whatever a file is made into, it is read or refused; what is read has come out of its bytes.
    #[test]
    fn no_file_makes_it_panic(
        which in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let mut file = [GROUPS, EMPTY, OTHER][which].to_vec();
        for (at, byte, how) in changes {
            let at = at.index(file.len());
            match how {
                0 => file[at] = byte,
                1 => file.insert(at, byte),
                _ => drop(file.remove(at)),
            }
        }
        match read(&file) {
            Ok(groups) => {
                let bytes: usize = groups.iter().flat_map(|group| &group.families).map(|family| family.metrics.len()).sum();
                prop_assert!(bytes <= file.len());
            }
            Err(error) => prop_assert!(error.offset <= file.len()),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&bytes).is_err());
    }
}
