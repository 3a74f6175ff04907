//! The other side of a conflict: a series of the group that holds a family with another type.
//!
//! To find it, all shards meet, as for a scrape. A client that is rejected again and again must not make them do that, so it
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

impl Prologue {
    /// The failure of a push to the group `own` that a shard has rejected, for a client that may read: it shows the other side of
    /// a conflict.
    pub(crate) async fn rejected(&self, error: PushError, own: &GroupingKey) -> Failure {
        let family = match &error {
            PushError::Refused(refusal) => refusal.held_elsewhere().map(str::to_owned),
            _ => None,
        };
        let failure = Failure::from(error);
        let Some(family) = family.filter(|_| self.elsewhere.0.take().is_ok()) else {
            return failure;
        };
        match self.holder(family).await.iter().find(|series| !is_of(series, own)) {
            Some(series) => {
                let series = shown_series(series);
                failure.with_advice(format_args!("another group has {series}"))
            }
            None => failure,
        }
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

/// Whether a series has all labels of a group.
fn is_of(series: &str, key: &GroupingKey) -> bool {
    labels(key.text()).iter().all(|(name, value)| {
        let has = |before: char| series.contains(&format!("{before}{name}=\"{value}\""));
        has('{') || has(',')
    })
}
