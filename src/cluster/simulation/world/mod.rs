//! Three replicas, one stream, and all that goes wrong between them.
//!
//! Start at [`run`]. `event` is what can happen and when, `replica` is one of the three, `work` is what a replica does about an
//! event, and `around` are the clients, the faults and the end.

mod around;
mod event;
mod replica;
mod work;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use self::event::{Boxed, Event, Happening};
use self::replica::Replica;
use super::super::role::{Ends, Look};
use super::truth::Truth;
use super::variant::Variant;

/// Milliseconds, as the simulation counts them.
const LEASE: u64 = 300;
const TIMEOUT: u64 = 200;
const TICK: u64 = 20;
/// For how long things go wrong, and then for how long they do not.
const FAULTS: u64 = 5_000;
const CALM: u64 = 4_000;
const KEYS: u64 = 6;
const REPLICAS: usize = 3;

struct World {
    variant: Variant,
    random: u64,
    now: u64,
    order: u64,
    lives: u64,
    numbers: u64,
    events: BinaryHeap<Reverse<Happening>>,
    truth: Truth,
    first: u64,
    replicas: Vec<Replica>,
    is_calm: bool,
    counts: [u64; 6],
}

/// Runs one seed. Answers how many pushes were acknowledged and in doubt, scrapes checked, takeovers, entries that count
/// for nothing, and purges.
pub(super) fn run(seed: u64, variant: Variant) -> Result<[u64; 6], String> {
    let mut world = World {
        variant,
        random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d,
        now: 0,
        order: 0,
        lives: 0,
        numbers: 0,
        events: BinaryHeap::new(),
        truth: Truth::default(),
        first: 1,
        replicas: Vec::new(),
        is_calm: false,
        counts: [0; 6],
    };
    for replica in 0..REPLICAS {
        let new = world.replica(replica);
        world.replicas.push(new);
        world.awaken(replica);
    }
    for event in [Event::Push, Event::Scrape, Event::Fault] {
        world.at(1, 0, 0, event);
    }
    while let Some(Reverse((time, _, replica, life, Boxed(event)))) = world.events.pop() {
        world.now = time;
        if time > FAULTS + CALM {
            break;
        }
        if time > FAULTS && !world.is_calm {
            world.is_calm = true;
            for replica in &mut world.replicas {
                (replica.paused_until, replica.cut_until) = (0, 0);
            }
        }
        world.happens(replica, life, *event)?;
    }
    world.end()
}

impl World {
    fn below(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % below.max(1)
    }

    fn chance(&mut self, of: u64) -> bool {
        !self.is_calm && self.below(of) == 0
    }

    fn at(&mut self, time: u64, replica: usize, life: u64, event: Event) {
        self.order += 1;
        self.events.push(Reverse((time, self.order, replica, life, Boxed(Box::new(event)))));
    }

    fn for_replica(&mut self, delay: u64, replica: usize, event: Event) {
        let life = self.replicas[replica].life;
        self.at(self.now + delay, replica, life, event);
    }

    /// How long a message is on its way.
    fn delay(&mut self) -> u64 {
        if self.chance(30) { self.below(2 * LEASE) } else { 1 + self.below(4) }
    }

    fn is_cut(&self, replica: usize) -> bool {
        self.replicas[replica].cut_until > self.now
    }

    /// Sends a message between a replica and the stream: it may be lost, and it may come twice.
    fn send(&mut self, replica: usize, event: Event) {
        let life = self.replicas[replica].life;
        self.carry(replica, life, event);
    }

    /// The same for a process: an answer to one that has ended reaches nobody.
    fn carry(&mut self, replica: usize, life: u64, event: Event) {
        if self.is_cut(replica) || self.chance(25) {
            return;
        }
        if self.chance(20) {
            let delay = self.delay();
            self.at(self.now + delay, replica, life, event.clone());
        }
        let delay = self.delay();
        self.at(self.now + delay, replica, life, event);
    }

    fn awaken(&mut self, replica: usize) {
        self.for_replica(1, replica, Event::Begin);
        let delay = self.below(TICK);
        self.for_replica(delay, replica, Event::Tick);
    }

    fn ends(&self) -> Ends {
        Ends { first: self.first, last: self.truth.last() }
    }

    fn time(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    fn happens(&mut self, replica: usize, life: u64, event: Event) -> Result<(), String> {
        let now = self.time();
        match event {
            Event::Push => self.push(),
            Event::Scrape => self.scrape()?,
            Event::Fault => self.fault(),
            // At the stream, whatever has become of the replica meanwhile.
            Event::Appending { attempt, sequence, entry } => {
                let is_expected = self.truth.last() + 1 == sequence;
                if is_expected || self.variant.ignores_expectation {
                    self.truth.add(&entry);
                    self.carry(replica, life, Event::Acknowledged { attempt });
                } else {
                    self.carry(replica, life, Event::Doubted { attempt });
                }
            }
            Event::Purging { up_to } => {
                self.first = self.first.max(up_to + 1);
                self.counts[5] += 1;
            }
            Event::Looking { sequence } => {
                let look = match self.truth.entries.get(sequence as usize - 1) {
                    None => Look::End,
                    Some(_) if sequence < self.first => Look::Purged,
                    Some(entry) => Look::Message(Ok((**entry).clone())),
                };
                self.carry(replica, life, Event::Looked { sequence, look: Some(look) });
            }
            Event::Probing { sent } => {
                let ends = Some(self.ends());
                self.carry(replica, life, Event::Probed { sent, ends });
            }
            // At a replica.
            event => {
                if self.replicas[replica].life != life {
                    return Ok(());
                }
                let paused_until = self.replicas[replica].paused_until;
                if paused_until > self.now {
                    self.at(paused_until, replica, life, event);
                    return Ok(());
                }
                self.happens_at(replica, event, now)?;
                self.act(replica)?;
            }
        }
        Ok(())
    }
}
