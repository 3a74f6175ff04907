//! What only the simulation asks of a role.

use std::time::Duration;

use super::Role;

impl Role {
    /// Whether it leads and may show its groups, some of which may not be in the stream yet.
    pub(in crate::cluster) fn may_show(&self, now: Duration) -> bool {
        self.leads() && !self.is_resigning && now < self.acknowledged + self.terms.lease
    }

    pub(in crate::cluster) fn lets_all_count(&mut self, lets_all_count: bool) {
        self.reading.lets_all_count = lets_all_count;
    }

    pub(in crate::cluster) fn id(&self) -> String {
        self.author.id.clone()
    }

    /// Overlooks what was purged.
    pub(in crate::cluster) fn skip_to(&mut self, position: u64) {
        self.position = position;
    }
}
