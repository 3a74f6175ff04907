//! The part of the status page that shows the replica set.

use crate::ui::words::time::Moment;

/// The set, as this replica sees it.
#[derive(Debug)]
pub struct ReplicasPart {
    /// Names and values.
    pub facts: Vec<(&'static str, String)>,
    /// The replicas that were lately heard of.
    pub members: Vec<ReplicaLine>,
}

/// One replica.
#[derive(Debug)]
pub struct ReplicaLine {
    /// Where it is reached.
    pub url: String,
    /// What it does, in a word.
    pub role: &'static str,
    /// The last entry that it has applied.
    pub position: String,
    /// When it was last heard of.
    pub seen: Option<Moment>,
    /// Whether it is the one that made the page.
    pub is_this: bool,
}
