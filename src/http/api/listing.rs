//! Which groups a query is about, and the page of them that it asks for.

use std::cmp::Ordering;

use tokio::runtime::Handle;

use super::query::{Query, Sort};
use crate::shard::{GroupSummary, Shards, Unavailable};

/// What a query has found.
#[derive(Debug)]
pub(super) struct Listing {
    /// How many groups there are.
    pub(super) total: usize,
    /// Those that are to be shown, in order.
    pub(super) groups: Vec<GroupSummary>,
}

/// Goes through all groups. Blocks: each group is looked at here, not by its shard.
pub(super) fn list(
    runtime: &Handle,
    shards: &Shards,
    query: &Query,
) -> Result<Listing, Unavailable> {
    let mut roll = runtime.block_on(shards.roll(query.filter.escaped_jobs()))?;
    let mut groups = Vec::new();
    while let Some(next) = runtime.block_on(roll.next())? {
        groups.extend(next.into_iter().filter(|summary| query.filter.matches(&summary.group.key)));
    }
    Ok(Listing { total: groups.len(), groups: page(groups, query) })
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
