//! Three replicas, one stream, and all that goes wrong between them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use super::super::books::Books;
use super::super::entry::{Author, Entry, Kind};
use super::super::reading::Heard;
use super::super::role::{Ends, Look, Role, Task, Terms};
use super::truth::{Change, Groups, Truth, apply, decode, encode};

/// Milliseconds, as the simulation counts them.
const LEASE: u64 = 300;
const TIMEOUT: u64 = 200;
const TICK: u64 = 20;
/// For how long things go wrong, and then for how long they do not.
const FAULTS: u64 = 5_000;
const CALM: u64 = 4_000;
const KEYS: u64 = 6;
const REPLICAS: usize = 3;

/// What is broken on purpose.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Variant {
    pub(super) ignores_expectation: bool,
    pub(super) keeps_groups: bool,
    pub(super) lease_from_receipt: bool,
    pub(super) lets_all_count: bool,
    pub(super) ignores_gaps: bool,
}

#[derive(Debug, Clone)]
enum Event {
    Tick,
    Push,
    Scrape,
    Fault,
    /// A request reaches the stream.
    Appending {
        attempt: u64,
        sequence: u64,
        entry: Arc<Entry>,
    },
    Looking {
        sequence: u64,
    },
    Probing,
    Purging {
        up_to: u64,
    },
    /// An answer reaches the replica.
    Acknowledged {
        attempt: u64,
    },
    Doubted {
        attempt: u64,
    },
    Looked {
        sequence: u64,
        look: Option<Look>,
    },
    Probed(Option<Ends>),
    Begin,
    Read {
        reader: u64,
    },
}

struct Replica {
    /// Which process it is.
    life: u64,
    role: Role,
    groups: Groups,
    /// What has changed since the last epoch, and who waits for it.
    dirty: BTreeMap<u8, (u64, bool)>,
    waiting: Vec<Change>,
    /// Epochs that are being appended: the serial of the last part, the groups in it, who waits.
    pending: Vec<(u64, Vec<Change>, Vec<Change>)>,
    staged: Vec<Change>,
    start: u64,
    books: Books,
    reader: u64,
    next_to_read: u64,
    paused_until: u64,
    cut_until: u64,
}

/// When, which in order at that moment, to which replica, in which of its lives, and what.
type Happening = (u64, u64, usize, u64, Boxed);

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

/// An event, which takes no part in the order.
#[derive(Debug, Clone)]
struct Boxed(Box<Event>);

impl PartialEq for Boxed {
    fn eq(&self, _: &Boxed) -> bool {
        true
    }
}
impl Eq for Boxed {}
impl PartialOrd for Boxed {
    fn partial_cmp(&self, other: &Boxed) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Boxed {
    fn cmp(&self, _: &Boxed) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
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
        if self.is_cut(replica) || self.chance(25) {
            return;
        }
        if self.chance(20) {
            let delay = self.delay();
            self.for_replica(delay, replica, event.clone());
        }
        let delay = self.delay();
        self.for_replica(delay, replica, event);
    }

    fn replica(&mut self, at: usize) -> Replica {
        self.lives += 1;
        let author = Author { id: format!("{at}-{}", self.lives), url: String::new() };
        let milliseconds = Duration::from_millis;
        let terms = Terms {
            lease: milliseconds(LEASE),
            patience: milliseconds(LEASE + 5 + 10 * at as u64),
            retry: milliseconds(LEASE / 5),
            lease_from_receipt: self.variant.lease_from_receipt,
        };
        let mut role = Role::new(Arc::new(author), terms);
        role.lets_all_count(self.variant.lets_all_count);
        Replica {
            life: self.lives,
            role,
            groups: Groups::new(),
            dirty: BTreeMap::new(),
            waiting: Vec::new(),
            pending: Vec::new(),
            staged: Vec::new(),
            start: 0,
            books: Books::new(100),
            reader: 0,
            next_to_read: 0,
            paused_until: 0,
            cut_until: 0,
        }
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
                    self.send(replica, Event::Acknowledged { attempt });
                } else {
                    self.send(replica, Event::Doubted { attempt });
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
                self.send(replica, Event::Looked { sequence, look: Some(look) });
            }
            Event::Probing => {
                let ends = self.ends();
                self.send(replica, Event::Probed(Some(ends)));
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

    fn happens_at(&mut self, at: usize, event: Event, now: Duration) -> Result<(), String> {
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
            Event::Probed(ends) => replica.role.probed(now, ends),
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
    fn act(&mut self, at: usize) -> Result<(), String> {
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
                Task::Probe => {
                    self.send(at, Event::Probing);
                    self.for_replica(TIMEOUT, at, Event::Probed(None));
                }
                Task::Read { after } => {
                    let replica = &mut self.replicas[at];
                    replica.reader += 1;
                    replica.next_to_read = after + 1;
                    let reader = replica.reader;
                    self.for_replica(2, at, Event::Read { reader });
                }
                Task::Restart { .. } => {
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

    /// A client pushes or deletes.
    fn push(&mut self) {
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
    fn scrape(&mut self) -> Result<(), String> {
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

    fn fault(&mut self) {
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
    fn end(mut self) -> Result<[u64; 6], String> {
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

impl Replica {
    /// A follower has heard an entry.
    fn hear(&mut self, sequence: u64, entry: &Entry, heard: Heard) {
        self.books.write_dead(5);
        match heard {
            Heard::Void => {}
            Heard::Took | Heard::Resigned => {
                self.staged.clear();
                self.start = 0;
            }
            Heard::Part { is_last } => {
                if self.start == 0 {
                    self.start = sequence;
                }
                self.staged.extend(decode(&entry.records));
                if is_last {
                    let changes = std::mem::take(&mut self.staged);
                    write(&mut self.books, std::mem::take(&mut self.start), &changes);
                    self.books.give_up();
                    apply(&mut self.groups, &changes);
                }
            }
        }
    }

    /// Throws away what it holds. Answers how many pushes are in doubt.
    fn forget(&mut self, keeps_groups: bool) -> u64 {
        let pending = self.pending.drain(..).map(|(_, _, waiters)| waiters.len()).sum::<usize>();
        let in_doubt = pending + std::mem::take(&mut self.waiting).len();
        if !keeps_groups {
            self.groups.clear();
        }
        self.dirty.clear();
        self.staged.clear();
        (self.start, self.books) = (0, Books::new(100));
        in_doubt as u64
    }
}

fn write(books: &mut Books, start: u64, changes: &[Change]) {
    let keys: Vec<Arc<str>> = changes.iter().map(|(key, ..)| key.to_string().into()).collect();
    let sizes = changes.iter().map(|(.., is_gone)| (!is_gone).then_some(10));
    books.write(start, keys.iter().zip(sizes));
}
