//! Histories and what may be found after them.

use std::time::Duration;

use super::*;
use crate::workload::Rng;

use Method::{Delete, Post, Put};

/// The time of every kill: long after the start of every history.
fn killed() -> Instant {
    static ZERO: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    *ZERO + Duration::from_secs(100)
}

/// Acknowledged operations, each with its answer so many milliseconds before the kill.
fn history(operations: &[(Method, u64)]) -> History {
    let mut history = History::new();
    extend(&mut history, operations);
    history
}

fn extend(history: &mut History, operations: &[(Method, u64)]) {
    for &(method, age) in operations {
        history.begin(method);
        history.acknowledge(killed() - Duration::from_millis(age));
    }
}

/// Versions of the three families, 0 for none.
fn group(versions: [u64; 3]) -> Found {
    Found { state: Some(versions.map(|v| (v > 0).then_some(v))), whole: true }
}

/// Lost, within the interval, resurrected, phantom, half-applied.
fn verdict(history: &History, found: Found, promise: Promise) -> [u64; 5] {
    let c = history.judge(found, promise, killed());
    [c.lost, c.within_interval, c.resurrected, c.phantom, c.half_applied]
}

const NOTHING: Found = Found::NOTHING;
const CLEAN: [u64; 5] = [0; 5];

#[test]
fn with_every_push_on_disk_only_the_last_state_will_do() {
    // PUT 1, PUT 2, POST 3, DELETE 4, POST 5, PUT 6, POST 7
    let all = [Put, Put, Post, Delete, Post, Put, Post].map(|method| (method, 0));
    let cases: &[(usize, Found, [u64; 5])] = &[
        (0, NOTHING, CLEAN),
        (0, group([1, 1, 0]), [0, 0, 0, 1, 0]),
        (1, group([1, 1, 0]), CLEAN),
        (1, NOTHING, [1, 0, 0, 0, 0]),
        (2, group([2, 2, 0]), CLEAN),
        (2, group([1, 1, 0]), [1, 0, 0, 0, 0]),
        (2, NOTHING, [2, 0, 0, 0, 0]),
        (2, group([1, 2, 0]), [0, 0, 0, 0, 1]),
        (2, group([2, 0, 0]), [0, 0, 0, 0, 1]),
        (2, group([0, 0, 0]), [0, 0, 0, 0, 1]),
        (2, group([3, 3, 0]), [0, 0, 0, 1, 0]),
        (2, group([2, 2, u64::MAX]), [0, 0, 0, 1, 0]),
        (3, group([2, 3, 3]), CLEAN),
        (3, group([2, 2, 0]), [1, 0, 0, 0, 0]),
        (3, group([2, 2, 3]), [0, 0, 0, 0, 1]),
        (3, group([2, 3, 0]), [0, 0, 0, 0, 1]),
        // A PUT is missing below the POST that came after it.
        (3, group([1, 3, 3]), [0, 0, 0, 0, 1]),
        (3, group([0, 3, 3]), [0, 0, 0, 0, 1]),
        (4, NOTHING, CLEAN),
        (4, group([2, 3, 3]), [0, 0, 1, 0, 0]),
        (4, group([2, 2, 0]), [1, 0, 1, 0, 0]),
        (5, group([0, 5, 5]), CLEAN),
        (5, NOTHING, [1, 0, 0, 0, 0]),
        (5, group([2, 3, 3]), [1, 0, 1, 0, 0]),
        // The delete is missing below the POST that came after it.
        (5, group([2, 5, 5]), [0, 0, 0, 0, 1]),
        (6, group([6, 6, 0]), CLEAN),
        (6, group([6, 6, 5]), [0, 0, 0, 0, 1]),
        (7, group([6, 7, 7]), CLEAN),
        (7, group([1, 1, 0]), [5, 0, 1, 0, 0]),
    ];
    for &(operations, found, expected) in cases {
        let history = history(&all[..operations]);
        assert_eq!(verdict(&history, found, Promise::Push), expected, "{operations} {found:?}");
    }
}

#[test]
fn samples_that_are_missing_or_left_over_are_half_a_push() {
    let history = history(&[(Put, 0)]);
    let found = Found { whole: false, ..group([1, 1, 0]) };
    assert_eq!(verdict(&history, found, Promise::Push), [0, 0, 0, 0, 1]);
}

#[test]
fn what_is_in_doubt_may_be_there_or_not() {
    for (method, applied) in [(Put, group([2, 2, 0])), (Post, group([1, 2, 2])), (Delete, NOTHING)]
    {
        let mut history = history(&[(Put, 0)]);
        history.begin(method);
        assert_eq!(verdict(&history, applied, Promise::Push), CLEAN);
        assert_eq!(verdict(&history, group([1, 1, 0]), Promise::Push), CLEAN);
        assert_eq!(verdict(&history, group([1, 2, 0]), Promise::Push), [0, 0, 0, 0, 1]);
        assert_eq!(verdict(&history, group([3, 3, 0]), Promise::Push), [0, 0, 0, 1, 0]);
        assert_eq!(history.judge(applied, Promise::Push, killed()).in_doubt, 1);
        let mut settled = history.clone();
        settled.resume(group([1, 1, 0]));
        assert_ne!(verdict(&settled, applied, Promise::Push), CLEAN, "{method:?} was not applied");
        history.forget();
        assert_ne!(verdict(&history, applied, Promise::Push), CLEAN, "{method:?} was never sent");
    }
}

#[test]
fn within_the_interval_the_newest_may_be_missing_and_nothing_older() {
    let promise = Promise::Interval(Duration::from_secs(1));
    let history =
        history(&[(Put, 3000), (Put, 1500), (Delete, 1001), (Put, 1000), (Post, 10), (Put, 0)]);
    let cases = [
        (group([6, 6, 0]), CLEAN),
        (group([4, 5, 5]), [0, 1, 0, 0, 0]),
        (group([4, 4, 0]), [0, 2, 0, 0, 0]),
        (NOTHING, [0, 3, 0, 0, 0]),
        (group([2, 2, 0]), [0, 3, 1, 0, 0]),
        (group([1, 1, 0]), [1, 3, 1, 0, 0]),
        // However young, parts of several states are none.
        (group([4, 6, 0]), [0, 0, 0, 0, 1]),
        (group([2, 5, 5]), [0, 0, 0, 0, 1]),
        (group([7, 7, 0]), [0, 0, 0, 1, 0]),
    ];
    for (found, expected) in cases {
        assert_eq!(verdict(&history, found, promise), expected, "{found:?}");
    }
}

#[test]
fn a_check_is_where_the_history_goes_on_from() {
    let mut one = history(&[(Put, 0), (Put, 0), (Put, 0)]);
    one.resume(group([2, 2, 0]));
    assert_eq!(verdict(&one, group([2, 2, 0]), Promise::Push), CLEAN, "known to be lost");
    // It had survived: no interval excuses that it is gone.
    let promise = Promise::Interval(Duration::from_secs(1));
    assert_eq!(verdict(&one, NOTHING, promise), [1, 0, 0, 0, 0]);
    assert_eq!(verdict(&one, group([1, 1, 0]), promise), [1, 0, 0, 0, 0]);
    extend(&mut one, &[(Post, 0)]);
    assert_eq!(verdict(&one, group([2, 4, 4]), promise), CLEAN);
    assert_eq!(verdict(&one, group([2, 2, 0]), promise), [0, 1, 0, 0, 0]);
    assert_eq!(verdict(&one, group([1, 1, 0]), promise), [1, 1, 0, 0, 0]);
    assert_eq!(verdict(&one, group([1, 4, 4]), promise), [0, 0, 0, 0, 1]);
    one.resume(NOTHING);
    assert_eq!(verdict(&one, group([2, 2, 0]), promise), [0, 0, 1, 0, 0], "back from the dead");
    // What came of a mark of another group is not told twice.
    one.resume(group([u64::MAX, 4, 4]));
    assert_eq!(one.judge(group([u64::MAX, 4, 4]), promise, killed()).failures(), 1);
}

/// Random histories, cut anywhere: what is missing is counted, once, and as what it is.
#[test]
fn every_cut_of_a_history_is_told() {
    let mut rng = Rng::new(1, 0);
    let promise = Promise::Interval(Duration::from_secs(1));
    for _ in 0..5_000 {
        let length = 1 + rng.below(8);
        let mut ages: Vec<u64> = (0..length).map(|_| rng.below(2_000)).collect();
        ages.sort_unstable_by(|a, b| b.cmp(a));
        let operations: Vec<(Method, u64)> =
            ages.iter().map(|&age| ([Put, Post, Delete][rng.below(3) as usize], age)).collect();
        let history = history(&operations);
        let states: Vec<State> = (0..=operations.len()).map(|n| played(&operations[..n])).collect();
        for &state in &states {
            let found = Found { state, whole: true };
            let kept = states.iter().rposition(|s| *s == state).expect("one of them");
            let mut expected = [0; 5];
            for &(method, age) in &operations[kept..] {
                expected[if age <= 1_000 { 1 } else { 2 * usize::from(method == Delete) }] += 1;
            }
            assert_eq!(verdict(&history, found, promise), expected, "{operations:?} {found:?}");
        }
        // Any other state is an accusation, whatever the promise.
        for _ in 0..20 {
            let state = Some([(); 3].map(|()| Some(rng.below(length + 2)).filter(|v| *v > 0)));
            if !states.contains(&state) {
                let [lost, within, resurrected, phantom, half] =
                    verdict(&history, Found { state, whole: true }, promise);
                assert_eq!([lost, within, resurrected, phantom + half], [0, 0, 0, 1]);
            }
        }
    }
}

/// The state after some operations, said differently: from the last backwards.
fn played(operations: &[(Method, u64)]) -> State {
    let deleted = operations.iter().rposition(|o| o.0 == Delete).map_or(0, |at| at + 1);
    let rest = &operations[deleted..];
    if rest.is_empty() {
        return None;
    }
    let version = |at: usize| (deleted + at + 1) as u64;
    let put = rest.iter().rposition(|o| o.0 == Put);
    let post = rest.iter().rposition(|o| o.0 == Post).filter(|at| put.is_none_or(|put| put < *at));
    Some([put.map(version), Some(version(rest.len() - 1)), post.map(version)])
}
