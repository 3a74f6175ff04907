//! Changes in slices, against the same changes in one go.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::large::LargeChange;
use crate::exposition::NameRules;
use crate::push::{Batch, GroupingKey, decode};
use crate::shard::{
    Budget, Index, Limits, Mode, Placement, PushError, Selection, Store, Timestamp,
};

const PATHS: [&str; 4] = ["/j/instance/1", "/j/instance/2", "/j/x/y", "/j"];
/// Pushed between two slices.
const OTHER: &str = "/other";
const OTHER_BODIES: [&str; 3] = [
    "# HELP a Of another.\n# TYPE a gauge\na{of=\"other\"} 1\n",
    "# TYPE b gauge\nb{of=\"other\"} 1\nz 1\n",
    "z 2\n",
];

#[derive(Debug, Clone)]
enum Step {
    Push { path: usize, mode: Mode, body: String, others: Vec<usize> },
    Place { path: usize, body: String, pushed: u64, keeps_newer: bool },
    Delete { path: usize, is_listed: bool },
    Bound { bytes: u64 },
}

/// A body of some families of some series, of which others may hold one.
fn body() -> impl Strategy<Value = String> {
    let family = (0..6_usize, 0..30_usize, 1..12_usize, 0..3_usize, any::<bool>());
    vec(family, 0..5).prop_map(|families| {
        let mut by_name = BTreeMap::new();
        for (name, first, series, help, is_shared) in families {
            let (name, kind) = [
                ("a", "gauge"),
                ("b", "gauge"),
                ("c", "counter"),
                ("h", "histogram"),
                ("h_sum", "gauge"),
                ("h", "gauge"),
            ][name];
            let mut text = ["", "# HELP NAME One.\n", "# HELP NAME Two.\n"][help].replace("NAME", name);
            text += &format!("# TYPE {name} {kind}\n");
            for at in first..first + series {
                // The first label is that of a group key, so that groups meet.
                let labels = if is_shared { format!("x=\"y\",l=\"{at}\"") } else { format!("l=\"{at}\"") };
                text += &match kind {
                    "histogram" => format!("h_bucket{{{labels},le=\"+Inf\"}} 2\nh_sum{{{labels}}} 1\nh_count{{{labels}}} 2\n"),
                    _ => format!("{name}{{{labels}}} {first}\n"),
                };
            }
            by_name.insert(name, text);
        }
        by_name.into_values().collect()
    })
}

fn step() -> impl Strategy<Value = Step> {
    let mode = prop_oneof![Just(Mode::Replace), Just(Mode::Add)];
    let others = vec(0..OTHER_BODIES.len(), 0..6);
    prop_oneof![
        8 => (0..PATHS.len(), mode, body(), others)
            .prop_map(|(path, mode, body, others)| Step::Push { path, mode, body, others }),
        2 => (0..PATHS.len(), body(), 0..25_u64, any::<bool>())
            .prop_map(|(path, body, pushed, keeps_newer)| Step::Place { path, body, pushed, keeps_newer }),
        2 => (0..PATHS.len(), any::<bool>())
            .prop_map(|(path, is_listed)| Step::Delete { path, is_listed }),
        1 => prop_oneof![Just(u64::MAX), 0..12_000_u64].prop_map(|bytes| Step::Bound { bytes }),
    ]
}

struct Tried {
    store: Store,
    budget: Arc<Budget>,
    index: Arc<Index>,
}

impl Tried {
    fn new() -> Tried {
        let (budget, index) = (Arc::new(Budget::new(Limits::NONE)), Arc::<Index>::default());
        let store = Store::new(Arc::clone(&index), None).within(Some(Arc::clone(&budget)), 1 << 20);
        Tried { store, budget, index }
    }

    fn push(&mut self, path: &str, mode: Mode, body: &str, now: u64) -> Result<(), PushError> {
        let (key, batch, now) = prepared(path, body, now);
        self.store.push(hash(path), &key, mode, &batch, None, now)
    }

    fn shown(&mut self) -> Vec<String> {
        let snapshot = self.store.snapshot(&Selection::default());
        let families = snapshot.families.iter().map(|family| {
            let texts: Vec<_> = family.pages().map(|page| page.text().to_vec()).collect();
            let text = String::from_utf8(texts.concat()).expect("it is text");
            let mut lines: Vec<_> = text.lines().collect();
            lines.sort_unstable();
            format!("{} {:?} {:?} {lines:?}", family.name, family.kind, family.help)
        });
        let mut families: Vec<_> = families.collect();
        families.sort_unstable();
        families
    }
}

fn hash(path: &str) -> u64 {
    path.bytes().map(u64::from).sum::<u64>() % 7
}

fn prepared(path: &str, body: &str, now: u64) -> (GroupingKey, Batch, Timestamp) {
    let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path");
    let batch = decode(&key, body.as_bytes(), NameRules::Legacy).expect("a valid push");
    (key, batch, Timestamp::from_nanos(now))
}

/// Makes a change slice by slice, and something else between any two.
pub(in crate::shard) fn to_the_end(
    store: &mut Store,
    mut change: LargeChange,
    mut between: impl FnMut(&mut Store),
) -> Result<(), PushError> {
    loop {
        match change.advance(store) {
            Some(result) => return result,
            None => between(store),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_change_in_slices_ends_as_one_in_one_go_whatever_is_pushed_to_others_between(
        steps in vec(step(), 1..25)
    ) {
        let (mut whole, mut sliced) = (Tried::new(), Tried::new());
        for (step, now) in steps.into_iter().zip(1..) {
            match step {
                Step::Push { path, mode, body, others } => {
                    let (key, _, time) = prepared(PATHS[path], "", now);
                    let Ok(batch) = decode(&key, body.as_bytes(), NameRules::Legacy) else {
                        continue; // A family has the name of a sample of another.
                    };
                    if whole.budget.limits() != Limits::NONE && !others.is_empty() {
                        continue; // Which of them finds room would depend on their order.
                    }
                    let change = LargeChange::push(hash(PATHS[path]), key, mode, batch, None, time);
                    let mut others = others.into_iter();
                    let mut pushed = Vec::new();
                    let result = to_the_end(&mut sliced.store, change, |store| {
                        if let Some(other) = others.next() {
                            let (key, batch, time) = prepared(OTHER, OTHER_BODIES[other], now);
                            let result = store.push(hash(OTHER), &key, Mode::Add, &batch, None, time);
                            pushed.push((other, result));
                        }
                    });
                    let expected = whole.push(PATHS[path], mode, &body, now);
                    if expected.is_err() && result.is_err() && expected != result {
                        return Ok(()); // There are two reasons to reject it.
                    }
                    prop_assert_eq!(expected, result);
                    for (other, result) in pushed {
                        let expected = whole.push(OTHER, Mode::Add, OTHER_BODIES[other], now);
                        prop_assert_eq!(expected, result);
                    }
                }
                Step::Place { path, body, pushed, keeps_newer } => {
                    let (key, _, pushed) = prepared(PATHS[path], "", pushed);
                    let Ok(batch) = decode(&key, body.as_bytes(), NameRules::Legacy) else {
                        continue;
                    };
                    let placement = Placement { pushed, failed: Timestamp::from_nanos(now), keeps_newer };
                    let hash = hash(PATHS[path]);
                    let expected = whole.store.place(hash, &key, &batch, None, placement);
                    let change = LargeChange::place(hash, key, batch, None, placement);
                    let result = to_the_end(&mut sliced.store, change, |_| ());
                    if expected.is_err() && result.is_err() && expected != result {
                        return Ok(()); // There are two reasons to reject it.
                    }
                    prop_assert_eq!(expected, result);
                }
                Step::Delete { path, is_listed } => {
                    let (key, _, _) = prepared(PATHS[path], "", now);
                    if !matches!(whole.store.find(hash(PATHS[path]), &key), Ok(Some(_))) {
                        continue;
                    }
                    whole.store.delete(hash(PATHS[path]), &key);
                    let mut change = LargeChange::delete(hash(PATHS[path]), key);
                    if is_listed {
                        let listed = sliced.store.summaries(&[hash(PATHS[path])]);
                        let of_path = change.into_parts().0;
                        let listed = listed.into_iter().find(|of| *of.group.key == *of_path.text());
                        let listed = listed.expect("it is stored").group;
                        change = sliced.store.large_deletion(&listed).expect("it is stored");
                    }
                    prop_assert_eq!(to_the_end(&mut sliced.store, change, |_| ()), Ok(()));
                }
                Step::Bound { bytes } => {
                    let limits = Limits { bytes, ..Limits::NONE };
                    whole.budget.set_limits(limits);
                    sliced.budget.set_limits(limits);
                }
            }
            prop_assert_eq!(whole.shown(), sliced.shown());
            prop_assert_eq!(whole.budget.used(), sliced.budget.used());
            prop_assert_eq!(whole.store.bytes(), sliced.store.bytes());
            prop_assert_eq!(whole.store.series(), sliced.store.series());
            prop_assert_eq!(whole.index.contents(), sliced.index.contents());
        }
    }
}
