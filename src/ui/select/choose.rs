//! Chooses one page of any number of groups. The time grows with their number, and the memory does not.

use std::cmp::Ordering;

use crate::ui::select::filter::{Filter, PER_PAGE, Sort};
use crate::ui::select::row::Row;

/// How many rows are kept at least before rows are dropped, so that this is rare.
const KEPT_MIN: usize = 1024;

/// One page of a list, and the length of the whole list.
#[derive(Debug)]
pub struct Chosen<T> {
    /// What is on the page.
    pub shown: Vec<T>,
    /// How many there are on all pages.
    pub matching: usize,
}

/// Chooses one page of rows that come one by one. However many come, it keeps at most twice the rows on this page and the
/// pages before.
#[derive(Debug)]
pub struct Choice<T, C> {
    page: usize,
    per_page: usize,
    compare: C,
    kept: Vec<T>,
    /// The first row after the page, if there are so many: rows behind it are not kept.
    behind: Option<T>,
    matching: usize,
}

impl<T, C: Fn(&T, &T) -> Ordering> Choice<T, C> {
    /// The page of that number, from 1.
    pub(crate) fn new(page: usize, per_page: usize, compare: C) -> Choice<T, C> {
        Choice { page, per_page, compare, kept: Vec::new(), behind: None, matching: 0 }
    }

    /// One more.
    pub fn add(&mut self, one: T) {
        self.matching += 1;
        let compare = &self.compare;
        if self.behind.as_ref().is_some_and(|behind| compare(&one, behind).is_ge()) {
            return;
        }
        self.kept.push(one);
        let wanted = self.page.saturating_mul(self.per_page);
        if self.kept.len() >= wanted.saturating_mul(2).max(KEPT_MIN) {
            self.kept.select_nth_unstable_by(wanted, compare);
            self.kept.truncate(wanted + 1);
            self.behind = self.kept.pop();
        }
    }

    /// What is on the page, in order.
    pub fn page(self) -> Chosen<T> {
        let Choice { page, per_page, compare, kept: mut shown, matching, .. } = self;
        let start = (page - 1).saturating_mul(per_page);
        if start >= shown.len() {
            return Chosen { shown: Vec::new(), matching };
        }
        if start > 0 {
            shown.select_nth_unstable_by(start, &compare);
            shown = shown.split_off(start);
        }
        if shown.len() > per_page {
            shown.select_nth_unstable_by(per_page, &compare);
            shown.truncate(per_page);
        }
        shown.sort_unstable_by(&compare);
        Chosen { shown, matching }
    }
}

/// Chooses the page of groups that `filter` asks for. The caller leaves out groups that do not pass the filter.
pub fn choose(filter: &Filter) -> Choice<Row, impl Fn(&Row, &Row) -> Ordering + use<>> {
    let sort = filter.sort;
    in_order(filter, move |one: &Row, other: &Row| {
        let by = match sort {
            Sort::Job | Sort::Groups => one.job().cmp(other.job()),
            Sort::Age => other.pushed.cmp(&one.pushed),
            Sort::Failed => (one.has_failed(), one.failed).cmp(&(other.has_failed(), other.failed)),
            Sort::Families => one.families.cmp(&other.families),
            Sort::Series => one.series.cmp(&other.series),
            Sort::Bytes => one.bytes.cmp(&other.bytes),
            // Groups that do not expire come last.
            Sort::Expires => {
                let due = |row: &Row| (row.expires.is_none(), row.expires.map(|due| due.at));
                due(one).cmp(&due(other))
            }
        };
        (by, one.key.cmp(&other.key))
    })
}

/// The first `most` groups to look at: failing groups, then the groups that have been quiet for longest.
pub fn worst(most: usize) -> Choice<Row, impl Fn(&Row, &Row) -> Ordering> {
    Choice::new(1, most, |one: &Row, other: &Row| {
        let rank = |row: &Row| (!row.has_failed(), row.pushed);
        rank(one).cmp(&rank(other)).then_with(|| one.key.cmp(&other.key))
    })
}

/// The page that is asked for. `compare` says how two compare, and how they do where that is the same.
pub(crate) fn in_order<T, C: Fn(&T, &T) -> (Ordering, Ordering)>(
    filter: &Filter,
    compare: C,
) -> Choice<T, impl Fn(&T, &T) -> Ordering + use<T, C>> {
    let is_descending = filter.is_descending;
    Choice::new(filter.page, PER_PAGE, move |one: &T, other: &T| {
        let (by, otherwise) = compare(one, other);
        (if is_descending { by.reverse() } else { by }).then(otherwise)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::Timestamp;
    use crate::ui::select::row::tests::row;

    /// The jobs on a page of 120 groups, whose series are 0 to 9, 12 times over.
    fn page(query: &str) -> (Vec<String>, usize) {
        let filter = Filter::parse(query).expect("it makes sense");
        let mut choice = choose(&filter);
        for at in 0..120_u64 {
            let mut row = row(&format!("/j{:03}", at * 7 % 120), at, 0);
            row.series = at % 10;
            if filter.takes(&row, Timestamp::now()) {
                choice.add(row);
            }
        }
        let chosen = choice.page();
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
    }

    #[test]
    fn few_are_kept_of_many() {
        let mut choice = Choice::new(2, 3, |one: &u32, other: &u32| one.cmp(other));
        let many = 10 * KEPT_MIN as u32;
        for at in 0..many {
            choice.add(at * 7919 % many); // 7919 is prime, so each comes once.
            assert!(choice.kept.len() < KEPT_MIN);
        }
        let chosen = choice.page();
        assert_eq!((chosen.shown, chosen.matching), (vec![3, 4, 5], many as usize));
    }

    #[test]
    fn a_page_behind_the_last_is_empty() {
        assert_eq!(page(&format!("page={}", 1_u64 << 32)).0.len(), 0);
    }
}
