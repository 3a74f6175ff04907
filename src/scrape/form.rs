//! The form of an answer: everything that decides which bytes show the same samples.

use std::sync::LazyLock;

use crate::shard::{Part, RenderingKey};

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Form {
    /// Whether it is compressed.
    pub gzip: bool,
    /// The part of the groups that it shows, when several scrapers share them.
    pub part: Option<Part>,
}

impl Form {
    /// Names the rendering of a page in this form.
    pub(super) fn key(self, is_deflated: bool) -> RenderingKey {
        static HASHER: LazyLock<ahash::RandomState> = LazyLock::new(ahash::RandomState::new);
        RenderingKey(HASHER.hash_one((self, is_deflated)))
    }
}
