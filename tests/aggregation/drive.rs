//! Real shards under rules that aggregate, with or without a disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shardgate::exposition::NameRules;
use shardgate::persist::{Options, Persistence, Promise, Saver, Store};
use shardgate::push::{GroupingKey, PUSH_FAILURE_TIME, PUSH_TIME, decode};
use shardgate::rules::{Asked, GroupRules, PushId};
use shardgate::shard::{self, How, Mode, PushError, Selection, Shards, Timestamp, Unavailable};
use tokio::task::JoinSet;

use crate::aggregation::model::{Job, Shown, Source};
use crate::aggregation::steps::Step;
use crate::durability::disk::Disk;

/// What `Job` says, in a file of rules.
const RULES: &str = r#"
rules:
  - { match: '{job="last"}', aggregate: { without: [instance], gauges: last } }
  - { match: '{job="sum"}', aggregate: { without: [instance], gauges: sum } }
  - { match: '{job="min"}', aggregate: { by: [job], gauges: min } }
  - { match: '{job="max"}', aggregate: { without: [instance, pod], gauges: max } }
  - { match: '{job="increments"}', aggregate: { without: [instance], counters: increments } }
  - { match: '{instance=~"[23]"}', expire: 60 }
"#;

/// The same without sums.
const PLAIN: &str = r#"rules: [{ match: '{instance=~"[23]"}', expire: 60 }]"#;

/// The group of a push that only waits for the disk.
const FLUSHED: &str = "/flushed";
const NOT_COMPARED: [&str; 3] = [PUSH_TIME, PUSH_FAILURE_TIME, "flushed"];

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// With the reason.
    Rejected(String),
    /// It may or may not be on disk.
    InDoubt,
}

/// A gateway without HTTP.
pub(crate) struct Gateway {
    pub(crate) shards: Shards,
    persistence: Option<Persistence>,
    tasks: JoinSet<()>,
}

impl Gateway {
    /// Starts one. With a disk, each answer means that the change is on it.
    ///
    /// Answers `None` when the disk fails meanwhile.
    pub(crate) async fn start(count: usize, disk: Option<&Disk>) -> Option<Gateway> {
        let saver = disk.map(|disk| {
            let (file, interval) = (PathBuf::from("the disk"), Duration::from_secs(3600));
            (Saver::new(Options { file, promise: Promise::Push, interval }), disk.clone())
        });
        let (shards, tasks) = Shards::start(&shard::Options {
            shards: count,
            reserved: &[],
            limits: None,
            group_bytes_max: shard::GROUP_BYTES_MAX,
            saving: saver.as_ref().map(|(saver, _)| saver.saving()),
        });
        set_rules(&shards, RULES).await;
        let mut gateway = Gateway { shards: shards.clone(), persistence: None, tasks };
        if let Some((saver, disk)) = saver {
            let open = Box::new(move |_| Store::open(disk.clone()));
            let mut persistence = saver.start(shards, open).expect("there can be a thread");
            let is_loaded = persistence.loaded().await;
            gateway.persistence = Some(persistence);
            if !is_loaded {
                gateway.stop().await;
                return None;
            }
        }
        Some(gateway)
    }

    /// Stops it, saved or not.
    pub(crate) async fn stop(self) {
        let Gateway { shards, persistence, tasks } = self;
        drop(shards);
        if let Some(persistence) = persistence {
            let _saved = persistence.stop().await;
        }
        tasks.join_all().await;
    }

    /// Does a step and waits for the answer.
    pub(crate) async fn take(&self, step: &Step) -> Outcome {
        take(&self.shards, step).await
    }

    /// What a scrape shows of the sums, without the push times.
    pub(crate) async fn shown(&self) -> Shown {
        let snapshots = self.shards.snapshot(Selection::default()).await.expect("they live");
        let mut shown = Shown::new();
        for family in snapshots.iter().flat_map(|snapshot| &snapshot.families) {
            if NOT_COMPARED.contains(&&*family.name) {
                continue;
            }
            for page in family.pages() {
                let text = std::str::from_utf8(page.text()).expect("an exposition is UTF-8");
                for line in text.lines() {
                    let (series, value) = line.rsplit_once(' ').expect("a series and a value");
                    let value = value.parse().expect("a number");
                    let before = shown.insert(series.to_owned(), value);
                    assert_eq!(before, None, "{series} is there twice");
                }
            }
        }
        shown
    }
}

/// Does a step and waits for the answer.
pub(crate) async fn take(shards: &Shards, step: &Step) -> Outcome {
    let done = match step {
        Step::Push { source, is_put, body, id } => {
            let key = source.key();
            let batch = decode(&key, body.text().as_bytes(), NameRules::Legacy);
            let mode = if *is_put { Mode::Replace } else { Mode::Add };
            let asked = Asked { id: Some(PushId(*id as u128)), ..Asked::default() };
            match shards.push(key, How { mode, asked }, batch.expect("it is valid"), None).await {
                Err(PushError::Refused(reason)) => return Outcome::Rejected(reason.to_string()),
                Err(PushError::Unavailable(reason)) => Err(reason),
                Err(error) => panic!("{error}"),
                Ok(()) => Ok(()),
            }
        }
        Step::Delete { source } => shards.delete(source.key()).await,
        Step::DeleteSum { job } => shards.delete(job.key()).await,
        Step::Expire => {
            let later = Timestamp::now().after(Duration::from_secs(61));
            while shards.look(later, Timestamp::NEVER).await.expect("they live").has_more {}
            flush(shards).await
        }
        Step::Wipe => shards.wipe().await.map(drop),
        Step::Rules => {
            for rules in [PLAIN, RULES] {
                set_rules(shards, rules).await;
                let looked = async || shards.look(Timestamp::now(), Timestamp::NEVER).await;
                while looked().await.expect("they live").has_more {}
                while shards.move_misplaced().await.expect("they live") > 0 {}
            }
            flush(shards).await
        }
    };
    match done {
        Ok(()) => Outcome::Done,
        Err(Unavailable::InDoubt) => Outcome::InDoubt,
        Err(error) => panic!("{error}"),
    }
}

async fn set_rules(shards: &Shards, rules: &str) {
    shards.set_rules(&Arc::new(GroupRules::parse(rules.as_bytes()).expect("valid rules"))).await;
}

/// Waits until everything is on disk: a push does that, and nothing else of it is looked at.
async fn flush(shards: &Shards) -> Result<(), Unavailable> {
    let key = GroupingKey::parse(FLUSHED.as_bytes(), NameRules::Legacy).expect("a valid path");
    let batch = decode(&key, b"flushed 1\n", NameRules::Legacy).expect("it is valid");
    match shards.push(key, Mode::Replace, batch, None).await {
        Ok(()) => Ok(()),
        Err(PushError::Unavailable(reason)) => Err(reason),
        Err(error) => panic!("{error}"),
    }
}

impl Source {
    fn key(&self) -> GroupingKey {
        let path = format!("/{}/instance/{}", self.job.name(), self.instance);
        GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path")
    }
}

impl Job {
    fn key(self) -> GroupingKey {
        let path = format!("/{}", self.name());
        GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path")
    }
}
