//! What can happen, in its order.

use std::sync::Arc;
use std::time::Duration;

use super::super::super::entry::Entry;
use super::super::super::role::{Ends, Look};

#[derive(Debug, Clone)]
pub(super) enum Event {
    Tick,
    Push,
    Scrape,
    Fault,
    /// A request reaches the stream.
    Appending {
        attempt: u64,
        sequence: u64,
        entry: Arc<Entry>,
    },
    Looking {
        sequence: u64,
    },
    Probing {
        sent: Duration,
    },
    Purging {
        up_to: u64,
    },
    /// An answer reaches the replica.
    Acknowledged {
        attempt: u64,
    },
    Doubted {
        attempt: u64,
    },
    Looked {
        sequence: u64,
        look: Option<Look>,
    },
    Probed {
        sent: Duration,
        ends: Option<Ends>,
    },
    Begin,
    Read {
        reader: u64,
    },
}

/// When, which in order at that moment, to which replica, in which of its lives, and what.
pub(super) type Happening = (u64, u64, usize, u64, Boxed);

/// An event, which takes no part in the order.
#[derive(Debug, Clone)]
pub(super) struct Boxed(pub(super) Box<Event>);

impl PartialEq for Boxed {
    fn eq(&self, _: &Boxed) -> bool {
        true
    }
}
impl Eq for Boxed {}
impl PartialOrd for Boxed {
    fn partial_cmp(&self, other: &Boxed) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Boxed {
    fn cmp(&self, _: &Boxed) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}
