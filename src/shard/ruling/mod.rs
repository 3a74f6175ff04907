//! What rules make of the groups of one shard: what applies to each group, and when the shard looks at it.
//!
//! A push to a group costs one look at the group, and moves nothing: the shard looks at the group when it could have expired
//! first, and then finds when it was last pushed to. `deadlines` holds these looks, `ledger` counts the pushes of jobs, `clock` is
//! the clock that groups expire by, `scrapers` says up to when all scrapers have had everything, and `lately` knows the groups that
//! have expired in the last hour.
//!
//! **Invariant:** a group that may expire has exactly one look, at its deadline or before.

pub(super) mod clock;
mod deadlines;
pub(super) mod lately;
pub(super) mod ledger;
pub(super) mod scrapers;

use std::sync::Arc;
use std::time::Duration;

use self::deadlines::Deadlines;
pub(in crate::shard) use self::deadlines::GroupId;
use self::lately::ExpiredGroup;
use self::ledger::{Ledger, Member};
use crate::rules::{Aggregation, Applied, GroupRules};
use crate::shard::timestamp::Timestamp;

/// What rules make of one group. A group to which nothing applies has none.
#[derive(Debug)]
pub(in crate::shard) struct Ruled {
    /// What applies to it.
    pub(in crate::shard) applied: Applied,
    /// When the group expires after its last push, if that push asked for it.
    pub(in crate::shard) asked: Option<Duration>,
    id: GroupId,
    /// When the shard looks at it.
    look: Option<Timestamp>,
    /// The time of the push that scrapers are to have had, if the group is held for them.
    held: Option<Timestamp>,
    /// The ledger of its job, if it may expire.
    member: Option<Member>,
}

impl Ruled {
    /// How long after its last push the group expires, if it does.
    pub(in crate::shard) fn lifetime(&self) -> Option<Duration> {
        self.asked.or_else(|| self.applied.lifetime())
    }

    /// The rule that says when the group expires; `None` where its last push has asked for it.
    pub(in crate::shard) fn rule(&self) -> Option<u16> {
        self.applied.expire.filter(|_| self.asked.is_none()).map(|said| said.rule)
    }

    /// Whether this is the group of that number.
    pub(in crate::shard) fn is(&self, id: GroupId) -> bool {
        self.id == id
    }

    /// The ledger of its job, if the group may expire.
    pub(in crate::shard) fn member(&self) -> Option<&Member> {
        self.member.as_ref()
    }
}

/// What is to become of a group that the shard has looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shard) enum Verdict {
    Expired,
    Stays,
}

/// What a shard knows of the rules.
#[derive(Debug, Default)]
pub(in crate::shard) struct Ruling {
    /// The rules; `None` while there is no file of them.
    rules: Option<Arc<GroupRules>>,
    ledger: Arc<Ledger>,
    deadlines: Deadlines,
    last_id: GroupId,
    /// The hashes of groups for which it is still to be decided what applies.
    undecided: Vec<u64>,
}

impl Ruling {
    /// Whether rules are in effect.
    pub(in crate::shard) fn has_rules(&self) -> bool {
        self.rules.is_some()
    }

    /// Takes new rules. What applies to the groups of these hashes is decided bit by bit.
    pub(in crate::shard) fn replace(
        &mut self,
        rules: Arc<GroupRules>,
        ledger: Arc<Ledger>,
        groups: Vec<u64>,
    ) {
        (self.rules, self.ledger, self.undecided) = (Some(rules), ledger, groups);
    }

    /// The same rules for the sources that are not shown.
    pub(in crate::shard) fn for_hidden(&self) -> Ruling {
        let (rules, ledger) = (self.rules.clone(), Arc::clone(&self.ledger));
        Ruling { rules, ledger, ..Ruling::default() }
    }

    /// What makes a group of this key part of a sum, if anything does.
    pub(in crate::shard) fn aggregation(&self, key: &str) -> Option<Arc<Aggregation>> {
        let said = self.rules.as_ref()?.apply_to(key).aggregate;
        said.map(|said| said.value)
    }

    /// Whether there are groups for which it is still to be decided what applies.
    pub(in crate::shard) fn has_undecided(&self) -> bool {
        !self.undecided.is_empty()
    }

    /// The hashes of some of these groups, which are about to be decided.
    pub(in crate::shard) fn next_undecided(&mut self, groups_max: usize) -> Vec<u64> {
        let left = self.undecided.len().saturating_sub(groups_max);
        self.undecided.split_off(left)
    }

    /// Decides what applies to a group. What its last push has asked for stays, whatever the rules say now.
    pub(in crate::shard) fn decide(&mut self, ruled: &mut Option<Box<Ruled>>, key: &str) {
        let Some(rules) = &self.rules else { return };
        let applied = rules.apply_to(key);
        if ruled.is_some() || applied != Applied::default() {
            self.of(ruled).applied = applied;
        }
    }

    /// Notes what the last push to a group has asked for. This works without rules too: they may come later.
    pub(in crate::shard) fn ask(&mut self, ruled: &mut Option<Box<Ruled>>, expire: Duration) {
        self.of(ruled).asked = Some(expire);
    }

    fn of<'r>(&mut self, ruled: &'r mut Option<Box<Ruled>>) -> &'r mut Ruled {
        ruled.get_or_insert_with(|| {
            self.last_id += 1;
            let (applied, asked, id) = (Applied::default(), None, self.last_id);
            Box::new(Ruled { applied, asked, id, look: None, held: None, member: None })
        })
    }

    /// Sees to it that the shard looks in time at a group whose time runs from `since` on.
    pub(in crate::shard) fn schedule(
        &mut self,
        ruled: &mut Ruled,
        hash: u64,
        job: &str,
        pushed: Timestamp,
        since: Timestamp,
    ) {
        let Some(lifetime) = ruled.lifetime() else {
            self.release(ruled);
            ruled.member = None;
            return;
        };
        let member = ruled.member.get_or_insert_with(|| self.ledger.join(job));
        member.pushed_at(&self.ledger, pushed);
        if ruled.held.is_some_and(|held| held != since) {
            self.release(ruled); // It was pushed to again.
        }
        let due = since.after(lifetime);
        if ruled.look.is_none_or(|look| due < look) {
            self.look_at(ruled, hash, due);
        }
    }

    /// Forgets a group.
    pub(in crate::shard) fn forget(&mut self, ruled: Option<Box<Ruled>>) {
        if let Some(mut ruled) = ruled {
            self.release(&mut ruled);
        }
    }

    /// Forgets all groups.
    pub(in crate::shard) fn forget_all(&mut self) {
        self.deadlines = Deadlines::default();
    }

    /// The hash of a group that is to be looked at now, and its number. `covered` is the time up to which all scrapers have
    /// had what was pushed.
    pub(in crate::shard) fn next_look(
        &mut self,
        now: Timestamp,
        covered: Timestamp,
    ) -> Option<(u64, GroupId)> {
        self.deadlines.pop(now, covered)
    }

    /// Says what is to become of the group at which the shard has to look now, and when the shard looks at it again.
    pub(in crate::shard) fn judge(
        &mut self,
        ruled: &mut Ruled,
        hash: u64,
        since: Timestamp,
        now: Timestamp,
        covered: Timestamp,
    ) -> Verdict {
        self.release(ruled);
        let Some(lifetime) = ruled.lifetime() else { return Verdict::Stays };
        let due = since.after(lifetime);
        if now < due {
            self.look_at(ruled, hash, due);
            return Verdict::Stays;
        }
        let held_until = due.after(ruled.applied.hold());
        if now >= held_until || covered > since {
            return Verdict::Expired;
        }
        self.look_at(ruled, hash, held_until);
        self.deadlines.hold(since, ruled.id, hash);
        ruled.held = Some(since);
        Verdict::Stays
    }

    /// Notes that a group has expired.
    pub(in crate::shard) fn note_expired(&self, group: ExpiredGroup) {
        self.ledger.lately.note(group);
    }

    fn look_at(&mut self, ruled: &mut Ruled, hash: u64, at: Timestamp) {
        if let Some(before) = ruled.look.replace(at) {
            self.deadlines.remove(before, ruled.id);
        }
        self.deadlines.insert(at, ruled.id, hash);
    }

    /// Takes a group out of the deadlines.
    fn release(&mut self, ruled: &mut Ruled) {
        if let Some(look) = ruled.look.take() {
            self.deadlines.remove(look, ruled.id);
        }
        if let Some(since) = ruled.held.take() {
            self.deadlines.unhold(since, ruled.id);
        }
    }
}
