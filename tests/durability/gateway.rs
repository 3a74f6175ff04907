//! Real shards and the thread that saves them, over a disk of the tests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shardgate::exposition::NameRules;
use shardgate::persist::{Ended, Options, Persistence, Promise, Saver, Status, Store};
use shardgate::push::{GroupingKey, PUSH_FAILURE_TIME, PUSH_TIME, decode};
use shardgate::shard::{self, Mode, PushError, Shards, Unavailable};
use tokio::task::JoinSet;

use crate::durability::disk::Disk;

/// What groups hold: their samples, by the text of their keys.
pub(crate) type Groups = BTreeMap<String, String>;

/// A gateway without HTTP.
pub(crate) struct Gateway {
    pub(crate) shards: Shards,
    pub(crate) status: Arc<Status>,
    persistence: Persistence,
    tasks: JoinSet<()>,
}

impl Gateway {
    /// Starts one and waits until its groups are loaded.
    ///
    /// # Errors
    /// Why they cannot be.
    pub(crate) async fn start(
        disk: &Disk,
        promise: Promise,
        interval: Duration,
    ) -> Result<Gateway, Ended> {
        let saver = Saver::new(Options { file: PathBuf::from("the disk"), promise, interval });
        let saving = Some(saver.saving());
        let (shards, tasks) = Shards::start(&shard::Options {
            shards: 3,
            reserved: &[],
            limits: None,
            group_bytes_max: shard::GROUP_BYTES_MAX,
            saving,
        });
        let (status, disk) = (saver.status(), disk.clone());
        let open = Box::new(move |_| Ok(Box::new(Store::open(disk.clone())?) as Box<_>));
        let mut persistence = saver.start(shards.clone(), open).expect("there can be a thread");
        if persistence.loaded().await {
            return Ok(Gateway { shards, status, persistence, tasks });
        }
        Err(persistence.stop().await.expect_err("it could not load"))
    }

    /// All groups.
    pub(crate) async fn groups(&self) -> Groups {
        let mut roll = self.shards.scan(Vec::new()).await.expect("the shards live");
        let mut groups = Vec::new();
        while let Some(next) = roll.next().await.expect("the shards live") {
            groups.extend(next.into_iter().map(|summary| summary.group));
        }
        let groups = self.shards.views(&groups).await.expect("the shards live");
        let text = |group: &shard::GroupView| {
            let of_push = |name: &str| name != PUSH_TIME && name != PUSH_FAILURE_TIME;
            let families = group.families.iter().filter(|family| of_push(&family.name));
            families.map(|family| String::from_utf8_lossy(&family.text).into_owned()).collect()
        };
        groups.iter().map(|group| (group.key.to_string(), text(group))).collect()
    }

    /// Stops it as the gateway does.
    ///
    /// # Errors
    /// When not everything could be saved.
    pub(crate) async fn stop(self) -> Result<(), Ended> {
        let Gateway { shards, persistence, tasks, .. } = self;
        drop(shards);
        let ended = persistence.stop().await;
        tasks.join_all().await;
        ended
    }
}

/// What a disk holds of groups.
pub(crate) async fn groups_of(bytes: Vec<u8>) -> Groups {
    let disk = Disk::holding(bytes);
    let gateway = Gateway::start(&disk, Promise::Interval, Duration::from_secs(60)).await;
    let gateway = gateway.expect("what is left can be loaded");
    let groups = gateway.groups().await;
    gateway.stop().await.expect("the disk is fine");
    groups
}

/// The key of a group, which `client` pushes to.
pub(crate) fn key(client: usize, group: usize) -> GroupingKey {
    let path = format!("/{client}/instance/{group}");
    GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path")
}

/// Pushes one sample.
pub(crate) async fn push(
    shards: &Shards,
    key: GroupingKey,
    mode: Mode,
    name: &str,
    value: usize,
) -> Result<(), Unavailable> {
    let body = format!("{name} {value}\n");
    let batch = decode(&key, body.as_bytes(), NameRules::Legacy).expect("a valid push");
    shards.push(key, mode, batch, None).await.map_err(|error| match error {
        PushError::Unavailable(reason) => reason,
        error => panic!("nothing is in its way: {error}"),
    })
}

/// The line that shows a sample of a group.
pub(crate) fn line(key: &GroupingKey, name: &str, value: usize) -> String {
    format!("{name}{{{}}} {value}\n", key.text())
}
