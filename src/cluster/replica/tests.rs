//! Replicas over a stream in memory, with real shards.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::*;
use crate::cluster::entry::Author;
use crate::cluster::log::{Acknowledgement, READ_AHEAD_LEN};
use crate::cluster::log::{Found, LogError};
use crate::cluster::role::Ends;
use crate::cluster::{Membership, Options};
use crate::exposition::NameRules;
use crate::persist::record;
use crate::push::{GroupingKey, decode};
use crate::rules::GroupRules;
use crate::shard::{
    FamilySnapshot, GROUP_BYTES_MAX, GroupTimes, Mode, Options as ShardOptions, PushError,
    RestoredGroup, SavedRole, Saving, Selection,
};
use crate::shard::{Shards, UnhashedGroup};

/// A stream in memory. Clones are the same.
#[derive(Debug, Clone, Default)]
struct MemoryLog(Arc<Mutex<Messages>>);

#[derive(Debug, Default)]
struct Messages {
    first: u64,
    all: Vec<Bytes>,
    is_deleted: bool,
}

impl MemoryLog {
    fn with<T>(&self, act: impl FnOnce(&mut Messages) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_there(&self) -> Result<(), LogError> {
        self.with(|it| if it.is_deleted { Err(LogError::Gone) } else { Ok(()) })
    }

    /// The first sequence that is still there, and the last.
    fn now(&self) -> Ends {
        self.with(|it| Ends { first: it.first.max(1), last: it.all.len() as u64 })
    }
}

impl Log for MemoryLog {
    async fn ends(&self) -> Result<Ends, LogError> {
        self.is_there()?;
        Ok(self.now())
    }

    async fn append(&self, sequence: u64, message: Bytes) -> Acknowledgement {
        if self.is_there().is_err() {
            return Box::pin(async { Err(AppendError::InDoubt("no responders".into())) });
        }
        let taken = self.with(|it| {
            let is_expected = it.all.len() as u64 + 1 == sequence;
            if is_expected {
                it.all.push(message);
            }
            is_expected
        });
        Box::pin(async move { if taken { Ok(()) } else { Err(AppendError::Refused) } })
    }

    async fn look(&self, sequence: u64) -> Result<Found, LogError> {
        self.is_there()?;
        Ok(self.with(|it| match it.all.get(sequence as usize - 1) {
            None => Found::End,
            Some(_) if sequence < it.first => Found::Purged,
            Some(message) => Found::Message(message.clone()),
        }))
    }

    fn read(&self, after: u64) -> Reader {
        let (send, reader) = mpsc::channel(READ_AHEAD_LEN);
        let log = self.clone();
        tokio::spawn(async move {
            let mut next = after + 1;
            while !send.is_closed() {
                next = next.max(log.now().first);
                let found = log.with(|it| it.all.get(next as usize - 1).cloned());
                match found {
                    Some(message) => {
                        if send.send(Ok((next, message))).await.is_err() {
                            return;
                        }
                        next += 1;
                    }
                    None => tokio::time::sleep(Duration::from_millis(2)).await,
                }
            }
        });
        reader
    }

    async fn purge(&self, up_to: u64) -> Result<(), LogError> {
        self.with(|it| it.first = it.first.max(up_to + 1));
        Ok(())
    }

    async fn announce(&self, _: Bytes) {}

    fn announcements(&self) -> mpsc::Receiver<Bytes> {
        let (send, announcements) = mpsc::channel(1);
        std::mem::forget(send);
        announcements
    }
}

/// A replica at work.
struct Running {
    shards: Shards,
    membership: Arc<Membership>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<Result<(), Unavailable>>,
    _shards: tokio::task::JoinSet<()>,
}

fn start(log: &MemoryLog, shards: usize) -> Running {
    let awaited = Arc::<Notify>::default();
    let (shards, tasks) = Shards::start(&ShardOptions {
        shards,
        reserved: &[],
        limits: None,
        group_bytes_max: GROUP_BYTES_MAX,
        saving: Some(Saving { write: record::write, awaited: Some(Arc::clone(&awaited)) }),
    });
    let lease = Duration::from_millis(300);
    let options = Options {
        nats: Vec::new(),
        credentials: None,
        ca: None,
        name: "test".into(),
        replicas: 1,
        advertise: "http://here:9091".into(),
        lease,
        max_staleness: Duration::from_secs(5),
        secret: [].into(),
    };
    let membership = Arc::new(Membership::new(&options.advertise, lease, options.max_staleness));
    let (events, happening) = mpsc::unbounded_channel();
    let replica = Replica::new(
        log.clone(),
        &options,
        Arc::clone(&membership),
        shards.clone(),
        awaited,
        events,
    );
    let (stop, stopping) = watch::channel(false);
    let task = tokio::spawn(replica.run(happening, stopping));
    Running { shards, membership, stop, task, _shards: tasks }
}

impl Running {
    async fn leads(&self) {
        for _ in 0..1000 {
            if self.membership.role() == Shown::Leading {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it does not lead: {:?}", self.membership.role());
    }

    async fn push(&self, group: usize, body: &str) -> Result<(), PushError> {
        let batch = decode(&key(group), body.as_bytes(), NameRules::Legacy).expect("it is valid");
        self.shards.push(key(group), Mode::Replace, batch, None).await
    }

    /// The lines that a scrape shows, without push times, sorted.
    async fn lines(&self) -> Vec<String> {
        let text = self.text().await;
        let lines = text.lines().filter(|line| !line.starts_with("push_"));
        let mut lines: Vec<_> = lines.map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    }

    async fn text(&self) -> String {
        let snapshots = self.shards.snapshot(Selection::default()).await.expect("it lives");
        let families = snapshots.iter().flat_map(|snapshot| &snapshot.families);
        let pages = families.flat_map(FamilySnapshot::pages);
        let texts = pages.map(|page| page.text().to_vec()).collect::<Vec<_>>().concat();
        String::from_utf8(texts).expect("it is text")
    }

    /// Waits until it has applied what the other has.
    async fn follows(&self, other: &Running) {
        let position = other.membership.position();
        assert_eq!(self.membership.applied(position).await, Ok(()));
    }
}

fn key(group: usize) -> GroupingKey {
    GroupingKey::parse(format!("/test/instance/{group}").as_bytes(), NameRules::Legacy)
        .expect("a valid path")
}

#[tokio::test]
async fn what_is_acknowledged_is_on_every_replica_and_outlives_its_leader() {
    let log = MemoryLog::default();
    let first = start(&log, 2);
    first.leads().await;
    let second = start(&log, 3);
    for group in 0..20 {
        assert_eq!(first.push(group, &format!("m{{g=\"{group}\"}} 1\n")).await, Ok(()));
    }
    assert_eq!(first.shards.delete(key(3)).await, Ok(()));
    second.follows(&first).await;
    assert_eq!(second.lines().await, first.lines().await);
    assert_eq!(second.lines().await.len(), 19);
    let refused = Err(PushError::Unavailable(Unavailable::NotLeading));
    assert_eq!(second.push(50, "m{g=\"x\"} 1\n").await, refused);
    let before = first.lines().await;
    first.task.abort(); // It dies.
    second.leads().await;
    assert_eq!(second.lines().await, before);
    assert_eq!(second.push(3, "m{g=\"back\"} 1\n").await, Ok(()));
    assert_eq!(second.shards.wipe().await, Ok(()));
    let third = start(&log, 1);
    third.follows(&second).await;
    assert_eq!(third.lines().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_sum_and_its_sources_go_on_at_the_next_leader() {
    let log = MemoryLog::default();
    let rules = "rules: [{ match: '{job=\"test\"}', aggregate: { without: [instance] } }]";
    let rules = Arc::new(GroupRules::parse(rules.as_bytes()).expect("they are valid"));
    let [first, second] = [start(&log, 2), start(&log, 3)];
    for replica in [&first, &second] {
        replica.shards.set_rules(&rules).await;
    }
    let counter = |count: u32| format!("# TYPE c counter\nc {count}\n");
    let total = |count: u32| vec![format!("c{{instance=\"\",job=\"test\"}} {count}")];
    first.leads().await;
    for (source, count) in [(0, 5), (1, 7), (0, 6)] {
        assert_eq!(first.push(source, &counter(count)).await, Ok(()));
    }
    assert_eq!(first.shards.delete(key(1)).await, Ok(()));
    assert_eq!(first.lines().await, total(13));
    second.follows(&first).await;
    assert_eq!(second.lines().await, total(13));
    first.task.abort(); // It dies.
    second.leads().await;
    for (count, sum) in [(6, 13), (2, 15), (3, 16)] {
        assert_eq!(second.push(0, &counter(count)).await, Ok(()));
        assert_eq!(second.lines().await, total(sum), "a retry, a restart, a step");
    }
    assert_eq!(second.push(1, &counter(1)).await, Ok(()));
    let third = start(&log, 1);
    third.follows(&second).await;
    assert_eq!(third.lines().await, total(17));
    let key = GroupingKey::parse(b"/test", NameRules::Legacy).expect("a valid path");
    assert_eq!(second.shards.delete(key).await, Ok(()));
    third.follows(&second).await;
    assert_eq!(third.lines().await, Vec::<String>::new());
}

#[tokio::test]
async fn groups_that_swap_their_names_within_an_epoch_swap_them_on_a_follower() {
    let log = MemoryLog::default();
    let follower = start(&log, 3);
    let restored = |group: usize, body: String| RestoredGroup {
        key: key(group),
        times: GroupTimes {
            created: Timestamp::from_nanos(1),
            pushed: Timestamp::from_nanos(2),
            failed: Timestamp::NEVER,
            asked: None,
        },
        batch: decode(&key(group), body.as_bytes(), NameRules::Legacy).expect("it is valid"),
        pushed: vec![Timestamp::from_nanos(2)],
        role: SavedRole::Plain,
    };
    // In each round each name changes its type and goes to another group.
    for round in 0..4 {
        let groups = (0..12).map(|group| {
            let name = (group + round) % 12;
            let kind = if round % 2 == 0 { "counter" } else { "gauge" };
            UnhashedGroup::new(restored(group, format!("# TYPE m{name} {kind}\nm{name} {round}\n")))
        });
        assert_eq!(follower.shards.replay(Vec::new(), groups.collect()).await, Ok(()));
        let mut expected: Vec<_> = (0..12)
            .map(|group| {
                let name = (group + round) % 12;
                format!("m{name}{{instance=\"{group}\",job=\"test\"}} {round}")
            })
            .collect();
        expected.sort_unstable();
        let shown = follower.lines().await;
        assert_eq!(shown, expected);
    }
    let gone = vec![key(3).text().into(), key(77).text().into()];
    assert_eq!(follower.shards.replay(gone, Vec::new()).await, Ok(()));
    assert_eq!(follower.lines().await.len(), 11);
}

#[tokio::test]
async fn a_deposed_leader_throws_away_what_is_not_in_the_stream_and_follows() {
    let log = MemoryLog::default();
    let first = start(&log, 2);
    first.leads().await;
    assert_eq!(first.push(1, "m 1\n").await, Ok(()));
    // Somebody else takes over behind its back.
    let author = Author { id: "other".into(), url: "http://other:9091".into() };
    let sequence = log.now().last + 1;
    let takeover = Entry {
        author: Arc::new(author),
        term: sequence,
        serial: 0,
        time: Timestamp::now(),
        kind: Kind::Takeover,
        records: Bytes::new(),
    };
    assert_eq!(log.append(sequence, takeover.encode()).await.await, Ok(()));
    let in_doubt = Err(PushError::Unavailable(Unavailable::InDoubt));
    assert_eq!(first.push(2, "n 1\n").await, in_doubt);
    first.membership.applied(sequence).await.expect("it reads on");
    assert_eq!(
        first.lines().await,
        ["m{instance=\"1\",job=\"test\"} 1"].map(String::from).to_vec()
    );
    // The other says nothing, so this one leads again.
    first.leads().await;
    assert_eq!(first.push(2, "n 1\n").await, Ok(()));
}

#[tokio::test]
async fn old_entries_are_purged_and_a_new_replica_reads_what_is_left() {
    let log = MemoryLog::default();
    let first = start(&log, 2);
    first.leads().await;
    let body = |round: usize| format!("m{{text=\"{}\"}} {round}\n", "x".repeat(20_000));
    assert_eq!(first.push(999, "kept 1\n").await, Ok(()));
    for round in 0..150 {
        assert_eq!(first.push(round % 4, &body(round)).await, Ok(()));
    }
    for _ in 0..200 {
        if log.now().first > 40 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(log.now().first > 40, "{:?}", log.now());
    let second = start(&log, 2);
    second.follows(&first).await;
    assert_eq!(second.lines().await, first.lines().await);
    assert_eq!(second.lines().await.len(), 5);
}

#[tokio::test]
async fn a_leader_that_ends_hands_over_at_once_and_loses_nothing() {
    let log = MemoryLog::default();
    let first = start(&log, 2);
    first.leads().await;
    let second = start(&log, 2);
    assert_eq!(first.push(1, "m 1\n").await, Ok(()));
    second.follows(&first).await;
    first.shards.fail(key(7), None).await.expect("it lives"); // Nobody waits for that.
    first.stop.send_replace(true);
    let Running { task, .. } = first;
    assert_eq!(task.await.expect("it does not panic"), Ok(()));
    second.leads().await;
    assert_eq!(second.text().await.matches("push_failure_time_seconds{").count(), 2);
}

#[tokio::test]
async fn when_the_stream_is_deleted_every_replica_steps_back_and_keeps_its_groups() {
    let log = MemoryLog::default();
    let first = start(&log, 1);
    first.leads().await;
    let second = start(&log, 1);
    assert_eq!(first.push(1, "m 1\n").await, Ok(()));
    second.follows(&first).await;
    let shown = first.lines().await;
    log.with(|it| it.is_deleted = true);
    for replica in [&first, &second] {
        for _ in 0..2000 {
            if matches!(replica.membership.role(), Shown::SteppedBack(_)) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let role = replica.membership.role();
        assert!(matches!(&role, Shown::SteppedBack(why) if why.contains("deleted")), "{role:?}");
        assert_eq!(replica.lines().await, shown);
    }
    log.with(|it| assert!(it.all.len() > 1, "nothing was begun anew"));
}
