//! The links between the pages of a list.

use crate::ui::select::filter::{Filter, PER_PAGE};
use crate::ui::words::quantity::count;

/// Links to the pages before and behind this one.
#[derive(Debug)]
pub struct Pager {
    pub(crate) shown: String,
    pub(crate) first: Option<String>,
    pub(crate) before: Option<String>,
    pub(crate) next: Option<String>,
    pub(crate) last: Option<String>,
}

impl Pager {
    /// For a page of a filtered list: `matching` rows on all pages, `here` of them on this page.
    pub fn new(filter: &Filter, matching: usize, here: usize) -> Pager {
        let link = |page: usize| format!("?{}", filter.at_page(page));
        Pager::with(filter.page, PER_PAGE, matching, here, link)
    }

    /// For the page `page`, counted from 1, of pages with `per_page` rows.
    pub(crate) fn with(
        page: usize,
        per_page: usize,
        matching: usize,
        here: usize,
        link: impl Fn(usize) -> String,
    ) -> Pager {
        let pages = matching.div_ceil(per_page).max(1);
        let start = (page - 1).saturating_mul(per_page);
        let shown = if here == 0 {
            format!("none of {}", count(matching as u64))
        } else {
            let (from, to) = (count(start as u64 + 1), count((start + here) as u64));
            format!("{from}–{to} of {}", count(matching as u64))
        };
        Pager {
            shown,
            first: (page > 2).then(|| link(1)),
            before: (page > 1).then(|| link((page - 1).min(pages))),
            next: (page < pages).then(|| link(page + 1)),
            last: (page + 1 < pages).then(|| link(pages)),
        }
    }

    /// Whether there is anywhere to go.
    pub(crate) fn has_others(&self) -> bool {
        self.before.is_some() || self.next.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_that_exist_are_linked() {
        let pager = |query: &str, matching, here| {
            Pager::new(&Filter::parse(query).expect("it makes sense"), matching, here)
        };
        let only = pager("", 50, 50);
        assert!(!only.has_others() && only.shown == "1–50 of 50");
        let middle = pager("page=3&q=x", 1234, 50);
        assert_eq!(middle.shown, "101–150 of 1,234");
        assert_eq!(middle.first.as_deref(), Some("?q=x"));
        assert_eq!(middle.before.as_deref(), Some("?q=x&page=2"));
        assert_eq!(middle.next.as_deref(), Some("?q=x&page=4"));
        assert_eq!(middle.last.as_deref(), Some("?q=x&page=25"));
        let behind = pager("page=99", 120, 0);
        assert_eq!((behind.before.as_deref(), behind.next), (Some("?page=3"), None));
    }
}
