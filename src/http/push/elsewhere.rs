//! The other side of a conflict: a series of the group that is in the way of a push.
//!
//! Start at [`Prologue::conflict`]. Where another group has the same series, the shard names it. Where another group holds the
//! family with another type, all shards meet to find it, as for a scrape. A client that is rejected again and again must not make them do that, so it
//! happens as often as [`LOOKS`] allows. A rejection beyond that names the family alone.

use std::time::Duration;

use memchr::{memchr, memrchr};

use crate::exposition::{labels, shown_series};
use crate::http::failure::Failure;
use crate::http::push::prologue::Prologue;
use crate::push::GroupingKey;
use crate::rate::{Bucket, Rate};
use crate::shard::{PushError, Selection};

/// How often the shards are asked at most.
const LOOKS: Rate = Rate { interval: Duration::from_millis(100), burst: 32 };

/// How often the shards have been asked lately.
#[derive(Debug)]
pub(crate) struct Elsewhere(Bucket);

impl Default for Elsewhere {
    fn default() -> Elsewhere {
        let looks = Bucket::default();
        looks.set(Some(LOOKS));
        Elsewhere(looks)
    }
}

/// Why a shard has rejected a push, and a series of the group that is in its way, as far as that is known.
pub(crate) struct Conflict {
    pub(crate) failure: Failure,
    pub(crate) series: Option<String>,
}

impl From<Failure> for Conflict {
    fn from(failure: Failure) -> Conflict {
        Conflict { failure, series: None }
    }
}

impl Prologue {
    /// The failure of a push to the group `own` that a shard has rejected, for a client that may read: it shows the other side of
    /// a conflict.
    pub(crate) async fn rejected(&self, error: PushError, own: &GroupingKey) -> Failure {
        self.conflict(error, own).await.failure
    }

    /// The same, with a series of the other side.
    pub(crate) async fn conflict(&self, error: PushError, own: &GroupingKey) -> Conflict {
        let (family, same) = match &error {
            PushError::Refused(refusal) => (refusal.held_elsewhere(), refusal.series_elsewhere()),
            _ => (None, None),
        };
        let (family, same) = (family.map(str::to_owned), same.map(str::to_owned));
        let failure = Failure::from(error);
        let Some(family) = family.filter(|_| self.elsewhere.0.take().is_ok()) else {
            return Conflict { failure, series: same };
        };
        let mut found = self.holder(family).await;
        // One alone is not the own one: another group holds the family.
        let other = found.iter().position(|series| !has_labels(series, own.text()));
        let Some(at) = other.or((found.len() == 1).then_some(0)) else {
            return Conflict { failure, series: same };
        };
        let series = found.swap_remove(at);
        let advice = format!("another group has {}", shown_series(&series));
        Conflict { failure: failure.with_advice(advice), series: Some(series) }
    }

    /// The first series of each of the first blocks of a family.
    async fn holder(&self, family: String) -> Vec<String> {
        /// The pushing group has one of them at most.
        const BLOCKS: usize = 2;
        let selection = Selection { families: vec![family], ..Selection::default() };
        let snapshots = self.storage.shards.snapshot(selection).await.unwrap_or_default();
        let families = snapshots.iter().flat_map(|snapshot| &snapshot.families);
        let blocks = families.flat_map(|family| family.pages().flat_map(|page| page.blocks(None)));
        let series = blocks.take(BLOCKS).filter_map(|block| {
            let line = &block.text[..memchr(b'\n', block.text)?];
            Some(String::from_utf8_lossy(&line[..memrchr(b' ', line)?]).into_owned())
        });
        series.collect()
    }
}

/// Whether a series may be in the group whose grouping key has this text. A label with an empty value is no label.
pub(crate) fn may_be_in(series: &str, key: &str) -> bool {
    labels(key).iter().all(|(name, value)| value.is_empty() || has_label(series, name, value))
}

/// Whether a series has all labels of a grouping key.
fn has_labels(series: &str, key: &str) -> bool {
    labels(key).iter().all(|(name, value)| has_label(series, name, value))
}

fn has_label(series: &str, name: &str, value: &str) -> bool {
    let has = |before: char| series.contains(&format!("{before}{name}=\"{value}\""));
    has('{') || has(',')
}
