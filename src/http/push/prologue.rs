//! What push, place and check do before a shard hears of the push: access, body and decoding.
//!
//! Start at [`Prologue::receive`], or at [`Prologue::decode`] where the body has been read.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use tokio::sync::watch;

use crate::access::{Access, Caller, Exhausted};
use crate::config::{Bounds, Config};
use crate::exposition::{Quoted, unescape};
use crate::http::body::in_flight::{InFlight, Room};
use crate::http::body::read::collect;
use crate::http::failure::{Cause, Failure};
use crate::http::push::decoders::Decoders;
use crate::http::push::elsewhere::Elsewhere;
use crate::http::push::format::Format;
use crate::http::request::admission::{Sender, count_denied};
use crate::http::storage::Storage;
use crate::push::{
    Allowance, Batch, Encoding, GroupingKey, Guess, InflateError, Rejected, Rules, guess, inflate,
};
use crate::rules::{Asked, GroupRules, PushId};
use crate::shard::{Bound, Mode};

/// A body that is larger than this, or may come to more once rendered, is decoded on a thread of its own, so that
/// no other request waits behind it.
const DECODED_INLINE_BYTES_MAX: usize = 256 << 10;
/// A packed body that is larger than this, as sent or unpacked, is unpacked there too.
const UNPACKED_INLINE_BYTES_MAX: usize = 64 << 10;
/// The memory that a shard takes for each series of a batch while it finds out what the batch changes.
const SERIES_APPLIED_BYTES: usize = 64;
/// A batch larger than this takes room in flight until its shard has applied it.
const UNCOUNTED_BATCH_BYTES_MAX: usize = 64 << 10;

/// What pushes need before they reach a shard.
#[derive(Debug)]
pub(crate) struct Prologue {
    pub(crate) storage: Storage,
    pub(crate) config: Arc<Config>,
    pub(crate) access: Arc<Access>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) decoders: Decoders,
    pub(crate) elsewhere: Elsewhere,
    /// The rules for groups, as they are now; `None` without a file of them.
    pub(crate) group_rules: Option<watch::Receiver<Arc<GroupRules>>>,
}

/// A push whose body has been read and decoded.
pub(crate) struct Received<'r> {
    pub(crate) key: GroupingKey,
    pub(crate) batch: Result<Batch, Failure>,
    /// The memory that the push takes, until its shard has applied it.
    pub(crate) room: Room<&'r InFlight>,
}

impl Prologue {
    fn rules(&self) -> Rules {
        let Bounds { labels_max, label_bytes_max, .. } = self.config.bounds;
        Rules { names: self.config.name_rules, labels_max, label_bytes_max }
    }

    /// The group of a path; `tail` is what follows `/job`.
    pub(crate) fn key(&self, tail: &[u8]) -> Result<GroupingKey, Failure> {
        let rules = self.rules();
        let key = GroupingKey::parse(tail, rules.names)?;
        rules.check_key(&key)?;
        Ok(key)
    }

    /// Reads and decodes the push of a request, if its sender may push to the group and groups may be changed. Notes in
    /// `body_bytes` how large the body was.
    pub(crate) async fn receive(
        &self,
        tail: &[u8],
        headers: &HeaderMap,
        body: &mut Incoming,
        sender: &Sender<'_>,
        body_bytes: &mut u64,
    ) -> Result<Received<'_>, Failure> {
        let key = self.key(tail)?;
        sender.caller.may_push(&unescape(key.job()))?;
        let format = Format::of(headers)?;
        self.storage.writable().await?;
        let bytes_max = sender.caller.body_bytes_max(self.body_bytes_max());
        let mut room = self.room().sent_by(sender.client.source.host());
        let body = collect(body, bytes_max, &mut room, self.body_wait()).await?;
        *body_bytes = body.len() as u64;
        let mut received = self.decode(key, body, format, bytes_max, room).await;
        if let Ok(batch) = &received.batch {
            let families = batch.families.iter().map(|family| (batch.name(family), family.kind));
            let job = || unescape(received.key.job()).into_owned();
            if let Err(denied) = sender.caller.may_push_families(job, families) {
                received.batch = Err(denied.into());
            }
        }
        self.storage.writable().await?; // Still.
        Ok(received)
    }

    /// What the headers of a push ask for, where the rules allow it.
    pub(crate) fn asked(
        &self,
        key: &GroupingKey,
        mode: Mode,
        headers: &HeaderMap,
    ) -> Result<Asked, Failure> {
        let Some(rules) = &self.group_rules else { return Ok(Asked::default()) };
        let value = |name| headers.get(name).map(HeaderValue::as_bytes);
        let (expire, merge) = (value("shardgate-expire"), value("shardgate-merge"));
        let id = value("idempotency-key").or_else(|| value("shardgate-push-id"));
        if expire.is_none() && merge.is_none() && id.is_none() {
            return Ok(Asked::default());
        }
        let applied = rules.borrow().apply_to(key.text());
        let mut asked = applied.asked(expire, merge, mode == Mode::Add);
        if let (Ok(asked), Some(id)) = (&mut asked, id)
            && applied.aggregate.is_some_and(|said| said.value.needs_push_id())
        {
            asked.id = Some(PushId::read(id).map_err(Failure::bad_request)?);
        }
        asked.map_err(Failure::bad_request)
    }

    /// Reads the body of a form or a check. Returns it with its room.
    pub(crate) async fn read(
        &self,
        body: &mut Incoming,
        bytes_max: usize,
    ) -> Result<(Bytes, Room<&InFlight>), Failure> {
        let mut room = self.room();
        let body = collect(body, bytes_max, &mut room, self.body_wait()).await?;
        Ok((body, room))
    }

    /// No room yet.
    pub(crate) fn room(&self) -> Room<&InFlight> {
        Room::of(&*self.in_flight)
    }

    pub(crate) fn body_bytes_max(&self) -> usize {
        self.config.bounds.body_bytes_max
    }

    pub(crate) fn body_wait(&self) -> Duration {
        self.config.web.body_wait
    }

    /// Decodes a body that has its room: here if that is quick, else on a decoder thread.
    pub(crate) async fn decode<'r>(
        &'r self,
        key: GroupingKey,
        body: Bytes,
        format: Format,
        bytes_max: usize,
        mut room: Room<&'r InFlight>,
    ) -> Received<'r> {
        let (rules, rendered_bytes_max) = (self.rules(), self.config.bounds.rendered_bytes_max);
        let (encoding, body) = match unpack_small(format.encoding, body, bytes_max, &mut room) {
            Ok(unpacked) => unpacked,
            Err(failure) => return Received { key, batch: Err(failure), room },
        };
        if encoding == Encoding::Identity && is_small(&key, &body, format) {
            let batch = decode_in(&mut room, rendered_bytes_max, format, &key, body, rules);
            return Received { key, batch, room };
        }
        // The room goes along: the client may leave.
        let mut room = room.through(Arc::clone(&self.in_flight));
        let decode = move || {
            let packed = body.clone();
            let body = inflate(encoding, body, bytes_max, |bytes| room.take(bytes));
            let body = body.map_err(|error| not_unpacked(error, &packed));
            drop(packed);
            let batch = body.and_then(|body| {
                decode_in(&mut room, rendered_bytes_max, format, &key, body, rules)
            });
            (key, batch, room)
        };
        let (key, batch, room) = self.decoders.run(decode).await;
        Received { key, batch, room: room.through(&*self.in_flight) }
    }

    /// The failure in the words of the caller's quota, if the quota is the reason. Counts what is denied.
    pub(crate) fn explained(&self, failure: Failure, caller: &Caller) -> Failure {
        let failure = match failure.cause() {
            Cause::TooLarge => {
                caller.too_large(self.body_bytes_max()).map_or(failure, Failure::from)
            }
            _ => failure,
        };
        count_denied(&self.access, &failure);
        if let Cause::Quota(bound) = failure.cause() {
            caller.refused(match bound {
                Bound::Groups => Exhausted::Groups,
                Bound::Series => Exhausted::Series,
                Bound::Bytes => Exhausted::Bytes,
            });
        }
        failure
    }
}

/// Decodes a body that has its room. The decoded form takes room before it exists; in the end the room is that of the
/// batch.
fn decode_in<F: Deref<Target = InFlight>>(
    room: &mut Room<F>,
    rendered_bytes_max: usize,
    format: Format,
    key: &GroupingKey,
    body: Bytes,
    rules: Rules,
) -> Result<Batch, Failure> {
    let body_bytes = room.bytes();
    let mut hold = |bytes| room.change_to(body_bytes + bytes);
    let allowance = Allowance::new(rendered_bytes_max, &mut hold);
    let batch = format.decode(key, &body, rules, allowance);
    let batch = batch.map_err(|rejected| not_decoded(rejected, &body))?;
    drop(body); // Before its room goes to others.
    let bytes = batch.memory_bytes() + batch.series_len() * SERIES_APPLIED_BYTES;
    let has_room = room.change_to(if bytes > UNCOUNTED_BATCH_BYTES_MAX { bytes } else { 0 });
    if has_room { Ok(batch) } else { Err(Failure::no_room()) }
}

/// Whether a body is decoded so soon that others can wait for it.
fn is_small(key: &GroupingKey, body: &[u8], format: Format) -> bool {
    body.len() <= DECODED_INLINE_BYTES_MAX
        && format.expected_bytes(key, body) <= DECODED_INLINE_BYTES_MAX * 3 / 2
}

/// Unpacks a body that is small both packed and unpacked. Returns any other body as it is.
fn unpack_small(
    encoding: Encoding,
    body: Bytes,
    bytes_max: usize,
    room: &mut Room<&InFlight>,
) -> Result<(Encoding, Bytes), Failure> {
    if encoding == Encoding::Identity || body.len() > UNPACKED_INLINE_BYTES_MAX {
        return Ok((encoding, body));
    }
    let (packed_bytes, unpacked_bytes_max) =
        (room.bytes(), bytes_max.min(UNPACKED_INLINE_BYTES_MAX));
    match inflate(encoding, body.clone(), unpacked_bytes_max, |bytes| room.take(bytes)) {
        Ok(unpacked) => Ok((Encoding::Identity, unpacked)),
        Err(InflateError::TooLarge) => {
            room.change_to(packed_bytes);
            Ok((encoding, body))
        }
        Err(error) => Err(not_unpacked(error, &body)),
    }
}

/// The failure of a body that cannot be read, with what the body looks like.
fn not_decoded(rejected: Rejected, body: &[u8]) -> Failure {
    let is_unreadable = matches!(rejected, Rejected::Syntax(_));
    let failure = Failure::from(rejected);
    match guess(body) {
        Some(guess) if is_unreadable => {
            failure.with_advice(format_args!("the body looks like {guess}"))
        }
        _ => failure,
    }
}

/// The same for a body that is not compressed as its head says.
fn not_unpacked(error: InflateError, body: &[u8]) -> Failure {
    /// Enough to recognize it.
    const SHOWN_BYTES: usize = 24;
    let is_corrupt = matches!(error, InflateError::Corrupt(..));
    let failure = Failure::from(error);
    match guess(body) {
        _ if !is_corrupt => failure,
        // It is what it should be, and damaged.
        Some(Guess::Gzip | Guess::FramedSnappy) => failure,
        Some(guess) => failure.with_advice(format_args!("the body looks like {guess}")),
        None => {
            let start = Quoted(&body[..body.len().min(SHOWN_BYTES)]);
            failure.with_advice(format_args!("the body begins with {start}"))
        }
    }
}
