//! Pushes and deletes.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use hyper::{HeaderMap, StatusCode};

use crate::access::{Caller, Exhausted};
use crate::exposition::{MediaType, NameRules, unescape};
use crate::http::Http;
use crate::http::body::chunks::{BodyError, collect, discard};
use crate::http::body::in_flight::{InFlight, Room};
use crate::http::reply::{Failure, Reply, empty};
use crate::http::request::admission::{Sender, deny};
use crate::http::request::request_id::RequestId;
use crate::own_metrics::Verb;
use crate::push::{Allowance, Batch, Encoding, GroupingKey, InflateError, Rejected, Rules};
use crate::push::{decode_protobuf_within, decode_within, expected, expected_of_protobuf, inflate};
use crate::shard::{Bound, Full, Mode, PushError, Whose};

/// A body that is larger than this, or may come to more once rendered, is decoded on a thread of its own, so that
/// nobody waits behind it.
const DECODED_INLINE_BYTES_MAX: usize = 256 << 10;
/// A packed body that is larger than this, as sent or unpacked, is unpacked there too.
const UNPACKED_INLINE_BYTES_MAX: usize = 64 << 10;
/// What a shard takes for each series of a batch while it finds out what the batch changes.
const SERIES_APPLIED_BYTES: usize = 64;
/// A batch larger than this takes room in flight until its shard has applied it.
const UNCOUNTED_BATCH_BYTES_MAX: usize = 64 << 10;

pub(in crate::http) type Decode =
    fn(&GroupingKey, &[u8], Rules, Allowance<'_>) -> Result<Batch, Rejected>;

impl Http {
    pub(in crate::http) async fn push(
        &self,
        mode: Mode,
        tail: &[u8],
        headers: &HeaderMap,
        body: &mut Incoming,
        sender: &Sender<'_>,
    ) -> Reply {
        let since = Instant::now();
        let mut body_bytes = 0;
        let result = self.try_push(mode, tail, headers, body, sender, &mut body_bytes).await;
        let result = result.map_err(|failure| self.denied_or(failure, &sender.caller));
        let verb = if mode == Mode::Replace { Verb::Put } else { Verb::Post };
        self.own.pushed(verb, body_bytes, since);
        match result {
            Ok(status) => empty(status),
            Err(failure) => {
                if let Some(shed) = failure.shed() {
                    self.own.shed(shed);
                }
                let (job, source, id) =
                    (job_of(tail), sender.client.source, RequestId::of(headers));
                tracing::info!(job, %source, request_id = id.text(), err = %failure, "push rejected");
                id.on(Reply::from(&failure))
            }
        }
    }

    async fn try_push(
        &self,
        mode: Mode,
        tail: &[u8],
        headers: &HeaderMap,
        body: &mut Incoming,
        sender: &Sender<'_>,
        body_bytes: &mut u64,
    ) -> Result<StatusCode, Failure> {
        let (rules, caller) = (self.rules(), &sender.caller);
        let key = self.pushed_key(tail, caller)?;
        let is_protobuf = is_protobuf(headers);
        let decode = decoder(is_protobuf);
        self.writable().await?;
        let bytes_max = caller.body_bytes_max(self.config.bounds.body_bytes_max);
        let mut room = Room::of(&*self.in_flight).sent_by(sender.client.source.host());
        let wait = self.config.web.body_wait;
        let body = collect(body, bytes_max, &mut room, wait).await.map_err(Failure::Body)?;
        *body_bytes = body.len() as u64;
        let (encoding, body) = unpack_small(encoding(headers), body, bytes_max, &mut room)?;
        let is_small = encoding == Encoding::Identity && is_small(&key, &body, is_protobuf);
        let (key, batch, _until_applied) = if is_small {
            let rendered_bytes_max = self.config.bounds.rendered_bytes_max;
            let batch = decode_in(&mut room, rendered_bytes_max, decode, &key, &body, rules);
            drop(body); // It need not wait for the shard.
            (key, batch.and_then(|batch| keep_room(&mut room, batch)), room)
        } else {
            let room = room.through(Arc::clone(&self.in_flight));
            let (key, batch, room) =
                self.decode_aside(key, body, encoding, decode, bytes_max, room).await;
            (key, batch, room.through(&*self.in_flight))
        };
        self.writable().await?; // Still.
        let owner = caller.owner();
        match batch {
            Ok(batch) if self.config.answer_unchecked => {
                self.shards.push_unchecked(key, mode, batch, owner).await?;
                Ok(StatusCode::ACCEPTED)
            }
            Ok(batch) => {
                self.shards.push(key, mode, batch, owner).await.map_err(Failure::Push)?;
                Ok(StatusCode::OK)
            }
            Err(failure @ Failure::Rejected(Rejected::Refused(_))) => {
                let job = key.job().to_owned();
                self.shards.fail(key, owner).await?;
                match failure {
                    failure if !self.config.answer_unchecked => Err(failure),
                    failure => {
                        self.own.dropped();
                        let source = sender.client.source;
                        tracing::warn!(job, %source, err = %failure, "push dropped");
                        Ok(StatusCode::ACCEPTED)
                    }
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// The group that somebody may push to.
    pub(in crate::http) fn pushed_key(
        &self,
        tail: &[u8],
        caller: &Caller,
    ) -> Result<GroupingKey, Failure> {
        let rules = self.rules();
        let key = GroupingKey::parse(tail, rules.names).map_err(Failure::Key)?;
        rules.check_key(&key).map_err(Failure::Key)?;
        caller.may_push(&unescape(key.job())).map_err(Failure::Denied)?;
        Ok(key)
    }

    /// Decodes a body where nobody waits behind it, in its turn. What it takes comes out of `room`.
    pub(in crate::http) async fn decode_aside(
        &self,
        key: GroupingKey,
        body: Bytes,
        encoding: Encoding,
        decode: Decode,
        bytes_max: usize,
        mut room: Room<Arc<InFlight>>,
    ) -> (GroupingKey, Result<Batch, Failure>, Room<Arc<InFlight>>) {
        let rules = self.rules();
        let rendered_bytes_max = self.config.bounds.rendered_bytes_max;
        // The room goes along: the client may leave.
        let decode = move || {
            let batch = inflate(encoding, body, bytes_max, |bytes| room.take(bytes))
                .map_err(Failure::Inflate)
                .and_then(|body| {
                    decode_in(&mut room, rendered_bytes_max, decode, &key, &body, rules)
                })
                .and_then(|batch| keep_room(&mut room, batch));
            (key, batch, room)
        };
        self.decoders.run(decode).await
    }

    /// The failure, in the words of the caller's quota where that was in the way. Counts what is denied.
    pub(in crate::http) fn denied_or(&self, failure: Failure, caller: &Caller) -> Failure {
        let failure = match failure {
            Failure::Body(BodyError::TooLarge) | Failure::Inflate(InflateError::TooLarge) => {
                let denied = caller.too_large(self.config.bounds.body_bytes_max);
                denied.map_or(failure, Failure::Denied)
            }
            failure => failure,
        };
        match &failure {
            Failure::Denied(denied) => self.count_denied(denied),
            Failure::Push(PushError::Full(Full { whose: Whose::Owner, bound })) => {
                caller.refused(match bound {
                    Bound::Groups => Exhausted::Groups,
                    Bound::Series | Bound::Bytes => Exhausted::Series,
                });
            }
            _ => {}
        }
        failure
    }

    pub(in crate::http) async fn delete(
        &self,
        tail: &[u8],
        headers: &HeaderMap,
        body: &mut Incoming,
        sender: &Sender<'_>,
    ) -> Reply {
        let caller = &sender.caller;
        let deleted = async {
            let key = GroupingKey::parse(tail, self.config.name_rules).map_err(Failure::Key)?;
            caller.may_push(&unescape(key.job())).map_err(Failure::Denied)?;
            // A body has no meaning here, but what cannot be read to its end is not applied.
            let (bytes_max, wait) = (self.config.bounds.body_bytes_max, self.config.web.body_wait);
            match discard(body, bytes_max, wait).await {
                Ok(()) | Err(BodyError::TooLarge) => {}
                Err(error) => return Err(Failure::Body(error)),
            }
            self.writable().await?;
            Ok(self.shards.delete(key).await?)
        };
        match deleted.await {
            Ok(()) => empty(StatusCode::ACCEPTED),
            Err(failure) => {
                let failure = self.denied_or(failure, caller);
                match &failure {
                    Failure::Denied(_) => deny(&failure, headers, sender.client),
                    _ => Reply::from(&failure),
                }
            }
        }
    }
}

/// Decodes a body that has its room already. What it is decoded to takes room before it is there.
fn decode_in<F: Deref<Target = InFlight>>(
    room: &mut Room<F>,
    rendered_bytes_max: usize,
    decode: Decode,
    key: &GroupingKey,
    body: &[u8],
    rules: Rules,
) -> Result<Batch, Failure> {
    let body_bytes = room.bytes();
    let mut hold = |bytes| room.change_to(body_bytes + bytes);
    let decoded = decode(key, body, rules, Allowance::new(rendered_bytes_max, &mut hold));
    decoded.map_err(Failure::Rejected)
}

/// Whether a body is decoded so soon that others can wait for it.
fn is_small(key: &GroupingKey, body: &[u8], is_protobuf: bool) -> bool {
    let expected = || {
        if is_protobuf { expected_of_protobuf(key, body) } else { expected(key, body).0 }
    };
    body.len() <= DECODED_INLINE_BYTES_MAX && expected() <= DECODED_INLINE_BYTES_MAX * 3 / 2
}

/// Unpacks a body that is small, and is so unpacked too. Any other is left as it is.
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
        Err(error) => Err(Failure::Inflate(error)),
    }
}

/// Gives the room of a body back but for what its batch takes, if that is much.
fn keep_room<F: Deref<Target = InFlight>>(
    room: &mut Room<F>,
    batch: Batch,
) -> Result<Batch, Failure> {
    let applying_bytes = batch.series_len() * SERIES_APPLIED_BYTES;
    let bytes = Some(batch.memory_bytes() + applying_bytes)
        .filter(|bytes| *bytes > UNCOUNTED_BATCH_BYTES_MAX);
    let has_room = room.change_to(bytes.unwrap_or_default());
    if has_room { Ok(batch) } else { Err(Failure::Body(BodyError::NoRoom { is_whole: true })) }
}

/// The job that a path names, for the log; all of a path that names none.
fn job_of(tail: &[u8]) -> String {
    match GroupingKey::parse(tail, NameRules::Utf8) {
        Ok(key) => unescape(key.job()).into_owned(),
        Err(_) => String::from_utf8_lossy(tail).into_owned(),
    }
}

/// How a body is compressed, as its head says.
pub(in crate::http) fn encoding(headers: &HeaderMap) -> Encoding {
    let encoding = headers.get(CONTENT_ENCODING);
    encoding.map_or(Encoding::Identity, |value| Encoding::parse(value.as_bytes()))
}

/// What reads a body.
pub(in crate::http) fn decoder(is_protobuf: bool) -> Decode {
    if is_protobuf { decode_protobuf_within } else { decode_within }
}

/// Whether the body is said to be delimited protobuf. As in the reference, anything said less
/// precisely is taken for text.
pub(in crate::http) fn is_protobuf(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.and_then(MediaType::parse).is_some_and(|media| media.is_delimited_protobuf())
}
