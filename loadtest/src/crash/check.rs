//! Compares what the restarted gateway shows with every group's history.

use std::time::Instant;

use ahash::AHashMap;

use super::load::Shares;
use super::setup::Setup;
use super::state::{FAMILIES, Found, Numbering};
use super::verdict::{Counts, Verdict};
use super::writer::Group;
use crate::client::Target;
use crate::verify::{GroupKey, Shown, VerifyError, label_names, label_values, scrape};
use crate::workload::Head;

/// All groups that the gateway shows, by their labels.
pub(super) type Groups = AHashMap<GroupKey, Shown<3>>;

pub(super) fn read(setup: &Setup, target: &Target) -> Result<Groups, VerifyError> {
    let head = Head::new(&setup.profile, target);
    scrape(target, &head, &label_names(&setup.profile.groups.path), &FAMILIES)
}

/// Judges every group after a kill, and lets its history go on from what is there.
pub(super) fn check(
    setup: &Setup,
    mut shown: Groups,
    shares: &mut Shares,
    killed: Instant,
    verdict: &mut Verdict,
) {
    let samples: Vec<usize> = setup.bodies.iter().map(|body| body.samples).collect();
    let number = verdict.rounds.len() + 1;
    let mut round = Counts::default();
    for Group { number: group, history } in shares.iter_mut().flatten() {
        let key = label_values(&setup.profile.groups.path, *group);
        let found = match shown.remove(&key) {
            None => Found::NOTHING,
            Some(shown) => found(setup.numbering(), &samples, *group, &shown),
        };
        let counts = history.judge(found, setup.promise, killed);
        if counts.failures() > 0 {
            verdict.example(|| format!("round {number}: {key:?} {}", history.explain(found)));
        }
        round = round.plus(counts);
        history.resume(found);
    }
    for (key, _) in shown.iter().filter(|(_, group)| group.marks.iter().any(Option::is_some)) {
        round.phantom += 1;
        verdict.example(|| format!("round {number}: {key:?} was never pushed"));
    }
    verdict.rounds.push(round);
}

/// Reads marks as versions, and looks whether all is there: PUT brings the samples of its body, which
/// have one mark, POST replaces one and adds one.
fn found(numbering: Numbering, samples: &[usize], group: u64, shown: &Shown<3>) -> Found {
    let [first, last, added] = shown.marks;
    let put = match first {
        Some(mark) => samples[numbering.kind(mark)],
        None => usize::from(last.is_some()),
    };
    Found {
        state: Some(shown.marks.map(|mark| Some(numbering.version(group, mark?)))),
        whole: shown.pushed
            && shown.samples == put + usize::from(added.is_some())
            && shown.elsewhere.is_none_or(|marks| first.is_some_and(|mark| marks == [mark; 2])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_whole_with_all_samples_of_its_pushes_and_no_more() {
        let numbering = Numbering { groups: 10, kinds: 2 };
        let mark = |version, kind| Some(numbering.mark(4, version, kind));
        let shown = |marks: [Option<u64>; 3], samples, pushed| {
            let elsewhere = marks[0].map(|mark| [mark; 2]);
            Shown { marks, elsewhere, samples, pushed }
        };
        let is_whole = |shown: Shown<3>| found(numbering, &[7, 9], 4, &shown).whole;
        let whole = |marks, samples, pushed| is_whole(shown(marks, samples, pushed));
        let put = [mark(1, 1), mark(1, 1), None];
        assert!(whole(put, 9, true) && !whole(put, 8, true) && !whole(put, 10, true));
        assert!(!whole(put, 9, false), "every group has a push time");
        let both = [mark(1, 0), mark(2, 0), mark(2, 0)];
        assert!(whole(both, 8, true) && !whole(both, 7, true));
        let post = [None, mark(2, 0), mark(2, 0)];
        assert!(whole(post, 2, true) && !whole(post, 3, true));
        let (one, two) = (mark(1, 1).expect("a mark"), mark(2, 1).expect("a mark"));
        for elsewhere in [Some([one, two]), Some([two, two])] {
            assert!(!is_whole(Shown { elsewhere, ..shown(put, 9, true) }), "{elsewhere:?}");
        }
        assert!(!is_whole(Shown { elsewhere: Some([one; 2]), ..shown(post, 2, true) }));
    }

    #[test]
    fn a_mark_of_another_group_is_no_version_of_this_one() {
        let numbering = Numbering { groups: 10, kinds: 1 };
        let marks = [Some(numbering.mark(4, 1, 0)), Some(numbering.mark(5, 1, 0)), None];
        let found =
            found(numbering, &[2], 4, &Shown { marks, elsewhere: None, samples: 2, pushed: true });
        assert_eq!(found.state, Some([Some(1), Some(u64::MAX), None]));
    }
}
