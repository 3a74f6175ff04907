//! Clients push and delete while the power goes: whatever was promised is there, and everything that is there
//! was there at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use shardgate::persist::{Promise, Status};
use shardgate::shard::{Mode, Shards};
use tokio::task::JoinSet;

use crate::durability::disk::{Disk, Fault};
use crate::durability::gateway::{Gateway, Groups, groups_of, key, line, push};
use crate::durability::random::Random;
use crate::durability::stores::empty;

const CLIENTS: usize = 6;
/// Of each client.
const GROUPS: usize = 4;

/// What a client asks for, one after the other.
#[derive(Debug, Clone, Copy)]
enum Request {
    Push { group: usize, mode: Mode, name: &'static str, value: usize },
    Delete { group: usize },
}

impl Request {
    fn any(random: &mut Random, value: usize) -> Request {
        let group = random.below(GROUPS);
        let mode = if random.below(2) == 0 { Mode::Replace } else { Mode::Add };
        match random.below(4) {
            0 => Request::Delete { group },
            1 => Request::Push { group, mode, name: "a", value },
            _ => Request::Push { group, mode, name: "b", value },
        }
    }

    /// Answers whether it was acknowledged.
    async fn send(self, shards: &Shards, client: usize) -> bool {
        match self {
            Request::Push { group, mode, name, value } => {
                push(shards, key(client, group), mode, name, value).await.is_ok()
            }
            Request::Delete { group } => shards.delete(key(client, group)).await.is_ok(),
        }
    }

    fn apply(self, client: usize, groups: &mut Groups) {
        match self {
            Request::Push { group, mode, name, value } => {
                let key = key(client, group);
                let text = groups.entry(key.text().to_owned()).or_default();
                let kept = |line: &&str| mode == Mode::Add && !line.starts_with(name);
                let others = text.split_inclusive('\n').filter(kept).map(str::to_owned);
                let lines: BTreeSet<String> = others.chain([line(&key, name, value)]).collect();
                *text = lines.into_iter().collect();
            }
            Request::Delete { group } => drop(groups.remove(key(client, group).text())),
        }
    }
}

/// What a client has asked for, and how much of it was acknowledged: that and at most one more was sent.
#[derive(Debug, Default)]
struct History {
    requests: Vec<Request>,
    acknowledged: usize,
}

/// The histories of all clients.
#[derive(Debug, Clone, Default)]
struct Histories(Arc<[Mutex<History>; CLIENTS]>);

impl Histories {
    fn of(&self, client: usize) -> MutexGuard<'_, History> {
        self.0[client].lock().expect("nobody panics with it")
    }

    fn acknowledged(&self) -> [usize; CLIENTS] {
        std::array::from_fn(|client| self.of(client).acknowledged)
    }

    /// Has all clients ask until they are not answered any more, or the disk is off.
    async fn make(&self, shards: &Shards, disk: &Disk, off_at: usize, random: &mut Random) {
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (histories, shards, disk) = (self.clone(), shards.clone(), disk.clone());
            let mut random = Random(random.next());
            clients.spawn(async move {
                for value in 0.. {
                    let request = Request::any(&mut random, value);
                    histories.of(client).requests.push(request);
                    if !request.send(&shards, client).await {
                        return;
                    }
                    histories.of(client).acknowledged += 1;
                    if disk.operations() > off_at {
                        return;
                    }
                    if random.below(30) == 0 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
            });
        }
        // One that got no answer is enough: the others get none either.
        let _ended = clients.join_next().await;
        clients.shutdown().await;
    }

    /// Checks that what is left is what was there after some request of each client, and not before the
    /// `promised`-th.
    fn check(&self, before: &Groups, left: &Groups, promised: [usize; CLIENTS]) {
        for (client, promised) in promised.into_iter().enumerate() {
            let history = self.of(client);
            let job = format!("job=\"{client}\"");
            let of_client = |groups: &Groups| -> Groups {
                let groups = groups.iter().filter(|(key, _)| key.contains(&job));
                groups.map(|(key, text)| (key.clone(), text.clone())).collect()
            };
            let (mut groups, left) = (of_client(before), of_client(left));
            let mut is_found = promised == 0 && groups == left;
            for (at, request) in history.requests.iter().enumerate() {
                request.apply(client, &mut groups);
                is_found |= at + 1 >= promised && groups == left;
            }
            let sent = history.requests.len();
            assert!(is_found, "client {client}, {promised} of {sent}: {left:#?}\n{history:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_as_saved_outlasts_a_power_loss() {
    let mut random = Random(1);
    let (mut left, mut groups) = (empty(), Groups::new());
    let mut acknowledged = 0;
    for _ in 0..200 {
        let (disk, off_at) = (Disk::holding(left), random.below(150));
        disk.set_fault(Fault::From(off_at));
        let histories = Histories::default();
        let hour = Duration::from_secs(3600);
        if let Ok(gateway) = Gateway::start(&disk, Promise::Push, hour).await {
            histories.make(&gateway.shards, &disk, usize::MAX, &mut random).await;
            gateway.stop().await.expect_err("the disk is off");
        }
        left = disk.after_power_loss(off_at, &mut random);
        let groups_left = groups_of(left.clone()).await;
        let promised = histories.acknowledged();
        acknowledged += promised.iter().sum::<usize>();
        histories.check(&groups, &groups_left, promised);
        groups = groups_left;
    }
    assert!(acknowledged > 1000, "{acknowledged}");
}

/// What had been acknowledged at some moments, and how many commits had been counted by then.
type Moments = Vec<([usize; CLIENTS], u64)>;

/// Notes moments for as long as it is polled.
async fn note(histories: &Histories, status: &Status, moments: &Mutex<Moments>) {
    loop {
        let acknowledged = histories.acknowledged();
        let moment = (acknowledged, status.counts().commits);
        moments.lock().expect("nobody panics with it").push(moment);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_the_last_checkpoint_saved_outlasts_a_power_loss() {
    let mut random = Random(2);
    let (mut left, mut groups) = (empty(), Groups::new());
    let mut kept = BTreeMap::new();
    for _ in 0..100 {
        let (disk, off_at) = (Disk::holding(left), random.below(120));
        disk.set_fault(Fault::From(off_at));
        let (histories, mut promised) = (Histories::default(), [0; CLIENTS]);
        let interval = Duration::from_millis(2);
        if let Ok(gateway) = Gateway::start(&disk, Promise::Interval, interval).await {
            let moments = Mutex::default();
            tokio::select! {
                () = histories.make(&gateway.shards, &disk, off_at, &mut random) => {}
                () = note(&histories, &gateway.status, &moments) => {}
            }
            let commits = gateway.status.counts().commits;
            // The next commit after a moment may have been at work by then, and the one after it been
            // gathered, the third not.
            let moments = moments.into_inner().expect("nobody panics with it");
            let saved = moments.into_iter().rfind(|(_, counted)| counted + 3 <= commits);
            promised = saved.map_or(promised, |(acknowledged, _)| acknowledged);
            gateway.stop().await.expect_err("the disk is off");
        }
        left = disk.after_power_loss(off_at, &mut random);
        let groups_left = groups_of(left.clone()).await;
        *kept.entry(promised.iter().sum::<usize>() > 0).or_insert(0) += 1;
        histories.check(&groups, &groups_left, promised);
        groups = groups_left;
    }
    assert!(kept.get(&true) > Some(&30), "{kept:?}");
}
