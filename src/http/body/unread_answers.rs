//! Unread answers: they wait for their clients, and one budget bounds the memory that they hold.
//!
//! An answer holds references to buffers. A buffer that is also part of the stored pages costs nothing more. A buffer that
//! only answers hold is *pinned*. When more than [`UNREAD_BYTES_MAX`] is pinned, the answers whose clients have read nothing
//! for the longest time are cut. A new answer is never rejected.
//!
//! Start reading at [`Unread::keep`].

use std::collections::{BTreeMap, HashMap, VecDeque, hash_map::Entry};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use hyper::Version;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::http::body::cut::{Cut, SCRAPE_SEND_WAIT, UNREAD_BYTES_MAX};

/// How many requests of one HTTP/2 connection are answered at a time, each on a stream of its own.
pub(crate) const STREAMS_MAX: u32 = 128;
/// An answer that is not larger is not counted: a connection costs more by itself.
const UNCOUNTED_ANSWER_BYTES_MAX: u64 = 16 << 10;

/// The same for an answer of this version of HTTP. A connection of HTTP/2 can leave an answer unread on each of its streams.
pub(crate) fn uncounted_bytes_max(version: Version) -> u64 {
    let answers = if version == Version::HTTP_2 { u64::from(STREAMS_MAX) } else { 1 };
    UNCOUNTED_ANSWER_BYTES_MAX / answers
}

/// The budget of all unread answers.
#[derive(Debug)]
pub(crate) struct Unread {
    bytes_max: usize,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
struct Ledger {
    /// Each buffer once.
    buffers: HashMap<Place, Buffer>,
    /// All buffers together.
    bytes: usize,
    /// The answers; the one that was read from last is at the end.
    answers: BTreeMap<u64, Weak<Waiting>>,
    turns: u64,
}

/// Where a buffer begins, and its length.
type Place = (usize, usize);

/// A buffer. All answers hold it through this one reference, so it is unique once nothing else holds it.
#[derive(Debug)]
struct Buffer {
    bytes: Arc<Bytes>,
    holders: usize,
}

/// An answer until its last byte is written, or it is cut.
#[derive(Debug)]
struct Waiting {
    unread: Arc<Unread>,
    state: Mutex<State>,
    /// Closes the connection that the answer is sent on.
    connection: OnceLock<Arc<Notify>>,
    expiring: OnceLock<AbortHandle>,
}

#[derive(Debug)]
struct State {
    /// The buffers that have not been taken to be written.
    rest: VecDeque<Arc<Bytes>>,
    /// How many bytes have been taken, and are not written yet.
    taken_bytes: usize,
    /// The key of the answer in the ledger.
    turn: u64,
    cut: Option<Cut>,
}

impl Default for Unread {
    fn default() -> Unread {
        Unread::new(UNREAD_BYTES_MAX)
    }
}

impl Unread {
    fn new(bytes_max: usize) -> Unread {
        Unread { bytes_max, ledger: Mutex::default() }
    }

    /// Keeps an answer until it is read. Cuts others that were read from longer ago if too much is pinned.
    pub(crate) fn keep(self: &Arc<Self>, chunks: VecDeque<Bytes>) -> Kept {
        let answer_bytes: usize = chunks.iter().map(Bytes::len).sum();
        let rest = VecDeque::with_capacity(chunks.len());
        let state = State { rest, taken_bytes: 0, turn: 0, cut: None };
        let waiting = Arc::new(Waiting {
            unread: Arc::clone(self),
            state: Mutex::new(state),
            connection: OnceLock::new(),
            expiring: OnceLock::new(),
        });
        let own_turn = {
            let (mut state, mut ledger) = (lock(&waiting.state), lock(&self.ledger));
            for chunk in chunks {
                state.rest.push_back(ledger.hold(chunk));
            }
            state.turn = ledger.enter(Arc::downgrade(&waiting));
            state.turn
        };
        let expiring = tokio::spawn({
            let waiting = Arc::downgrade(&waiting);
            async move {
                tokio::time::sleep(SCRAPE_SEND_WAIT).await;
                if let Some(waiting) = waiting.upgrade() {
                    waiting.cut(Cut::Expired);
                }
            }
        });
        drop(waiting.expiring.set(expiring.abort_handle()));
        self.make_room(answer_bytes, own_turn);
        Kept(waiting)
    }

    /// How many bytes of answers are counted.
    #[cfg(test)]
    pub(crate) fn counted_bytes(&self) -> usize {
        lock(&self.ledger).bytes
    }

    /// Cuts the slowest answers until no more is pinned than may be, but none from `own_turn` on.
    fn make_room(&self, answer_bytes: usize, own_turn: u64) {
        let bytes_max = self.bytes_max.max(answer_bytes);
        // What a closed connection still has to let go of.
        let mut leaving_bytes = 0;
        loop {
            let slowest = {
                let mut ledger = lock(&self.ledger);
                let bytes_max = bytes_max + leaving_bytes;
                if ledger.bytes <= bytes_max || ledger.pinned() <= bytes_max {
                    return;
                }
                match ledger.answers.first_key_value() {
                    Some((turn, _)) if *turn < own_turn => ledger.answers.pop_first(),
                    _ => return,
                }
            };
            // Not under the lock of the ledger, which the answer takes itself.
            if let Some(slowest) = slowest.and_then(|(_, slowest)| slowest.upgrade()) {
                slowest.cut(Cut::Slowest);
                leaving_bytes += lock(&slowest.state).taken_bytes;
            }
        }
    }

    /// Takes back one hold on each of these buffers.
    fn release(&self, buffers: impl IntoIterator<Item = Arc<Bytes>>) {
        let mut freed = Vec::new(); // Not under the lock: some are large.
        let mut ledger = lock(&self.ledger);
        for buffer in buffers {
            freed.extend(ledger.release(place(&buffer)));
            freed.push(buffer);
        }
        drop(ledger);
    }
}

fn place(buffer: &Bytes) -> Place {
    (buffer.as_ptr() as usize, buffer.len())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    fn hold(&mut self, chunk: Bytes) -> Arc<Bytes> {
        let buffer = self.buffers.entry(place(&chunk)).or_insert_with(|| {
            self.bytes += chunk.len();
            Buffer { bytes: Arc::new(chunk), holders: 0 }
        });
        buffer.holders += 1;
        Arc::clone(&buffer.bytes)
    }

    /// Takes back one hold, and gives the buffer away if it was the last.
    fn release(&mut self, place: Place) -> Option<Arc<Bytes>> {
        let Entry::Occupied(mut known) = self.buffers.entry(place) else { return None };
        known.get_mut().holders -= 1;
        if known.get().holders > 0 {
            return None;
        }
        self.bytes -= place.1;
        Some(known.remove().bytes)
    }

    fn enter(&mut self, waiting: Weak<Waiting>) -> u64 {
        self.turns += 1;
        self.answers.insert(self.turns, waiting);
        self.turns
    }

    /// How many bytes are in memory only since answers hold them.
    fn pinned(&self) -> usize {
        let pinned = self.buffers.values().filter(|buffer| buffer.bytes.is_unique());
        pinned.map(|buffer| buffer.bytes.len()).sum()
    }
}

impl Waiting {
    /// Frees the part that has not been taken, and has the connection closed.
    fn cut(&self, why: Cut) {
        if self.give_up(Some(why)) {
            tracing::debug!(err = %why, "an answer was cut");
            if let Some(connection) = self.connection.get() {
                connection.notify_one();
            }
        }
    }

    /// Whether it had not been cut yet.
    fn give_up(&self, why: Option<Cut>) -> bool {
        let (rest, is_first) = {
            let mut state = lock(&self.state);
            let is_first = state.cut.is_none();
            state.cut = state.cut.or(why);
            (std::mem::take(&mut state.rest), is_first)
        };
        self.unread.release(rest);
        is_first
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(expiring) = self.expiring.get() {
            expiring.abort();
        }
        let turn = lock(&self.state).turn;
        lock(&self.unread.ledger).answers.remove(&turn);
    }
}

/// The answer as the body that is sent has it.
#[derive(Debug)]
pub(crate) struct Kept(Arc<Waiting>);

impl Kept {
    /// The next chunk; `None` behind the last.
    pub(crate) fn next(&self) -> Result<Option<Bytes>, Cut> {
        let mut state = lock(&self.0.state);
        if let Some(cut) = state.cut {
            return Err(cut);
        }
        let Some(buffer) = state.rest.pop_front() else { return Ok(None) };
        state.taken_bytes += buffer.len();
        let mut ledger = lock(&self.0.unread.ledger);
        let turn = state.turn;
        ledger.answers.remove(&turn);
        state.turn = ledger.enter(Arc::downgrade(&self.0));
        drop((ledger, state));
        Ok(Some(Bytes::from_owner(Taken { buffer, of: Arc::clone(&self.0) })))
    }

    /// Says which connection to close when the answer is cut.
    pub(crate) fn sent_on(&self, connection: &Arc<Notify>) {
        drop(self.0.connection.set(Arc::clone(connection)));
        if lock(&self.0.state).cut.is_some() {
            connection.notify_one();
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.give_up(None);
    }
}

/// A buffer that has been taken to be written. The answer waits until the last of them has gone.
struct Taken {
    buffer: Arc<Bytes>,
    of: Arc<Waiting>,
}

impl AsRef<[u8]> for Taken {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        lock(&self.of.state).taken_bytes -= self.buffer.len();
        self.of.unread.release([Arc::clone(&self.buffer)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(bytes: usize) -> Bytes {
        vec![b'x'; bytes].into()
    }

    fn keep(unread: &Arc<Unread>, chunks: &[Bytes]) -> Kept {
        unread.keep(chunks.iter().cloned().collect())
    }

    fn bytes(unread: &Unread) -> (usize, usize) {
        let ledger = lock(&unread.ledger);
        (ledger.bytes, ledger.answers.len())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_read_in_time_is_cut_and_its_connection_closed() {
        let unread = Arc::new(Unread::new(100));
        let kept = unread.keep([chunk(10), chunk(20)].into());
        let connection = Arc::new(Notify::new());
        kept.sent_on(&connection);
        tokio::time::sleep(SCRAPE_SEND_WAIT / 2).await;
        assert_eq!(kept.next().map(|chunk| chunk.map(|chunk| chunk.len())), Ok(Some(10)));
        connection.notified().await;
        assert_eq!(kept.next(), Err(Cut::Expired));
        assert_eq!(bytes(&unread).0, 0);
    }

    #[tokio::test]
    async fn the_answer_that_was_read_from_longest_ago_is_cut_and_never_a_new_one() {
        let unread = Arc::new(Unread::new(100));
        let [mut one, other, third] =
            [0; 3].map(|_| Some(unread.keep([chunk(20), chunk(20)].into())));
        // All of the third is more than there is room for: the first goes.
        let first = one.take().expect("it is there");
        assert_eq!(first.next(), Err(Cut::Slowest));
        let [other, third] = [other, third].map(|kept| kept.expect("it is there"));
        let taken = other.next().expect("it is not cut");
        let fourth = unread.keep([chunk(40)].into());
        assert_eq!(third.next(), Err(Cut::Slowest), "the other has been read from since");
        let huge = unread.keep([chunk(1000)].into());
        assert!(other.next().is_err() && fourth.next().is_err());
        assert_eq!(huge.next().map(|chunk| chunk.map(|chunk| chunk.len())), Ok(Some(1000)));
        drop((first, other, third, fourth, huge, taken));
        assert_eq!(bytes(&unread), (0, 0));
    }

    #[tokio::test]
    async fn what_is_still_stored_or_shared_costs_nothing_more() {
        let unread = Arc::new(Unread::new(100));
        let stored = chunk(90);
        let kept: Vec<_> = (0..100).map(|_| keep(&unread, &[stored.clone(), chunk(1)])).collect();
        let cut = || kept.iter().filter(|kept| lock(&kept.0.state).cut.is_some()).count();
        assert_eq!(cut(), 0, "a hundred bytes are pinned, one for each");
        drop(stored); // Now it is pinned as well, once.
        let _last = unread.keep([chunk(1)].into());
        assert_eq!(cut(), 91, "each gives up its own byte");
    }

    #[tokio::test]
    async fn an_answer_counts_until_its_last_byte_is_written() {
        let unread = Arc::new(Unread::new(100));
        let kept = unread.keep([chunk(60)].into());
        let taken = kept.next().expect("it is not cut");
        drop(kept);
        assert_eq!(bytes(&unread), (60, 1));
        drop(taken);
        assert_eq!(bytes(&unread), (0, 0));
    }
}
