//! Group scans for pages: a page that goes through all groups waits for its turn and lets other work go first.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::api::listing::{LISTING_WAIT, scan};
use crate::http::api::turn::too_many_queries;
use crate::http::failure::Failure;
use crate::http::storage::Storage;
use crate::shard::{Expiry, GroupSummary};
use crate::ui::{Due, Row};

/// How many pages that go through all groups are made at a time.
const PAGES_MAX: usize = 4;
/// How long such a page waits for its turn.
const PAGE_WAIT: Duration = Duration::from_secs(2);

/// What group scans share.
#[derive(Debug, Clone)]
pub(crate) struct GroupScans {
    pub(super) storage: Storage,
    /// One permit for each page that may go through all groups.
    turns: Arc<Semaphore>,
}

impl GroupScans {
    pub(crate) fn new(storage: Storage) -> GroupScans {
        GroupScans { storage, turns: Arc::new(Semaphore::new(PAGES_MAX)) }
    }

    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let turn = tokio::time::timeout(PAGE_WAIT, Arc::clone(&self.turns).acquire_owned());
        turn.await.ok().and_then(Result::ok).ok_or_else(too_many_queries)
    }

    /// Goes through all groups, or those of some jobs, given as their escaped names. The turn goes on while the caller
    /// makes a page of them.
    pub(super) async fn each(
        &self,
        jobs: Vec<String>,
        mut take: impl FnMut(GroupSummary),
    ) -> Result<OwnedSemaphorePermit, Failure> {
        self.storage.readable()?;
        let turn = self.turn().await?;
        let take = |group| {
            take(group);
            Ok(())
        };
        scan(LISTING_WAIT, &self.storage.shards, jobs, take).await?;
        Ok(turn)
    }
}

impl From<&GroupSummary> for Row {
    fn from(summary: &GroupSummary) -> Row {
        Row {
            key: Arc::clone(&summary.group.key),
            has_empty_instance: summary.has_empty_instance,
            pushed: summary.pushed,
            failed: summary.failed,
            rhythm: summary.rhythm,
            expires: summary.expiry.as_deref().and_then(due),
            families: summary.families,
            series: summary.series,
            bytes: summary.bytes,
        }
    }
}

/// When rules let a group expire.
pub(super) fn due(expiry: &Expiry) -> Option<Due> {
    let (rule, hold) = (expiry.rule, expiry.applied.hold());
    expiry.expires.map(|at| Due { at, rule, hold })
}

/// Makes something of many groups on a thread of its own, and then ends the turn.
pub(super) async fn on_own_thread<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    make: impl FnOnce() -> T + Send + 'static,
) -> T {
    let making = tokio::task::spawn_blocking(move || {
        let _until_done = turn;
        make()
    });
    making.await.expect("making a page does not panic and is not aborted")
}
