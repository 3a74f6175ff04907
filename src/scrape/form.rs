//! The form of an answer: everything that decides which bytes show the same samples.

use std::hash::Hash;
use std::sync::LazyLock;

use super::accept::Format;
use crate::exposition::Escaping;
use crate::shard::{Part, RenderingKey};

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Form {
    /// Its format.
    pub format: Format,
    /// How names outside the classic grammar are shown. A gateway that stores none of them says
    /// `AllowUtf8`, which needs no work.
    pub escaping: Escaping,
    /// Whether it is compressed.
    pub gzip: bool,
    /// The part of the groups that it shows, when several scrapers share them.
    pub part: Option<Part>,
}

impl Form {
    /// The text format, with all names and all groups as they are stored.
    pub const TEXT: Form =
        Form { format: Format::Text, escaping: Escaping::AllowUtf8, gzip: false, part: None };
}

/// A key for the renderings of pages that depend on `what` besides the page.
pub(super) fn rendering_key(what: impl Hash) -> RenderingKey {
    static HASHER: LazyLock<ahash::RandomState> = LazyLock::new(ahash::RandomState::new);
    RenderingKey(HASHER.hash_one(what))
}
