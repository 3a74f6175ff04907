//! What rules do with the groups of a store: decide what applies, and let groups expire.
//!
//! Start with [`Store::look`], which does a bounded piece of this work between pushes. Other changes of a group report here:
//! [`Store::accepted`], [`Store::rejected`], and `govern` for the rest.

use std::sync::Arc;
use std::time::Duration;

use crate::push::GroupingKey;
use crate::rules::GroupRules;
use crate::shard::groups::group::Group;
use crate::shard::ruling::Verdict;
use crate::shard::ruling::lately::ExpiredGroup;
use crate::shard::ruling::ledger::{Ledger, Member};
use crate::shard::store::Store;
use crate::shard::timestamp::Timestamp;

/// How many groups a shard decides about, looks at, and lets expire at most before it goes on with pushes.
const DECIDED_AT_A_TIME: usize = 256;
const LOOKED_AT_AT_A_TIME: usize = 256;
/// How many groups expire on a shard before it goes on with pushes.
pub const EXPIRED_AT_A_TIME: usize = 16;

/// What has come of a look at the groups that may have expired.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// How many groups have expired.
    pub expired: u64,
    /// Whether there is more to be done now.
    pub has_more: bool,
}

impl Store {
    /// Takes new rules. They take effect for new groups at once, and for stored groups bit by bit.
    pub fn set_rules(&mut self, rules: Arc<GroupRules>, ledger: Arc<Ledger>) {
        if let Some(hidden) = &mut self.hidden {
            hidden.set_rules(Arc::clone(&rules), Arc::clone(&ledger));
        }
        let groups = self.hashes(&[]);
        self.ruling.replace(rules, ledger, groups);
    }

    /// Decides about some groups, and lets some expire by `now`. All scrapers have had what was pushed before `covered`. Answers
    /// the key of a large group as well, which is to be deleted in slices.
    pub(in crate::shard) fn look(
        &mut self,
        now: Timestamp,
        covered: Timestamp,
    ) -> (Looked, Option<(u64, GroupingKey)>) {
        let (mut looked, large) = self.look_here(now, covered);
        if let Some(hidden) = &mut self.hidden {
            let (hidden, _) = hidden.look_here(now, covered);
            looked.expired += hidden.expired;
            looked.has_more |= hidden.has_more;
        }
        self.settle_sums();
        (looked, large)
    }

    /// The same, without the sources that are not shown.
    fn look_here(
        &mut self,
        now: Timestamp,
        covered: Timestamp,
    ) -> (Looked, Option<(u64, GroupingKey)>) {
        for hash in self.ruling.next_undecided(DECIDED_AT_A_TIME) {
            self.decide_again(hash);
        }
        let (mut gone, mut large, mut looks) = (Vec::new(), None, 0);
        while looks < LOOKED_AT_AT_A_TIME
            && gone.len() < EXPIRED_AT_A_TIME
            && large.is_none()
            && let Some((hash, id)) = self.ruling.next_look(now, covered)
        {
            looks += 1;
            let Store { groups, ruling, .. } = self;
            let is_group =
                |(_, group): &(u64, Group)| group.ruled.as_ref().is_some_and(|ruled| ruled.is(id));
            let at = groups.find_bucket_index(hash, is_group);
            let group = at.and_then(|at| groups.get_bucket_mut(at)).map(|(_, group)| group);
            let Some(group) = group else { continue };
            let since = since(group);
            let Some(ruled) = &mut group.ruled else { continue };
            if ruling.judge(ruled, hash, since, now, covered) == Verdict::Stays {
                continue;
            }
            if let Some(member) = ruled.member() {
                member.expired();
            }
            ruling.note_expired(ExpiredGroup {
                key: Arc::clone(&group.key),
                has_empty_instance: group.has_empty_instance,
                pushed: group.pushed,
                expired: now,
                after: ruled.lifetime().unwrap_or_default(),
                rule: ruled.rule(),
            });
            tracing::debug!(group = &*group.key, "expired");
            if self.is_large(at, None) {
                let group = at.and_then(|at| self.groups.get_bucket(at)).map(|(_, group)| group);
                large = group.and_then(|group| {
                    let key = GroupingKey::from_text(&group.key, group.has_empty_instance)?;
                    Some((hash, key))
                });
            } else if let Ok(found) = self.groups.find_entry(hash, is_group) {
                gone.push(found.remove().0);
            }
        }
        let has_more = looks == LOOKED_AT_AT_A_TIME
            || gone.len() == EXPIRED_AT_A_TIME
            || large.is_some()
            || self.ruling.has_undecided();
        let expired = gone.len() as u64 + u64::from(large.is_some());
        self.drop_groups(gone);
        (Looked { expired, has_more }, large)
    }

    /// Notes that a push to a group was accepted, which may have made the group.
    pub(in crate::shard) fn accepted(&mut self, is_new: bool, hash: u64, key: &GroupingKey) {
        if let Some(member) = self.govern(is_new, hash, key, true) {
            member.accepted();
        }
    }

    /// Notes that a push to a group was rejected because of its content. That does not renew the group.
    pub(in crate::shard) fn rejected(&mut self, is_new: bool, hash: u64, key: &GroupingKey) {
        if let Some(member) = self.govern(is_new, hash, key, false) {
            member.rejected();
        }
    }

    /// Notes that the last push to a group has asked for this time after which it expires.
    pub fn asks(&mut self, hash: u64, key: &GroupingKey, expire: Duration) {
        let Store { groups, ruling, .. } = self;
        let group = groups.find_mut(hash, |(_, group)| *group.key == *key.text());
        let Some((_, group)) = group else { return };
        ruling.ask(&mut group.ruled, expire);
        self.govern(false, hash, key, false);
    }

    /// Sees to it that what applies to a new group is decided, and that the shard looks at it in time. Without rules this does
    /// nothing. A new push asks for nothing until [`Store::asks`] says so.
    pub(in crate::shard) fn govern(
        &mut self,
        is_new: bool,
        hash: u64,
        key: &GroupingKey,
        is_new_push: bool,
    ) -> Option<&Member> {
        if !self.ruling.has_rules() {
            return None;
        }
        let Store { groups, ruling, sums, .. } = self;
        let group = groups.find_mut(hash, |(_, group)| *group.key == *key.text());
        let (_, group) = group?;
        if group.role.is_sum() {
            return None; // It stays when its sources expire.
        }
        if is_new {
            ruling.decide(&mut group.ruled, &group.key);
            if group.ruled.as_ref().is_some_and(|it| it.applied.aggregate.is_some())
                && Store::is_misplaced(group)
            {
                sums.note_misplaced(hash, group);
            }
        }
        let since = since(group);
        let ruled = group.ruled.as_mut()?;
        if is_new_push {
            ruled.asked = None;
        }
        ruling.schedule(ruled, hash, &group.job, group.pushed, since);
        ruled.member()
    }

    /// Decides anew what applies to the groups of this hash.
    fn decide_again(&mut self, hash: u64) {
        let Store { groups, ruling, sums, .. } = self;
        for (of, group) in groups.iter_hash_mut(hash) {
            if *of == hash && !group.role.is_sum() {
                ruling.decide(&mut group.ruled, &group.key);
                if Store::is_misplaced(group) {
                    sums.note_misplaced(hash, group);
                }
                let since = since(group);
                if let Some(ruled) = &mut group.ruled {
                    ruling.schedule(ruled, hash, &group.job, group.pushed, since);
                }
            }
        }
    }
}

/// From when on the time of a group runs: its last accepted push, or the rejected push that has made it.
pub(in crate::shard) fn since(group: &Group) -> Timestamp {
    if group.pushed == Timestamp::NEVER { group.created } else { group.pushed }
}
