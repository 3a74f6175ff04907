//! Group scans for pages: a page that goes through all groups waits for its turn and lets other work go first.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::exposition::NameRules;
use crate::http::api::listing::{LISTING_WAIT, scan, scan_sources};
use crate::http::api::turn::too_many_queries;
use crate::http::failure::Failure;
use crate::http::storage::Storage;
use crate::http::ui::error_page::PageError;
use crate::push::GroupingKey;
use crate::shard::{Expiry, GroupSummary};
use crate::ui::{Due, Filter, Row, start_of};

/// How many pages that go through all groups are made at a time.
const PAGES_MAX: usize = 4;
/// How long such a page waits for its turn.
const PAGE_WAIT: Duration = Duration::from_secs(2);

/// How much of a parameter an error quotes, in bytes.
const QUOTED_BYTES_MAX: usize = 200;

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

    /// Goes through the groups that a filter is about: the sources of a sum, or all groups or those of a job.
    pub(super) async fn each_of(
        &self,
        filter: &Filter,
        name_rules: NameRules,
        mut take: impl FnMut(GroupSummary),
    ) -> Result<OwnedSemaphorePermit, PageError> {
        let Some(sum) = sum_of(filter, name_rules)? else {
            return Ok(self.each(filter.escaped_job().into_iter().collect(), take).await?);
        };
        self.storage.readable()?;
        let turn = self.turn().await?;
        let take = |group| {
            take(group);
            Ok(())
        };
        scan_sources(LISTING_WAIT, &self.storage.shards, &sum, take).await?;
        Ok(turn)
    }
}

/// The sum whose sources a filter asks for, if it does.
fn sum_of(filter: &Filter, name_rules: NameRules) -> Result<Option<GroupingKey>, PageError> {
    if filter.sum.is_empty() {
        return Ok(None);
    }
    let Some(tail) = filter.sum.strip_prefix("/job") else {
        let problem = format!(
            "parameter sum: expected a path such as /job/NAME, got {:?}",
            start_of(&filter.sum, QUOTED_BYTES_MAX)
        );
        return Err(PageError::misunderstood(problem));
    };
    Ok(Some(GroupingKey::parse(tail.as_bytes(), name_rules)?))
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
            sources: summary.sources,
            has_left_natives_out: summary.has_left_natives_out,
            sum: summary.sum.clone(),
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
