//! What a replica does about an event, as its task does in a real one.

use std::time::Duration;

use super::super::super::entry::{Entry, Kind};
use super::super::super::role::Task;
use super::super::truth::{Change, encode};
use super::event::Event;
use super::replica::write;
use super::{LEASE, TICK, TIMEOUT, World};

impl World {
    pub(super) fn happens_at(
        &mut self,
        at: usize,
        event: Event,
        now: Duration,
    ) -> Result<(), String> {
        let ends = self.ends();
        let is_cut = self.is_cut(at);
        let replica = &mut self.replicas[at];
        match event {
            Event::Tick => {
                replica.role.tick(now, false);
                self.gather(at);
                self.for_replica(TICK, at, Event::Tick);
            }
            Event::Acknowledged { attempt } => replica.role.acknowledged(now, attempt),
            Event::Doubted { attempt } => replica.role.doubt(attempt),
            Event::Looked { sequence, look } => replica.role.looked(now, sequence, look),
            Event::Probed { sent, ends } => replica.role.probed(now, sent, ends),
            Event::Begin if is_cut => self.for_replica(LEASE / 5, at, Event::Begin),
            Event::Begin => replica.role.begin(now, ends),
            Event::Read { reader } if reader == replica.reader => {
                if !is_cut {
                    self.read(at, now)?;
                }
                if self.chance(300) {
                    self.replicas[at].reader += 1;
                    self.replicas[at].role.lose_reader(now);
                } else {
                    let delay = self.delay();
                    self.for_replica(delay, at, Event::Read { reader });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The reader of a replica shows some messages.
    fn read(&mut self, at: usize, now: Duration) -> Result<(), String> {
        for _ in 0..1 + self.below(4) {
            let replica = &mut self.replicas[at];
            replica.next_to_read = replica.next_to_read.max(self.first);
            let sequence = replica.next_to_read;
            let Some(entry) = self.truth.entries.get(sequence as usize - 1) else { break };
            let entry = (**entry).clone();
            replica.next_to_read += 1;
            let shown =
                if self.variant.ignores_gaps { replica.role.position() + 1 } else { sequence };
            let reader = replica.reader;
            if let Some(heard) = replica.role.hear(now, shown, &Ok(entry.clone())) {
                if self.variant.ignores_gaps {
                    replica.role.skip_to(sequence);
                }
                replica.hear(sequence, &entry, heard);
            }
            self.act(at)?;
            if self.replicas[at].reader != reader {
                break;
            }
        }
        Ok(())
    }

    /// Does what the role of a replica wants done.
    pub(super) fn act(&mut self, at: usize) -> Result<(), String> {
        while let Some(task) = self.replicas[at].role.next() {
            match task {
                Task::Append { attempt, sequence, entry } => {
                    self.send(at, Event::Appending { attempt, sequence, entry });
                    self.for_replica(TIMEOUT, at, Event::Doubted { attempt });
                }
                Task::Look { sequence } => {
                    self.send(at, Event::Looking { sequence });
                    self.for_replica(TIMEOUT, at, Event::Looked { sequence, look: None });
                }
                Task::Probe { sent } => {
                    self.send(at, Event::Probing { sent });
                    self.for_replica(TIMEOUT, at, Event::Probed { sent, ends: None });
                }
                Task::Read { after } => {
                    let replica = &mut self.replicas[at];
                    replica.reader += 1;
                    replica.next_to_read = after + 1;
                    let reader = replica.reader;
                    self.for_replica(2, at, Event::Read { reader });
                }
                Task::Restart(_) => {
                    let keeps_groups = self.variant.keeps_groups;
                    let replica = &mut self.replicas[at];
                    self.counts[1] += replica.forget(keeps_groups);
                    self.for_replica(5, at, Event::Begin);
                }
                Task::Lead => {
                    self.counts[3] += 1;
                    self.replicas[at].staged.clear();
                }
                Task::Acknowledged { entry, sequence, .. } => {
                    self.truth.check_entry(sequence, &entry)?;
                    self.settle(at, &entry, sequence)?;
                }
                Task::Left => {
                    let new = self.replica(at);
                    self.replicas[at] = new;
                    self.awaken(at);
                }
                Task::StepBack(reason) => return Err(format!("replica {at}: {reason}")),
            }
        }
        Ok(())
    }

    /// An entry of a replica is in the stream.
    fn settle(&mut self, at: usize, entry: &Entry, sequence: u64) -> Result<(), String> {
        let replica = &mut self.replicas[at];
        replica.books.write_dead(5);
        if let Kind::Part { .. } = entry.kind
            && replica.start == 0
        {
            replica.start = sequence;
        }
        if entry.kind != (Kind::Part { is_last: true }) {
            return Ok(());
        }
        let start = std::mem::take(&mut replica.start);
        let found = replica.pending.iter().position(|(serial, ..)| *serial == entry.serial);
        let (_, changes, waiters) = match found {
            Some(found) => replica.pending.remove(found),
            None => (0, Vec::new(), Vec::new()),
        };
        write(&mut replica.books, start, &changes);
        for key in replica.books.keys_to_write_again(100) {
            let key: u8 = key.parse().expect("it is a number");
            if let Some(number) = replica.groups.get(&key) {
                replica.dirty.entry(key).or_insert((*number, false));
            }
        }
        let up_to = replica.books.give_up();
        for push in waiters {
            self.counts[0] += 1;
            self.truth.check_acknowledged(sequence, push)?;
        }
        if let Some(up_to) = up_to {
            self.send(at, Event::Purging { up_to });
        }
        Ok(())
    }

    /// A leader appends what has changed.
    fn gather(&mut self, at: usize) {
        let parts = 1 + self.below(3) as usize;
        let now = self.time();
        let replica = &mut self.replicas[at];
        if replica.dirty.is_empty() || !replica.role.takes_entries() || replica.pending.len() > 1 {
            return;
        }
        let changes: Vec<Change> = std::mem::take(&mut replica.dirty)
            .into_iter()
            .map(|(key, (n, gone))| (key, n, gone))
            .collect();
        let each = changes.len().div_ceil(parts);
        let chunks: Vec<_> = changes.chunks(each).map(encode).collect();
        let last = chunks.len() - 1;
        let mut serial = 0;
        for (part, records) in chunks.into_iter().enumerate() {
            serial = replica.role.append(now, records, part == last);
        }
        replica.pending.push((serial, changes, std::mem::take(&mut replica.waiting)));
    }
}
