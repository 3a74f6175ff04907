//! Finds the groups of a query, and the page of them that the query asks for.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::query::{Query, Sort};
use crate::http::failure::Failure;
use crate::http::push_priority::PushPriority;
use crate::push::GroupingKey;
use crate::selector::{Effort, REGEX_MATCHED_BYTES_MAX, Spent};
use crate::shard::{GroupSummary, Shards};

/// How long it may take to go through all groups.
/// Less than requests may take once the gateway is asked to stop.
pub(crate) const LISTING_WAIT: Duration = Duration::from_secs(20);

/// How many bytes of grouping keys are looked at before other work goes on: a search has many words.
const LOOKED_AT_BYTES_MAX: usize = 64 << 10;

/// What a query has found.
#[derive(Debug)]
pub(super) struct Listing {
    /// How many groups there are.
    pub(super) total: usize,
    /// Those that are to be shown, in order.
    pub(super) groups: Vec<GroupSummary>,
}

/// The page of groups that a query asks for. Blocks.
pub(super) fn list(
    runtime: &Handle,
    shards: &Shards,
    query: &Query,
    stop: &CancellationToken,
) -> Result<Listing, Failure> {
    let groups = matching(LISTING_WAIT, runtime, shards, query, stop)?;
    Ok(Listing { total: groups.len(), groups: page(groups, query) })
}

/// Finds the groups that a query is about, in no particular order. Blocks: each group is looked at here, and not by its
/// shard.
fn matching(
    wait: Duration,
    runtime: &Handle,
    shards: &Shards,
    query: &Query,
    stop: &CancellationToken,
) -> Result<Vec<GroupSummary>, Failure> {
    let began = Instant::now();
    let is_over = || stop.is_cancelled() || began.elapsed() > wait;
    let mut effort = Effort::new(REGEX_MATCHED_BYTES_MAX, &is_over);
    let mut groups = Vec::new();
    let each = |summary: GroupSummary| {
        match query.filter.matches(&summary.group.key, &mut effort) {
            _ if stop.is_cancelled() => return Err(stopped()),
            Ok(true) => groups.push(summary),
            Ok(false) => {}
            Err(Spent::Bytes) => return Err(expensive()),
            Err(Spent::Over) => return Err(slow_listing()),
        }
        Ok(())
    };
    runtime.block_on(async {
        match query.filter.sum() {
            Some(sum) => scan_sources(wait, shards, sum, each).await,
            None => scan(wait, shards, query.filter.escaped_jobs(), each).await,
        }
    })?;
    Ok(groups)
}

/// Goes through all groups, or those of some jobs, given as their escaped names. Pushes go first.
pub(crate) async fn scan(
    wait: Duration,
    shards: &Shards,
    jobs: Vec<String>,
    mut each: impl FnMut(GroupSummary) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (began, priority) = (Instant::now(), PushPriority::new(shards.clone()));
    let mut looked_at_bytes = 0;
    let mut groups = shards.scan(jobs).await?;
    while let Some(next) = groups.next().await? {
        for group in next {
            looked_at_bytes += group.group.key.len();
            each(group)?;
            if looked_at_bytes > LOOKED_AT_BYTES_MAX {
                looked_at_bytes = 0;
                tokio::task::yield_now().await; // Also where the scan ends if the client has left.
            }
        }
        if began.elapsed() > wait {
            return Err(slow_listing());
        }
        if let Some(pause) = priority.pause() {
            tokio::time::sleep(pause).await;
        }
    }
    Ok(())
}

/// How many sources of a sum its shard is asked for at a time.
const SOURCES_AT_A_TIME: usize = 4096;

/// Goes through all sources of a sum.
pub(crate) async fn scan_sources(
    wait: Duration,
    shards: &Shards,
    sum: &GroupingKey,
    mut each: impl FnMut(GroupSummary) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (began, mut after) = (Instant::now(), Arc::<str>::default());
    loop {
        let (sources, _) = shards.sources(sum, &after, SOURCES_AT_A_TIME).await?;
        let Some(last) = sources.last() else { return Ok(()) };
        after = Arc::clone(&last.group.key);
        sources.into_iter().try_for_each(&mut each)?;
        if began.elapsed() > wait {
            return Err(slow_listing());
        }
        tokio::task::yield_now().await; // Also where the scan ends if the client has left.
    }
}

/// The page of the groups. Sorts only the groups that the page shows.
fn page(mut groups: Vec<GroupSummary>, query: &Query) -> Vec<GroupSummary> {
    let compare = |one: &GroupSummary, other: &GroupSummary| order(query, one, other);
    let start = query.offset.min(groups.len());
    let end = start.saturating_add(query.limit.unwrap_or(usize::MAX)).min(groups.len());
    if end < groups.len() {
        groups.select_nth_unstable_by(end, compare);
        groups.truncate(end);
    }
    if start > 0 && start < end {
        groups.select_nth_unstable_by(start, compare);
    }
    groups.drain(..start);
    groups.sort_unstable_by(compare);
    groups
}

fn order(query: &Query, one: &GroupSummary, other: &GroupSummary) -> Ordering {
    let by_key = one.group.key.cmp(&other.group.key);
    let order = match query.sort {
        Sort::Key => by_key,
        Sort::PushTime => one.pushed.cmp(&other.pushed),
        Sort::Series => one.series.cmp(&other.series),
        Sort::Bytes => one.bytes.cmp(&other.bytes),
    };
    let order = if query.is_descending { order.reverse() } else { order };
    order.then(by_key)
}

/// It took too long to go through all groups.
fn slow_listing() -> Failure {
    Failure::unavailable(format_args!(
        "going through all groups took more than {LISTING_WAIT:?}; name jobs with job=, use = instead of =~, or try again"
    ))
}

fn stopped() -> Failure {
    Failure::unavailable(
        "the query was stopped since another one was waiting; name jobs with job=, use = instead of =~, or try again",
    )
}

fn expensive() -> Failure {
    Failure::bad_request(format_args!(
        "parameter match[]: its regular expressions would read more than {REGEX_MATCHED_BYTES_MAX} bytes of label values, or a word boundary stands beside letters that are not ASCII in a long value; name jobs with job=, or use = instead of =~"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::NameRules;
    use crate::push::{GroupingKey, decode};
    use crate::shard::{Mode, Options};

    #[tokio::test]
    async fn a_listing_that_takes_too_long_is_given_up() {
        let options = Options {
            shards: 2,
            reserved: &[],
            limits: None,
            group_bytes_max: crate::shard::GROUP_BYTES_MAX,
            saving: None,
        };
        let (shards, _tasks) = Shards::start(&options);
        let key = GroupingKey::parse(b"/j", NameRules::Legacy).expect("a valid path");
        let batch = decode(&key, b"m 1\n", NameRules::Legacy).expect("a valid push");
        shards.push(key, Mode::Replace, batch, None).await.expect("it is the first");
        let runtime = Handle::current();
        let listing = tokio::task::spawn_blocking(move || {
            let (query, stop) = (Query::default(), CancellationToken::new());
            let list = |wait| matching(wait, &runtime, &shards, &query, &stop);
            (list(LISTING_WAIT), list(Duration::ZERO))
        });
        let (whole, given_up) = listing.await.expect("it does not panic");
        assert!(whole.is_ok_and(|whole| whole.len() == 1));
        assert_eq!(given_up.err().map(|it| it.to_string()), Some(slow_listing().to_string()));
    }
}
