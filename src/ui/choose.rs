//! Filters and sorts: one page out of any number of groups, in a time that grows with their number only.

use std::cmp::Ordering;

use super::filter::{Filter, PER_PAGE, Sort};
use super::row::Row;
use crate::shard::Timestamp;

/// One page of something, and how much there is of it.
#[derive(Debug)]
pub struct Chosen<T> {
    /// What is on the page.
    pub shown: Vec<T>,
    /// How many there are on all pages.
    pub matching: usize,
}

/// A page of the groups that the filter takes.
pub fn choose(mut rows: Vec<Row>, filter: &Filter, now: Timestamp) -> Chosen<Row> {
    rows.retain(|row| filter.takes(row, now));
    page_of(rows, filter, |one, other| {
        let by = match filter.sort {
            Sort::Job | Sort::Groups => one.job().cmp(other.job()),
            Sort::Age => other.pushed.cmp(&one.pushed),
            Sort::Failed => (one.has_failed(), one.failed).cmp(&(other.has_failed(), other.failed)),
            Sort::Families => one.families.cmp(&other.families),
            Sort::Series => one.series.cmp(&other.series),
            Sort::Bytes => one.bytes.cmp(&other.bytes),
        };
        (by, one.key.cmp(&other.key))
    })
}

/// The groups to look at first, so many of them: those that fail, then those that have waited longest.
pub fn worst(mut rows: Vec<Row>, most: usize) -> Vec<Row> {
    rows.sort_unstable_by(|one, other| {
        let rank = |row: &Row| (!row.has_failed(), row.pushed);
        rank(one).cmp(&rank(other)).then_with(|| one.key.cmp(&other.key))
    });
    rows.truncate(most);
    rows
}

/// The page that is asked for. `compare` says how two compare, and how they do where that is the same.
pub(super) fn page_of<T>(
    mut all: Vec<T>,
    filter: &Filter,
    compare: impl Fn(&T, &T) -> (Ordering, Ordering),
) -> Chosen<T> {
    let compare = |one: &T, other: &T| {
        let (by, otherwise) = compare(one, other);
        (if filter.is_descending { by.reverse() } else { by }).then(otherwise)
    };
    let matching = all.len();
    let start = (filter.page - 1).saturating_mul(PER_PAGE);
    if start >= matching {
        return Chosen { shown: Vec::new(), matching };
    }
    if start > 0 {
        all.select_nth_unstable_by(start, compare);
        all = all.split_off(start);
    }
    if all.len() > PER_PAGE {
        all.select_nth_unstable_by(PER_PAGE, compare);
        all.truncate(PER_PAGE);
    }
    all.sort_unstable_by(compare);
    Chosen { shown: all, matching }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;

    /// The jobs on a page of 120 groups, whose series are 0 to 9, 12 times over.
    fn page(query: &str) -> (Vec<String>, usize) {
        let mut rows: Vec<_> =
            (0..120_u64).map(|at| row(&format!("/j{:03}", at * 7 % 120), at, 0)).collect();
        for (at, row) in rows.iter_mut().enumerate() {
            row.series = at as u64 % 10;
        }
        let filter = Filter::parse(query).expect("it makes sense");
        let chosen = choose(rows, &filter, Timestamp::now());
        (chosen.shown.iter().map(|row| row.job().to_owned()).collect(), chosen.matching)
    }

    #[test]
    fn pages_are_what_sorting_everything_would_give() {
        for sort in ["job", "age", "failed", "families", "series", "bytes"] {
            for order in ["asc", "desc"] {
                let of = |at| page(&format!("sort={sort}&order={order}&page={at}")).0;
                let all = [of(1), of(2), of(3)].concat();
                assert_eq!((all.len(), of(3).len(), of(4).len()), (120, 20, 0));
                let mut distinct = all.clone();
                distinct.sort_unstable();
                distinct.dedup();
                assert_eq!(distinct.len(), 120, "{sort} {order}");
                if sort == "job" {
                    assert_eq!(all.is_sorted(), order == "asc");
                }
            }
        }
        let (by_age, _) = page("sort=age");
        assert_eq!(by_age[0], format!("j{:03}", 119 * 7 % 120), "the youngest comes first");
        assert_eq!(page("q=j01").1, 10);
        assert_eq!(page(&format!("page={}", 1_u64 << 32)).0.len(), 0);
    }
}
