//! What a group holds, as far as its marks tell, and what an operation makes of it.
//!
//! The operations on a group are numbered from 1, deletes too; a push carries its number, its
//! *version*, in the families that show below.

use crate::workload::{ADDED_FAMILY, FIRST_MARK, MARK_FAMILIES, Method};

/// The families with versions: one that only PUT brings, one that PUT and POST bring, one that only
/// POST brings.
pub(super) const FAMILIES: [&str; 3] = [MARK_FAMILIES[0], MARK_FAMILIES[1], ADDED_FAMILY];

/// The versions in [`FAMILIES`]; none where a group has no such family.
pub(super) type Versions = [Option<u64>; 3];

/// None: there is no such group.
pub(super) type State = Option<Versions>;

/// The state after an operation. PUT replaces what there is, POST only the families it brings.
pub(super) fn after(method: Method, version: u64, state: State) -> State {
    match method {
        Method::Put => Some([Some(version), Some(version), None]),
        Method::Post => {
            Some([state.and_then(|versions| versions[0]), Some(version), Some(version)])
        }
        Method::Delete => None,
    }
}

/// Whether some order of operations leads here.
pub(super) fn is_possible(state: State) -> bool {
    match state {
        None => true,
        Some([None, Some(last), Some(added)]) => last == added,
        Some([Some(first), Some(last), None]) => first == last,
        Some([Some(first), Some(last), Some(added)]) => first < last && last == added,
        Some(_) => false,
    }
}

/// The latest version that a state shows; 0 for none.
pub(super) fn newest(state: State) -> u64 {
    state.into_iter().flatten().flatten().max().unwrap_or(0)
}

/// What a scrape shows of one group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) state: State,
    /// False if it lacks samples that pushes of these versions bring, or has others.
    pub(super) whole: bool,
}

impl Found {
    pub(super) const NOTHING: Self = Self { state: None, whole: true };
}

/// How versions are spelled in marks, so that a mark tells its group, and the kind of its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbering {
    pub(super) groups: u64,
    pub(super) kinds: u64,
}

impl Numbering {
    /// A version that no operation has: what a mark of another group is read as.
    const STRANGE: u64 = u64::MAX;

    pub(super) const fn mark(self, group: u64, version: u64, kind: usize) -> u64 {
        FIRST_MARK + (version * self.groups + group) * self.kinds + kind as u64
    }

    pub(super) const fn version(self, group: u64, mark: u64) -> u64 {
        let Some(number) = mark.checked_sub(FIRST_MARK) else {
            return Self::STRANGE;
        };
        let number = number / self.kinds;
        if number % self.groups == group && number >= self.groups {
            number / self.groups
        } else {
            Self::STRANGE
        }
    }

    pub(super) const fn kind(self, mark: u64) -> usize {
        (mark.saturating_sub(FIRST_MARK) % self.kinds) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_its_group_version_and_kind() {
        let numbering = Numbering { groups: 7, kinds: 3 };
        for (group, version, kind) in [(0, 1, 0), (6, 1, 2), (3, 1_000_000, 1)] {
            let mark = numbering.mark(group, version, kind);
            assert_eq!((numbering.version(group, mark), numbering.kind(mark)), (version, kind));
            assert_eq!(numbering.version((group + 1) % 7, mark), Numbering::STRANGE);
        }
        for no_mark in [5, FIRST_MARK, FIRST_MARK + 20] {
            assert_eq!(numbering.version(0, no_mark), Numbering::STRANGE, "versions begin at 1");
        }
    }

    #[test]
    fn only_what_operations_leave_is_possible() {
        let mut states = vec![None];
        for version in 1..5 {
            let before = states.clone();
            for method in [Method::Put, Method::Post, Method::Delete] {
                states.extend(before.iter().map(|&state| after(method, version, state)));
            }
        }
        assert!(states.iter().all(|&state| is_possible(state)));
        let versions = [None, Some(1), Some(2), Some(3), Some(4)];
        for first in versions {
            for last in versions {
                for added in versions {
                    let state = Some([first, last, added]);
                    assert_eq!(is_possible(state), states.contains(&state), "{state:?}");
                }
            }
        }
    }
}
