//! The order of operations on one group since the last check, and the judging of what is found.

use std::time::Instant;

use super::state::{Found, State, after, is_possible, newest};
use super::verdict::{Counts, Promise};
use crate::workload::Method;

/// One group. Only one operation is under way at a time.
#[derive(Clone, Debug)]
pub(super) struct History {
    /// The version of the last operation that was begun.
    version: u64,
    /// The version at the last check: anything up to it is older than what was found then.
    checked: u64,
    found: State,
    /// What was acknowledged since.
    steps: Vec<Step>,
    under_way: Option<State>,
}

/// An acknowledged operation: the state it left, which is none for a delete.
#[derive(Clone, Copy, Debug)]
struct Step {
    state: State,
    answered: Instant,
}

impl History {
    /// A group that was never pushed to.
    pub(super) const fn new() -> Self {
        Self { version: 0, checked: 0, found: None, steps: Vec::new(), under_way: None }
    }

    /// An operation is about to be sent; its version.
    pub(super) fn begin(&mut self, method: Method) -> u64 {
        self.version += 1;
        self.under_way = Some(after(method, self.version, self.last()));
        self.version
    }

    pub(super) fn acknowledge(&mut self, answered: Instant) {
        let state = self.under_way.take();
        self.steps.extend(state.map(|state| Step { state, answered }));
    }

    /// The operation under way was never sent, or was refused.
    pub(super) const fn forget(&mut self) {
        self.under_way = None;
    }

    fn last(&self) -> State {
        self.steps.last().map_or(self.found, |step| step.state)
    }

    /// Judges what is there after a kill; what is still under way is in doubt.
    pub(super) fn judge(&self, found: Found, promise: Promise, killed: Instant) -> Counts {
        let deletes = self.steps.iter().filter(|step| step.state.is_none()).count() as u64;
        let mut counts = Counts {
            deletes,
            pushes: self.steps.len() as u64 - deletes,
            in_doubt: u64::from(self.under_way.is_some()),
            ..Counts::default()
        };
        match self.place(found) {
            Place::Phantom => counts.phantom = 1,
            Place::Nowhere => counts.half_applied = 1,
            Place::After(kept) => self.count_missing(kept, promise, killed, &mut counts),
            Place::BeforeTheCheck => {
                // What the last check found had survived one kill already.
                count(self.found, true, &mut counts);
                self.count_missing(0, promise, killed, &mut counts);
            }
        }
        counts
    }

    fn count_missing(&self, kept: usize, promise: Promise, killed: Instant, counts: &mut Counts) {
        for step in &self.steps[kept..] {
            count(step.state, promise.covers(step.answered, killed), counts);
        }
    }

    /// Where in the order a state stands: the last place of several.
    fn place(&self, found: Found) -> Place {
        let state = found.state;
        if newest(state) > self.version {
            return Place::Phantom;
        }
        if !found.whole {
            return Place::Nowhere;
        }
        if self.under_way == Some(state) {
            return Place::After(self.steps.len());
        }
        if let Some(at) = self.steps.iter().rposition(|step| step.state == state) {
            return Place::After(at + 1);
        }
        if self.found == state {
            return Place::After(0);
        }
        if is_possible(state) && newest(state) <= self.checked {
            return Place::BeforeTheCheck;
        }
        Place::Nowhere
    }

    /// What there is to say about a failure: versions are those of the first, the last and the added
    /// family.
    pub(super) fn explain(&self, found: Found) -> String {
        let mut text = format!(
            "shows {}{}; the check before found {}, {} acknowledged operations later it was {}",
            named(found.state),
            if found.whole { "" } else { " with samples missing or left over" },
            named(self.found),
            self.steps.len(),
            named(self.last()),
        );
        if let Some(state) = self.under_way {
            text.push_str(&format!(", and perhaps {}", named(state)));
        }
        text
    }

    /// Goes on from what was found.
    pub(super) fn resume(&mut self, found: Found) {
        self.checked = self.version;
        self.found = found.state;
        self.steps.clear();
        self.under_way = None;
    }
}

/// Where in the order of operations a group is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// After so many of those acknowledged since the last check.
    After(usize),
    /// At something that the last check did not find any more.
    BeforeTheCheck,
    /// It shows a version that was never sent.
    Phantom,
    Nowhere,
}

fn named(state: State) -> String {
    let Some(versions) = state else {
        return "nothing".to_owned();
    };
    let versions = versions.map(|version| match version {
        None => "-".to_owned(),
        Some(u64::MAX) => "a stranger".to_owned(),
        Some(version) => version.to_string(),
    });
    format!("[{}]", versions.join(", "))
}

/// Counts an operation that left `state` and is not there.
const fn count(state: State, covered: bool, counts: &mut Counts) {
    match (covered, state) {
        (false, _) => counts.within_interval += 1,
        (true, Some(_)) => counts.lost += 1,
        (true, None) => counts.resurrected += 1,
    }
}

#[cfg(test)]
mod tests;
