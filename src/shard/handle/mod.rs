//! The handle to all shards: starts their tasks, and sends them pushes.
//!
//! `ask` sends messages and gathers answers. `expiry` lets groups expire. `checkpoint`, `group_scan` and `wipe` are requests that take several messages.
//! `replica` is what a replica set needs of the shards.

pub(super) mod ask;
pub(super) mod checkpoint;
pub(super) mod expiry;
pub(super) mod group_scan;
pub(super) mod moving;
pub(super) mod replica;
pub(super) mod route;
pub(super) mod wipe;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Duration;

use tokio::sync::{Mutex, RwLock, oneshot, watch};
use tokio::task::JoinSet;

use self::ask::gather;
use crate::exposition::Kind;
use crate::push::{Batch, GroupingKey, PUSH_FAILURE_TIME, PUSH_TIME};
use crate::shard::budget::{Budget, Limits};
use crate::shard::error::{PushError, RestoreError, Unavailable};
use crate::shard::index::Index;
use crate::shard::ruling::ledger::Ledger;
use crate::shard::store::Store;
use crate::shard::store::place::Placement;
use crate::shard::store::plan::How;
use crate::shard::store::restore::RestoredGroup;
use crate::shard::store::snapshot::{HomedPage, Selection, Snapshot};
use crate::shard::task::lanes::{Lanes, lanes};
use crate::shard::task::message::{Message, Placing};
use crate::shard::task::run::run;
use crate::shard::task::stats::ShardStats;
use crate::shard::task::turn::Turns;
use crate::shard::task::{Saving, Shard};

/// How long a push or delete waits for room in a full queue. A shard needs an eighth of that for a full queue of usual pushes.
/// A longer wait would only add latency.
pub const QUEUE_WAIT: Duration = Duration::from_millis(200);
/// How long the answer to a push waits until the push is on disk, with `--persistence.sync=push`.
pub const SAVED_WAIT: Duration = Duration::from_secs(10);

/// How to start the shards.
#[derive(Debug)]
pub struct Options<'a> {
    /// How many.
    pub shards: usize,
    /// The names and kinds of the gateway's own families, which no push may use otherwise.
    pub reserved: &'a [(&'a str, Kind)],
    /// How much may be stored; `None` when nothing bounds it.
    pub limits: Option<Limits>,
    /// How large one group may become, in bytes that count; at most [`GROUP_BYTES_MAX`](crate::shard::GROUP_BYTES_MAX).
    pub group_bytes_max: u64,
    /// How groups reach the disk; `None` without a persistence file.
    pub saving: Option<Saving>,
}

/// The shards. Cheap to clone; they end when the last clone is gone.
#[derive(Debug, Clone)]
pub struct Shards {
    pub(in crate::shard) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(in crate::shard) struct Shared {
    pub(in crate::shard) lanes: Vec<Lanes>,
    pub(in crate::shard) turns: Vec<Arc<Turns>>,
    stats: Vec<Arc<ShardStats>>,
    hasher: ahash::RandomState,
    /// Held while all shards are asked for a cut.
    cut_order: Arc<RwLock<()>>,
    /// Locked from the beginning of a wipe until all that it leaves has been dropped.
    pub(in crate::shard) wiping: Arc<Mutex<()>>,
    /// Held until all groups of an epoch have been handed over, and while a wipe says which groups are gone.
    pub(in crate::shard) epoch: Mutex<()>,
    pub(in crate::shard) dead: watch::Receiver<bool>,
    /// The same, for every push to read.
    pub(in crate::shard) has_died: Arc<AtomicBool>,
    budget: Option<Arc<Budget>>,
    /// Whether the answer to a request waits until the request is on disk.
    is_awaited: bool,
    /// Whether there was ever a push that was acknowledged before it was applied.
    pub(in crate::shard) has_unchecked: AtomicBool,
    /// Whether such pushes are rejected from now on.
    refuses_unchecked: AtomicBool,
    /// What is known of the jobs whose groups may expire.
    pub(in crate::shard) ledger: Arc<Ledger>,
    /// Which groups are sources of which sums.
    pub(in crate::shard) sums: route::Sums,
    /// Locked for writing while a group moves, and for reading while all shards are asked for a cut.
    pub(in crate::shard) moving: RwLock<()>,
}

impl Shards {
    /// Starts the shards on the current runtime. The set of tasks, which must be kept, is empty again
    /// once the last handle is gone and everything that was sent has been applied.
    pub fn start(options: &Options<'_>) -> (Shards, JoinSet<()>) {
        let index = Arc::new(Index::default());
        for name in [PUSH_TIME, PUSH_FAILURE_TIME] {
            index.reserve(name, Kind::Gauge);
        }
        for (name, kind) in options.reserved {
            index.reserve(name, *kind);
        }
        let (died, dead) = watch::channel(false);
        let (died, has_died) = (Arc::new(died), Arc::<AtomicBool>::default());
        let budget = options.limits.map(|limits| Arc::new(Budget::new(limits)));
        let mut tasks = JoinSet::new();
        let (mut all_lanes, mut turns, mut stats) = (Vec::new(), Vec::new(), Vec::new());
        let cut_order = Arc::<RwLock<()>>::default();
        for shard in 0..options.shards {
            let (lanes, mailbox) = lanes();
            let shard_stats = Arc::new(ShardStats::default());
            let store =
                Store::new(Arc::clone(&index), options.saving.as_ref().map(|saving| saving.write));
            let store = store.within(budget.clone(), options.group_bytes_max);
            let awaited = options.saving.as_ref().and_then(|saving| saving.awaited.clone());
            let left_behind = mailbox.left_behind();
            let (stats_of, order) = (Arc::clone(&shard_stats), Arc::clone(&cut_order));
            let shard_turns = Arc::new(Turns::new(Shard::new(store, awaited, stats_of, order)));
            let running = tokio::spawn(run(Arc::clone(&shard_turns), mailbox));
            let (died, has_died) = (Arc::clone(&died), Arc::clone(&has_died));
            tasks.spawn(async move {
                if let Err(error) = running.await {
                    tracing::error!(shard, err = %error, "a shard has died");
                    has_died.store(true, Relaxed);
                    died.send_replace(true);
                    // Whoever waits for an answer learns that there will be none.
                    left_behind.discard().await;
                }
            });
            all_lanes.push(lanes);
            turns.push(shard_turns);
            stats.push(shard_stats);
        }
        let hasher = ahash::RandomState::new();
        let is_awaited = options.saving.as_ref().is_some_and(|saving| saving.awaited.is_some());
        let shared = Arc::new(Shared {
            lanes: all_lanes,
            turns,
            stats,
            hasher,
            cut_order,
            wiping: Arc::default(),
            epoch: Mutex::default(),
            dead,
            has_died,
            budget,
            is_awaited,
            has_unchecked: AtomicBool::new(false),
            refuses_unchecked: AtomicBool::new(false),
            ledger: Arc::default(),
            sums: route::Sums::default(),
            moving: RwLock::default(),
        });
        (Shards { shared }, tasks)
    }

    /// Applies a push and waits for it. The group then counts for `owner`.
    ///
    /// # Errors
    /// Why it was not applied.
    pub async fn push(
        &self,
        key: GroupingKey,
        how: impl Into<How>,
        batch: Batch,
        owner: Option<Arc<Budget>>,
    ) -> Result<(), PushError> {
        let (reply, answer) = oneshot::channel();
        let (route::Route { hash, source }, how) = (self.route(&key), how.into());
        let reply = Some(reply);
        let push = Message::Push { hash, key, how, batch, owner, source, reply };
        if let Some(push) = self.try_apply(hash, push)? {
            self.send(hash, push).await?;
        }
        self.settled(answer).await?
    }

    /// Sends a push without waiting for it. The shard counts and logs a push that it rejects.
    ///
    /// # Errors
    /// When the shard could not be reached, or the push may be lost because the gateway is stopping.
    pub async fn push_unchecked(
        &self,
        key: GroupingKey,
        how: impl Into<How>,
        batch: Batch,
        owner: Option<Arc<Budget>>,
    ) -> Result<(), Unavailable> {
        let (route::Route { hash, source }, how) = (self.route(&key), how.into());
        let shared = &self.shared;
        if !shared.has_unchecked.load(Relaxed) {
            shared.has_unchecked.store(true, SeqCst);
        }
        let push = Message::Push { hash, key, how, batch, owner, source, reply: None };
        self.send(hash, push).await?;
        // Read after the push was sent: `pass_all` begins only after this has been set, so it waits for this push.
        if shared.refuses_unchecked.load(SeqCst) { Err(Unavailable::Stopping) } else { Ok(()) }
    }

    /// From now on, no push is acknowledged before it has been applied.
    pub(in crate::shard) fn refuse_unchecked(&self) {
        self.shared.refuses_unchecked.store(true, SeqCst);
    }

    /// Whether a push would be applied now. Nothing changes.
    ///
    /// # Errors
    /// Why it would not be.
    pub async fn check(
        &self,
        key: GroupingKey,
        how: impl Into<How>,
        batch: Batch,
    ) -> Result<(), PushError> {
        let (reply, answer) = oneshot::channel();
        let (route::Route { hash, source }, how) = (self.route(&key), how.into());
        self.send(hash, Message::Check { hash, key, how, batch, source, reply }).await?;
        answer.await.map_err(|_| Unavailable::Dead)?.map_err(PushError::Refused)
    }

    /// Replaces a group by one that was pushed elsewhere, and waits for it. It then counts for `owner`.
    ///
    /// # Errors
    /// Why it was not done; then nothing has changed.
    pub async fn place(
        &self,
        key: GroupingKey,
        batch: Batch,
        owner: Option<Arc<Budget>>,
        placement: Placement,
    ) -> Result<(), PushError> {
        let (reply, answer) = oneshot::channel();
        let route::Route { hash, source } = self.route(&key);
        let placing = Placing { hash, key, batch, owner, placement, source, reply };
        self.send(hash, Message::Place(Box::new(placing))).await?;
        self.settled(answer).await?
    }

    /// Notes that a push to the group was refused.
    ///
    /// # Errors
    /// When its shard could not be reached.
    pub async fn fail(
        &self,
        key: GroupingKey,
        owner: Option<Arc<Budget>>,
    ) -> Result<(), Unavailable> {
        let (reply, answer) = oneshot::channel();
        let route::Route { hash, source } = self.route(&key);
        self.send(hash, Message::Fail { hash, key, owner, source, reply }).await?;
        answer.await.map_err(|_| Unavailable::Dead)
    }

    /// Forgets a group.
    ///
    /// # Errors
    /// When its shard could not be reached.
    pub async fn delete(&self, key: GroupingKey) -> Result<(), Unavailable> {
        let (reply, answer) = oneshot::channel();
        let route = self.route(&key);
        if route.source.is_some() {
            // It may still be where it was before the rules made it a source.
            let (hash, key) = (self.hash(&key), key.clone());
            let (reply, answer) = oneshot::channel();
            self.send(hash, Message::Delete { hash, key, reply }).await?;
            self.settled(answer).await??;
        }
        let hash = route.hash;
        self.send(hash, Message::Delete { hash, key, reply }).await?;
        self.settled(answer).await?
    }

    /// Stores groups as they once were.
    ///
    /// # Errors
    /// When one of the groups does not agree with what is stored, or a shard is dead.
    pub async fn restore(&self, groups: Vec<RestoredGroup>) -> Result<(), RestoreError> {
        let mut by_shard: Vec<Vec<(u64, u64, RestoredGroup)>> = Vec::new();
        by_shard.resize_with(self.shared.lanes.len(), Vec::new);
        for group in groups {
            let (hash, sum_hash) = self.restored_route(&group);
            by_shard[self.shard(hash)].push((hash, sum_hash, group));
        }
        let mut answers = Vec::new();
        for (lanes, groups) in self.shared.lanes.iter().zip(by_shard) {
            let (reply, answer) = oneshot::channel();
            answers.push(answer);
            drop(lanes.pushes.send_async(Message::Restore { groups, reply }).await);
        }
        gather(answers).await.map_err(RestoreError::Unavailable)?.into_iter().collect()
    }

    /// Makes sums and sources of all groups that were restored or replayed as such.
    ///
    /// # Errors
    /// When a sum cannot be read, or a shard is dead.
    pub async fn read_roles(&self) -> Result<(), RestoreError> {
        let mut answers = Vec::new();
        for lanes in &self.shared.lanes {
            let (reply, answer) = oneshot::channel();
            answers.push(answer);
            drop(lanes.pushes.send_async(Message::ReadRoles { reply }).await);
        }
        gather(answers).await.map_err(RestoreError::Unavailable)?.into_iter().collect()
    }

    /// What all shards expose of a selection, at one moment.
    ///
    /// # Errors
    /// When a shard is dead: without its groups, a scrape would look as if they were gone.
    pub async fn snapshot(&self, selection: Selection) -> Result<Vec<Snapshot>, Unavailable> {
        self.pass().await?;
        let selection = Arc::new(selection);
        let ask = move |cut, reply| {
            let selection = Arc::clone(&selection);
            Message::Snapshot { cut, selection, reply }
        };
        gather(self.ask_all(ask).await?).await
    }

    /// Tells the shards, without waiting, that these pages have been concatenated. The shards drop the bytes that are there
    /// twice, all in one turn, so the caller sends a few pages at a time.
    pub fn adopt(&self, pages: Vec<HomedPage>) {
        let shards = self.clone();
        tokio::spawn(async move {
            for pages in pages.chunk_by(|one, other| one.shard == other.shard) {
                let queue = &shards.shared.lanes[pages[0].shard].pushes;
                if queue.send_async(Message::Adopt { pages: pages.to_vec() }).await.is_err() {
                    return;
                }
            }
        });
    }

    /// What is known of the jobs whose groups may expire.
    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// The budget of the gateway; `None` when there is no bound.
    pub fn budget(&self) -> Option<&Budget> {
        self.shared.budget.as_deref()
    }

    /// Whether every shard lives.
    pub fn are_alive(&self) -> bool {
        !self.shared.has_died.load(Relaxed)
    }

    /// The counters of each shard, and how many pushes wait for it.
    pub fn stats(&self) -> impl Iterator<Item = (&ShardStats, usize)> {
        let shared = &self.shared;
        shared.stats.iter().zip(&shared.lanes).map(|(stats, lanes)| (&**stats, lanes.pushes.len()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::exposition::NameRules;
    use crate::push::decode;
    use crate::shard::{FamilySnapshot, Mode};

    fn start(shards: usize) -> (Shards, JoinSet<()>) {
        Shards::start(&Options {
            shards,
            reserved: &[],
            limits: None,
            group_bytes_max: crate::shard::GROUP_BYTES_MAX,
            saving: None,
        })
    }

    fn key(group: usize) -> GroupingKey {
        GroupingKey::parse(format!("/job/instance/{group}").as_bytes(), NameRules::Legacy)
            .expect("a valid path")
    }

    async fn push(shards: &Shards, group: usize) -> Result<(), PushError> {
        let key = key(group);
        let batch = decode(&key, b"m 1\n", NameRules::Legacy).expect("a valid push");
        shards.push(key, Mode::Replace, batch, None).await
    }

    #[tokio::test]
    async fn a_dead_shard_is_loud() {
        let (shards, _tasks) = start(3);
        for group in 0..100 {
            assert_eq!(push(&shards, group).await, Ok(()));
        }
        assert!(shards.are_alive());
        shards.shared.lanes[1].pushes.try_send(Message::Panic).expect("there is room");
        let mut waiting = JoinSet::new();
        for group in 0..100 {
            let shards = shards.clone();
            waiting.spawn(async move { push(&shards, group).await });
        }
        let answers = waiting.join_all().await;
        assert!(answers.contains(&Err(PushError::Unavailable(Unavailable::Dead))));
        // Those that wait for the shard are told, and so is everybody who comes later.
        assert_eq!(shards.snapshot(Selection::default()).await.err(), Some(Unavailable::Dead));
        assert_eq!(shards.scan(Vec::new()).await.err(), Some(Unavailable::Dead));
        assert_eq!(shards.wipe().await, Err(Unavailable::Dead));
        let mut dead = shards.shared.dead.clone();
        dead.wait_for(|dead| *dead).await.expect("the shards are watched");
        assert!(!shards.are_alive());
        for group in 0..100 {
            let refused = Err(PushError::Unavailable(Unavailable::Dead));
            assert_eq!(push(&shards, group).await, refused, "whichever shard it is for");
        }
    }

    #[tokio::test]
    async fn a_scrape_that_nobody_waits_for_holds_up_no_other() {
        let (shards, _tasks) = start(3);
        for _ in 0..100 {
            let abandoned = shards.snapshot(Selection::default());
            let _given_up = tokio::time::timeout(Duration::ZERO, abandoned).await;
        }
        assert_eq!(push(&shards, 1).await, Ok(()));
        assert_eq!(
            shards.snapshot(Selection::default()).await.map(|snapshots| snapshots.len()),
            Ok(3)
        );
    }

    #[tokio::test]
    async fn shards_end_with_their_last_handle_and_apply_what_was_sent() {
        let (shards, mut tasks) = start(2);
        let batch = decode(&key(1), b"m 1\n", NameRules::Legacy).expect("a valid push");
        shards.push_unchecked(key(1), Mode::Replace, batch, None).await.expect("they live");
        let stats = shards.shared.stats.clone();
        drop(shards);
        while tasks.join_next().await.is_some() {}
        assert_eq!(stats.iter().map(|stats| stats.groups()).sum::<u64>(), 1);
    }

    #[tokio::test]
    async fn a_large_change_holds_up_no_other_push_and_is_seen_whole_or_not_at_all() {
        let (shards, _tasks) = start(1);
        let lines: String = (0..20_000).map(|at| format!("m{{l=\"{at}\"}} 1\n")).collect();
        let large = || decode(&key(0), lines.as_bytes(), NameRules::Legacy).expect("it is valid");
        let seen = async |shards: &Shards| {
            let snapshots = shards.snapshot(Selection::default()).await.expect("it lives");
            let pages = snapshots[0].families.iter().flat_map(FamilySnapshot::pages);
            let texts = pages.map(|page| page.text().to_vec()).collect::<Vec<_>>().concat();
            String::from_utf8(texts).expect("it is text").matches("l=\"").count()
        };
        for (is_push, seen_before) in [(true, 0), (true, 20_000), (false, 20_000)] {
            assert_eq!(seen(&shards).await, seen_before);
            let changing = tokio::spawn({
                let (shards, batch) = (shards.clone(), large());
                async move {
                    if is_push {
                        shards.push(key(0), Mode::Replace, batch, None).await
                    } else {
                        shards.delete(key(0)).await.map_err(PushError::from)
                    }
                }
            });
            let mut pushed = 0;
            while !changing.is_finished() {
                assert_eq!(push(&shards, 1 + pushed).await, Ok(()));
                pushed += 1;
                if pushed == 50 {
                    assert!([0, 20_000].contains(&seen(&shards).await));
                }
            }
            assert_eq!(changing.await.expect("it does not panic"), Ok(()));
            assert!(pushed > 20, "{pushed}");
        }
        assert_eq!(seen(&shards).await, 0);
    }

    #[tokio::test]
    async fn large_changes_wait_for_each_other_and_no_other_push_waits_for_more_than_one() {
        const LARGE: usize = 3;
        let (shards, _tasks) = start(1);
        let lines: String = (0..2_000).map(|at| format!("m{at} 1\n")).collect();
        let done = Arc::<AtomicUsize>::default();
        for group in 0..LARGE {
            let (shards, done) = (shards.clone(), Arc::clone(&done));
            let batch = decode(&key(group), lines.as_bytes(), NameRules::Legacy);
            let batch = batch.expect("it is valid");
            tokio::spawn(async move {
                let pushed = shards.push(key(group), Mode::Replace, batch, None).await;
                assert_eq!(pushed, Ok(()));
                done.fetch_add(1, Relaxed);
            });
        }
        let mut group = LARGE;
        while done.load(Relaxed) < LARGE {
            let before = done.load(Relaxed);
            assert_eq!(push(&shards, group).await, Ok(()));
            assert!(done.load(Relaxed) - before <= 1, "it has waited for several");
            group += 1;
        }
    }

    #[tokio::test]
    async fn a_push_to_a_group_that_is_being_changed_waits_for_that_change_alone_and_holds_up_no_other()
     {
        const LARGE: usize = 3;
        let (shards, _tasks) = start(1);
        let lines: String = (0..600).map(|at| format!("f{at} 1\n")).collect();
        let done = Arc::<AtomicUsize>::default();
        let spawn = |group: usize, mode, text: &str| {
            let (shards, done) = (shards.clone(), Arc::clone(&done));
            let batch = decode(&key(group), text.as_bytes(), NameRules::Legacy);
            let batch = batch.expect("it is valid");
            tokio::spawn(async move {
                assert_eq!(shards.push(key(group), mode, batch, None).await, Ok(()));
                done.load(Relaxed)
            })
        };
        spawn(0, Mode::Replace, &lines).await.expect("it does not panic");
        let (deleting, deleted) = (shards.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            assert_eq!(deleting.delete(key(0)).await, Ok(()));
            deleted.fetch_add(1, Relaxed);
        });
        for group in 1..LARGE {
            let (changing, done) = (spawn(group, Mode::Replace, &lines), Arc::clone(&done));
            tokio::spawn(async move {
                changing.await.expect("it does not panic");
                done.fetch_add(1, Relaxed);
            });
        }
        // The shard has begun with the first one, and has heard of the others.
        for _ in 0..10 {
            assert_eq!(push(&shards, LARGE).await, Ok(()));
        }
        assert_eq!(done.load(Relaxed), 0);
        let small = spawn(0, Mode::Add, "n 1\n");
        let mut group = LARGE;
        while done.load(Relaxed) < LARGE {
            let before = done.load(Relaxed);
            assert_eq!(push(&shards, group).await, Ok(()));
            assert!(done.load(Relaxed) - before <= 1, "it has waited for several");
            group += 1;
        }
        assert!(small.await.expect("it does not panic") <= 1, "it has waited for several");
    }
}
