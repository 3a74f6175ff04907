//! How far a connection is: noted in passing, looked at from time to time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::Notify;

use crate::listen::Protocol;

/// Who reads as much of an answer goes on reading it. The answers to the pings of HTTP/2 are less: a connection
/// that asks for nothing else is idle.
pub(in crate::http) const WRITTEN_BYTES_MIN: u64 = 1 << 10;

/// What a connection has seen. Written where it happens, by plain stores but for one: its task is the only
/// one that reads and takes requests.
#[derive(Debug)]
pub(in crate::http) struct Progress {
    protocol: Protocol,
    /// Bytes.
    read: AtomicU64,
    /// How many of them had been read when the last request was answered, or at the first look after that.
    read_when_answered: AtomicU64,
    /// Bytes.
    written: AtomicU64,
    /// Requests.
    taken: AtomicU64,
    answered: AtomicU64,
    /// How many of them at the last look.
    answered_when_seen: AtomicU64,
    /// Told when an answer on this connection is cut: nothing can follow it.
    cut: Arc<Notify>,
}

/// How far a connection is; another one when it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Look {
    taken: u64,
    /// In [`WRITTEN_BYTES_MIN`].
    written: u64,
    pub(in crate::http) awaited: Awaited,
}

/// What there is to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Awaited {
    /// The head of a request that has begun, or of the first.
    Head,
    /// An answer of ours, and the body that it may need.
    Answer,
    /// Another request, or that an answer is read.
    Request,
}

/// A request that is being answered, until it is dropped.
pub(in crate::http) struct AtHand<'a>(&'a Progress);

impl Progress {
    pub(in crate::http) fn new(protocol: Protocol) -> Progress {
        let zero = || AtomicU64::new(0);
        Progress {
            protocol,
            read: zero(),
            read_when_answered: zero(),
            written: zero(),
            taken: zero(),
            answered: zero(),
            answered_when_seen: zero(),
            cut: Arc::default(),
        }
    }

    pub(in crate::http) fn read(&self, bytes: usize) {
        self.read.store(self.read.load(Relaxed) + bytes as u64, Relaxed);
    }

    pub(in crate::http) fn wrote(&self, bytes: usize) {
        self.written.store(self.written.load(Relaxed) + bytes as u64, Relaxed);
    }

    pub(in crate::http) fn take_request(&self) {
        self.taken.store(self.taken.load(Relaxed) + 1, Relaxed);
    }

    /// The request that was taken is answered when this is dropped.
    pub(in crate::http) fn at_hand(&self) -> AtHand<'_> {
        AtHand(self)
    }

    /// What is told when an answer on this connection is cut.
    pub(in crate::http) fn cut(&self) -> &Arc<Notify> {
        &self.cut
    }

    /// How many requests have come.
    pub(in crate::http) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }

    /// Whether anything at all has come.
    pub(in crate::http) fn has_begun(&self) -> bool {
        self.read.load(Relaxed) > 0
    }

    /// How far it is now.
    pub(in crate::http) fn look(&self) -> Look {
        let answered = self.answered.load(Relaxed);
        if answered != self.answered_when_seen.load(Relaxed) {
            self.answered_when_seen.store(answered, Relaxed);
            // A request that needs no body may be answered before it is there; then it is no next head.
            self.read_when_answered.store(self.read.load(Relaxed), Relaxed);
        }
        let written = self.written.load(Relaxed) / WRITTEN_BYTES_MIN;
        Look { taken: self.taken(), written, awaited: self.awaited() }
    }

    /// What there is to wait for now. With HTTP/2 much is read that is no head.
    fn awaited(&self) -> Awaited {
        let taken = self.taken();
        let has_come = || self.read.load(Relaxed) > self.read_when_answered.load(Relaxed);
        if taken == 0 {
            Awaited::Head
        } else if taken > self.answered.load(Relaxed) {
            Awaited::Answer
        } else if self.protocol == Protocol::Http1 && has_come() {
            Awaited::Head
        } else {
            Awaited::Request
        }
    }
}

impl Drop for AtHand<'_> {
    fn drop(&mut self) {
        self.0.read_when_answered.store(self.0.read.load(Relaxed), Relaxed);
        self.0.answered.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_awaited_follows_from_what_has_come() {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let progress = Progress::new(protocol);
            assert_eq!((progress.awaited(), progress.has_begun()), (Awaited::Head, false));
            progress.read(40);
            assert_eq!((progress.awaited(), progress.has_begun()), (Awaited::Head, true));
            progress.take_request();
            let at_hand = progress.at_hand();
            progress.read(1000);
            assert_eq!(progress.awaited(), Awaited::Answer);
            drop(at_hand);
            assert_eq!(progress.awaited(), Awaited::Request);
            progress.read(1);
            let has_begun_a_head = protocol == Protocol::Http1;
            let awaited = if has_begun_a_head { Awaited::Head } else { Awaited::Request };
            assert_eq!(progress.awaited(), awaited);
        }
    }

    #[test]
    fn what_comes_just_behind_an_answer_is_no_head() {
        let progress = Progress::new(Protocol::Http1);
        progress.read(40);
        progress.take_request();
        drop(progress.at_hand());
        progress.read(1000);
        assert_eq!(progress.look().awaited, Awaited::Request, "the body of what was answered");
        assert_eq!(progress.look().awaited, Awaited::Request);
        progress.read(1);
        assert_eq!(progress.look().awaited, Awaited::Head);
    }
}
