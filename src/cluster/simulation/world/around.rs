//! What is around the replicas: clients that push and scrape, faults, and the end.

use super::super::truth::apply;
use super::event::Event;
use super::{KEYS, LEASE, REPLICAS, World};

impl World {
    /// A client pushes or deletes.
    pub(super) fn push(&mut self) {
        let (at, key) = (self.below(REPLICAS as u64) as usize, self.below(KEYS) as u8);
        let is_gone = self.below(4) == 0;
        let (now, time) = (self.now, self.time());
        self.numbers += 1;
        let number = self.numbers;
        let replica = &mut self.replicas[at];
        if replica.paused_until <= now && replica.role.may_show(time) {
            apply(&mut replica.groups, &[(key, number, is_gone)]);
            replica.dirty.insert(key, (number, is_gone));
            replica.waiting.push((key, number, is_gone));
        }
        let delay = 2 + self.below(12);
        self.at(self.now + delay, 0, 0, Event::Push);
    }

    /// A scrape of any replica: a leader may show what can still be acknowledged, a follower what the stream says.
    pub(super) fn scrape(&mut self) -> Result<(), String> {
        let at = self.below(REPLICAS as u64) as usize;
        let replica = &self.replicas[at];
        if replica.paused_until <= self.now {
            if replica.role.leads() {
                if replica.role.may_show(self.time()) {
                    self.truth.check_leads(&replica.role.id())?;
                    self.counts[2] += 1;
                }
            } else if replica.role.is_caught_up() {
                self.check_groups(at)?;
                self.counts[2] += 1;
            }
        }
        let delay = 5 + self.below(30);
        self.at(self.now + delay, 0, 0, Event::Scrape);
        Ok(())
    }

    fn check_groups(&self, at: usize) -> Result<(), String> {
        let replica = &self.replicas[at];
        let expected = self.truth.at(replica.role.position());
        if replica.groups == expected {
            return Ok(());
        }
        let position = replica.role.position();
        Err(format!("replica {at} at {position}: {:?} instead of {expected:?}", replica.groups))
    }

    pub(super) fn fault(&mut self) {
        if !self.is_calm {
            let at = self.below(REPLICAS as u64) as usize;
            let long = 1 + self.below(3 * LEASE);
            let now = self.time();
            match self.below(6) {
                0 => self.replicas[at].paused_until = self.now + long,
                1 | 2 => self.replicas[at].cut_until = self.now + long,
                3 => {
                    let new = self.replica(at);
                    self.replicas[at] = new;
                    self.awaken(at);
                }
                4 if self.replicas[at].role.leads() => self.replicas[at].role.resign(now),
                5 => self.replicas.iter_mut().for_each(|it| it.cut_until = self.now + long / 2),
                _ => {}
            }
        }
        let delay = 20 + self.below(500);
        self.at(self.now + delay, 0, 0, Event::Fault);
    }

    /// After a time without faults all replicas agree, and one of them leads.
    pub(super) fn end(mut self) -> Result<[u64; 6], String> {
        let leaders = self.replicas.iter().filter(|replica| replica.role.leads()).count();
        if leaders != 1 {
            return Err(format!("{leaders} replicas lead in the end"));
        }
        for at in 0..REPLICAS {
            let replica = &self.replicas[at];
            if replica.role.leads() {
                let mut settled = self.truth.at(self.truth.last());
                for (_, changes, _) in &replica.pending {
                    apply(&mut settled, changes);
                }
                for (key, (number, is_gone)) in &replica.dirty {
                    apply(&mut settled, &[(*key, *number, *is_gone)]);
                }
                if settled != replica.groups {
                    return Err(format!("the leader holds {:?}, not {settled:?}", replica.groups));
                }
            } else {
                if self.truth.last() > replica.role.position() + 8 {
                    return Err(format!("replica {at} is behind in the end"));
                }
                self.check_groups(at)?;
            }
        }
        self.counts[4] = self.truth.void;
        Ok(self.counts)
    }
}
