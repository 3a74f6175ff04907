//! What scrapes have found out about the names in a page.
//!
//! Kept apart from the renderings, which take each other's room: every scrape whose names are escaped
//! asks for this first, and must not displace with it what it asks for next.

use std::sync::{Arc, OnceLock};

/// What is known about the names in one state of a page. Found out at most once, by any thread.
#[derive(Debug, Default, Clone)]
pub struct Names {
    has_quoted: OnceLock<bool>,
    labels: OnceLock<Arc<[String]>>,
}

impl Names {
    /// Whether any name is in quotes.
    pub fn has_quoted(&self, find_out: impl FnOnce() -> bool) -> bool {
        *self.has_quoted.get_or_init(find_out)
    }

    /// The names of all labels.
    pub fn labels(&self, find_out: impl FnOnce() -> Arc<[String]>) -> &[String] {
        self.labels.get_or_init(find_out)
    }
}
