//! Real shards, driven as the HTTP layer drives them.

use std::collections::{BTreeMap, BTreeSet};

use shardgate::exposition::{Kind, NameRules};
use shardgate::push::{GroupingKey, Refusal, Rejected, decode};
use shardgate::scrape::{Form, Runs};
use shardgate::shard::{GROUP_BYTES_MAX, Mode, Options, PushError, Selection, Shards, Snapshot};
use tokio::task::JoinSet;

use crate::oracle::expose::expose;
use crate::oracle::key::Key;
use crate::oracle::own;
use crate::oracle::scrape::{self, Scrape};

/// Starts shards; the set of their tasks has to be kept while they are used.
pub(crate) fn start(shards: usize) -> (Shards, JoinSet<()>) {
    Shards::start(&Options {
        shards,
        reserved: &own::reserved(),
        limits: None,
        group_bytes_max: GROUP_BYTES_MAX,
        saving: None,
    })
}

fn grouping_key(key: &Key) -> GroupingKey {
    GroupingKey::parse(key.path().as_bytes(), NameRules::Legacy).expect("the path is well formed")
}

/// Pushes a body and waits for the answer.
pub(crate) async fn push(
    shards: &Shards,
    key: &Key,
    mode: Mode,
    body: &str,
) -> Result<(), Rejected> {
    let key = grouping_key(key);
    let batch = match decode(&key, body.as_bytes(), NameRules::Legacy) {
        Ok(batch) => batch,
        Err(rejected) => {
            if let Rejected::Refused(_) = rejected {
                shards.fail(key, None).await.expect("the shards live");
            }
            return Err(rejected);
        }
    };
    shards.push(key, mode, batch, None).await.map_err(|error| match error {
        PushError::Refused(refusal) => Rejected::Refused(refusal),
        error => panic!("{error}"),
    })
}

/// Pushes a body that is well formed, in place of what the group holds.
pub(crate) async fn put(shards: &Shards, key: &Key, body: &str) -> Result<(), Refusal> {
    push(shards, key, Mode::Replace, body).await.map_err(|rejected| match rejected {
        Rejected::Refused(refusal) => refusal,
        rejected => panic!("{rejected:?}"),
    })
}

pub(crate) async fn delete(shards: &Shards, key: &Key) {
    shards.delete(grouping_key(key)).await.expect("the shards live");
}

pub(crate) async fn snapshot(shards: &Shards) -> Vec<Snapshot> {
    shards.snapshot(Selection::default()).await.expect("the shards live")
}

/// Scrapes, reads strictly, and hands the pages back.
pub(crate) async fn scrape(shards: &Shards) -> Scrape {
    let form = Form::TEXT;
    let (text, pages) = expose(snapshot(shards).await, form, &Runs::default());
    shards.adopt(pages);
    scrape::read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Which shard holds the group `key`.
pub(crate) async fn shard_of(shards: &Shards, key: &Key) -> usize {
    put(shards, key, "probe 1\n").await.expect("nothing else is called probe");
    let snapshots = snapshot(shards).await;
    delete(shards, key).await;
    let holds =
        |snapshot: &Snapshot| snapshot.families.iter().any(|family| &*family.name == "probe");
    snapshots.iter().position(holds).expect("what was acknowledged is in the next scrape")
}

/// All that a cut over all shards shows, as (name and labels) -> value. Panics if it contradicts
/// itself.
pub(crate) fn check_cut(snapshots: &[Snapshot]) -> BTreeMap<String, String> {
    let mut kinds: BTreeMap<&str, Kind> = BTreeMap::new();
    let mut samples = BTreeMap::new();
    for family in snapshots.iter().flat_map(|snapshot| &snapshot.families) {
        let kind = *kinds.entry(&family.name).or_insert(family.kind);
        assert_eq!(kind, family.kind, "two kinds of {}", family.name);
        for page in family.pages() {
            let text = std::str::from_utf8(page.text()).expect("an exposition is UTF-8");
            for line in text.lines() {
                let (series, value) = line.rsplit_once(' ').expect("a series and a value");
                let before = samples.insert(series.to_owned(), value.to_owned());
                assert_eq!(before, None, "{series} is there twice");
            }
        }
    }
    let names: BTreeSet<&str> = kinds.keys().copied().collect();
    for (name, kind) in kinds {
        for suffix in kind.occupied_suffixes() {
            let occupied = format!("{name}{suffix}");
            assert!(!names.contains(&*occupied), "{occupied} is a family beside {name}");
        }
    }
    samples
}
