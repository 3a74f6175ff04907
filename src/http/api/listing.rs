//! Which groups a query is about, and the page of them that it asks for.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::query::{Query, Sort};
use super::turn::Stop;
use crate::http::push_priority::Manners;
use crate::http::reply::Failure;
use crate::selector::{Effort, REGEX_MATCHED_BYTES_MAX, Spent};
use crate::shard::{GroupSummary, Shards};

/// How long it may take to go through all groups.
/// Less than requests may take once the gateway is asked to stop.
pub(in crate::http) const LISTING_WAIT: Duration = Duration::from_secs(20);

/// What a query has found.
#[derive(Debug)]
pub(super) struct Listing {
    /// How many groups there are.
    pub(super) total: usize,
    /// Those that are to be shown, in order.
    pub(super) groups: Vec<GroupSummary>,
}

/// The page of groups that a query asks for. Blocks, as [`matching`] does.
pub(super) fn list(
    runtime: &Handle,
    shards: &Shards,
    query: &Query,
    stop: &Stop,
) -> Result<Listing, Failure> {
    let groups = matching(runtime, shards, query, stop)?;
    Ok(Listing { total: groups.len(), groups: page(groups, query) })
}

/// Goes through all groups, pushes first, and finds those that a query is about, in no particular order. Blocks: each
/// group is looked at here, not by its shard.
fn matching(
    runtime: &Handle,
    shards: &Shards,
    query: &Query,
    stop: &Stop,
) -> Result<Vec<GroupSummary>, Failure> {
    matching_within(LISTING_WAIT, runtime, shards, query, stop)
}

fn matching_within(
    wait: Duration,
    runtime: &Handle,
    shards: &Shards,
    query: &Query,
    stop: &Stop,
) -> Result<Vec<GroupSummary>, Failure> {
    let (began, manners) = (Instant::now(), Manners::new(shards.clone()));
    let is_over = || stop.is_set() || began.elapsed() > wait;
    let why_over = || if stop.is_set() { Failure::StoppedQuery } else { Failure::SlowListing };
    let mut effort = Effort::new(REGEX_MATCHED_BYTES_MAX, &is_over);
    let mut roll = runtime.block_on(shards.scan(query.filter.escaped_jobs()))?;
    let mut groups = Vec::new();
    while let Some(next) = runtime.block_on(roll.next())? {
        for summary in next {
            match query.filter.matches(&summary.group.key, &mut effort) {
                Ok(true) => groups.push(summary),
                Ok(false) => {}
                Err(Spent::Bytes) => return Err(Failure::DearQuery),
                Err(Spent::Over) => return Err(why_over()),
            }
        }
        if is_over() {
            return Err(why_over());
        }
        if let Some(pause) = manners.pause() {
            std::thread::sleep(pause);
        }
    }
    Ok(groups)
}

/// Sorts no more than it has to: of many groups a page shows few.
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
            let (query, stop) = (Query::default(), Stop::default());
            let list = |wait| matching_within(wait, &runtime, &shards, &query, &stop);
            (list(LISTING_WAIT), list(Duration::ZERO))
        });
        let (whole, given_up) = listing.await.expect("it does not panic");
        assert!(whole.is_ok_and(|whole| whole.len() == 1));
        assert!(matches!(given_up, Err(Failure::SlowListing)));
    }
}
