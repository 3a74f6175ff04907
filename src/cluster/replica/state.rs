//! A replica, and all that its task needs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};

use super::staged::Staged;
use super::term::Term;
use crate::cluster::Options;
use crate::cluster::books::Books;
use crate::cluster::entry::Author;
use crate::cluster::log::{AppendError, Found, Log, LogError, Reader};
use crate::cluster::membership::Membership;
use crate::cluster::role::{Ends, Role, Terms};
use crate::shard::Shards;

/// How many bytes of the stream an entry takes beside its records, about.
pub(super) const ENTRY_BYTES: usize = 256;

/// Something that the replica was waiting for.
#[derive(Debug)]
pub(super) enum Event {
    Begun(Ends),
    Probed { sent: Duration, ends: Option<Ends> },
    Looked { sequence: u64, found: Option<Found> },
    Appended { attempt: u64, appended: Result<(), AppendError>, took: Duration },
    Purged(u64, Result<(), LogError>),
    Announced(Bytes),
    ReaderLost,
    Read(u64, Bytes),
}

/// One replica, and all that its task needs.
pub(super) struct Replica<L> {
    pub(super) log: L,
    pub(super) role: Role,
    pub(super) membership: Arc<Membership>,
    pub(super) shards: Shards,
    pub(super) books: Books,
    pub(super) lease: Duration,
    pub(super) started: Instant,
    pub(super) reader: Option<Reader>,
    pub(super) staged: Staged,
    /// What it does while it leads.
    pub(super) term: Option<Term>,
    pub(super) awaited: Arc<Notify>,
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) announced: Instant,
    pub(super) is_purging: bool,
    pub(super) is_left: bool,
}

impl<L: Log> Replica<L> {
    pub(super) fn new(
        log: L,
        options: &Options,
        membership: Arc<Membership>,
        shards: Shards,
        awaited: Arc<Notify>,
        events: mpsc::UnboundedSender<Event>,
    ) -> Replica<L> {
        let author = Author { id: membership.id().to_owned(), url: options.advertise.clone() };
        let lease = options.lease;
        // Each replica waits a little longer or shorter, so that not all take over at the same moment.
        let number = u64::from_str_radix(membership.id(), 16).unwrap_or_default();
        let patience = lease + lease / 10 * (1 + (number % 16) as u32) / 16;
        let terms = Terms {
            lease,
            patience,
            retry: lease / 10,
            #[cfg(test)]
            lease_from_receipt: false,
        };
        Replica {
            log,
            role: Role::new(Arc::new(author), terms),
            membership,
            shards,
            books: Books::default(),
            lease,
            started: Instant::now(),
            reader: None,
            staged: Staged::default(),
            term: None,
            awaited,
            events,
            announced: Instant::now(),
            is_purging: false,
            is_left: false,
        }
    }
}
