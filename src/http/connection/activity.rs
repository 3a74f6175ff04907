//! What a connection has read, written and answered. The header, idle and answer timeouts look at these notes from time to
//! time, so that no request sets a timer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::Notify;

use crate::listen::Protocol;

/// A client that reads as much of an answer goes on reading it. The answers to the pings of HTTP/2 are less: a connection
/// that asks for nothing else is idle.
pub(crate) const WRITTEN_BYTES_MIN: u64 = 1 << 10;

/// What a connection has seen. Written where it happens, by plain stores but for one: its task is the only
/// one that reads and takes requests.
#[derive(Debug)]
pub(crate) struct Activity {
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
    /// Notified when an answer on this connection is cut: no other answer can follow it.
    cut: Arc<Notify>,
}

/// The activity of a connection at one moment. Two looks differ if the connection went on in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    taken: u64,
    /// In [`WRITTEN_BYTES_MIN`].
    written: u64,
    pub(crate) awaited: Awaited,
}

/// What the gateway waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The head of a request that has begun, or of the first.
    Head,
    /// An answer of ours, and the body that it may need.
    Answer,
    /// Another request, or that an answer is read.
    Request,
}

/// A request that is being answered, until it is dropped.
pub(crate) struct AtHand<'a>(&'a Activity);

impl Activity {
    pub(crate) fn new(protocol: Protocol) -> Activity {
        let zero = || AtomicU64::new(0);
        Activity {
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

    pub(crate) fn read(&self, bytes: usize) {
        self.read.store(self.read.load(Relaxed) + bytes as u64, Relaxed);
    }

    pub(crate) fn wrote(&self, bytes: usize) {
        self.written.store(self.written.load(Relaxed) + bytes as u64, Relaxed);
    }

    pub(crate) fn take_request(&self) {
        self.taken.store(self.taken.load(Relaxed) + 1, Relaxed);
    }

    /// The request that was taken is answered when this is dropped.
    pub(crate) fn at_hand(&self) -> AtHand<'_> {
        AtHand(self)
    }

    /// Notified when an answer on this connection is cut.
    pub(crate) fn cut(&self) -> &Arc<Notify> {
        &self.cut
    }

    /// How many requests have come.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }

    /// Whether a request is being answered.
    pub(crate) fn is_answering(&self) -> bool {
        self.taken() > self.answered.load(Relaxed)
    }

    /// Whether anything at all has come.
    pub(crate) fn has_begun(&self) -> bool {
        self.read.load(Relaxed) > 0
    }

    /// The activity now.
    pub(crate) fn look(&self) -> Look {
        let answered = self.answered.load(Relaxed);
        if answered != self.answered_when_seen.load(Relaxed) {
            self.answered_when_seen.store(answered, Relaxed);
            // A request that needs no body may be answered before it is there; then it is no next head.
            self.read_when_answered.store(self.read.load(Relaxed), Relaxed);
        }
        let written = self.written.load(Relaxed) / WRITTEN_BYTES_MIN;
        Look { taken: self.taken(), written, awaited: self.awaited() }
    }

    /// What the gateway waits for now. With HTTP/2 much is read that is no head.
    fn awaited(&self) -> Awaited {
        let taken = self.taken();
        let has_come = || self.read.load(Relaxed) > self.read_when_answered.load(Relaxed);
        if taken == 0 {
            Awaited::Head
        } else if self.is_answering() {
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
            let activity = Activity::new(protocol);
            assert_eq!((activity.awaited(), activity.has_begun()), (Awaited::Head, false));
            activity.read(40);
            assert_eq!((activity.awaited(), activity.has_begun()), (Awaited::Head, true));
            activity.take_request();
            let at_hand = activity.at_hand();
            activity.read(1000);
            assert_eq!(activity.awaited(), Awaited::Answer);
            drop(at_hand);
            assert_eq!(activity.awaited(), Awaited::Request);
            activity.read(1);
            let has_begun_a_head = protocol == Protocol::Http1;
            let awaited = if has_begun_a_head { Awaited::Head } else { Awaited::Request };
            assert_eq!(activity.awaited(), awaited);
        }
    }

    #[test]
    fn what_comes_just_behind_an_answer_is_no_head() {
        let activity = Activity::new(Protocol::Http1);
        activity.read(40);
        activity.take_request();
        drop(activity.at_hand());
        activity.read(1000);
        assert_eq!(activity.look().awaited, Awaited::Request, "the body of what was answered");
        assert_eq!(activity.look().awaited, Awaited::Request);
        activity.read(1);
        assert_eq!(activity.look().awaited, Awaited::Head);
    }
}
