//! Pushes and deletes.

use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use hyper::{HeaderMap, StatusCode};

use super::Http;
use super::body::{BodyError, collect};
use super::client::Client;
use super::reply::{Failure, Reply, empty};
use crate::access::Caller;
use crate::exposition::unescape;
use crate::own_metrics::Verb;
use crate::push::{
    Encoding, GroupingKey, InflateError, Rejected, decode, decode_protobuf, inflate,
};
use crate::shard::Mode;

/// A body larger than this is decoded on a thread of its own, so that nobody waits behind it.
const DECODED_INLINE_BYTES_MAX: usize = 256 << 10;

impl Http {
    pub(super) async fn push(
        &self,
        mode: Mode,
        tail: &[u8],
        headers: &HeaderMap,
        body: Incoming,
        client: &Client,
        caller: &Caller,
    ) -> Reply {
        let since = Instant::now();
        let mut body_bytes = 0;
        let result = self.try_push(mode, tail, headers, body, caller, &mut body_bytes).await;
        let result = result.map_err(|failure| self.denied_or(failure, caller));
        let verb = if mode == Mode::Replace { Verb::Put } else { Verb::Post };
        self.own.pushed(verb, body_bytes, since);
        match result {
            Ok(status) => empty(status),
            Err(failure) => {
                let path = String::from_utf8_lossy(tail);
                tracing::info!(source = %client.source, group = &*path, err = %failure, "push rejected");
                Reply::from(&failure)
            }
        }
    }

    async fn try_push(
        &self,
        mode: Mode,
        tail: &[u8],
        headers: &HeaderMap,
        body: Incoming,
        caller: &Caller,
        body_bytes: &mut u64,
    ) -> Result<StatusCode, Failure> {
        let rules = self.config.name_rules;
        let key = GroupingKey::parse(tail, rules).map_err(Failure::Key)?;
        caller.may_push(&unescape(key.job())).map_err(Failure::Denied)?;
        let decode = if is_protobuf(headers) { decode_protobuf } else { decode };
        self.writable().await?;
        let bytes_max = caller.body_bytes_max(self.config.bounds.body_bytes_max);
        let body = collect(body, bytes_max).await.map_err(Failure::Body)?;
        *body_bytes = body.len() as u64;
        let encoding = headers.get(CONTENT_ENCODING);
        let encoding =
            encoding.map_or(Encoding::Identity, |value| Encoding::parse(value.as_bytes()));
        let is_small = encoding == Encoding::Identity && body.len() <= DECODED_INLINE_BYTES_MAX;
        let (key, batch) = if is_small {
            let batch = decode(&key, &body, rules).map_err(Failure::Rejected);
            drop(body); // It need not wait for the shard.
            (key, batch)
        } else {
            let decoding = tokio::task::spawn_blocking(move || {
                let batch = inflate(encoding, body, bytes_max)
                    .map_err(Failure::Inflate)
                    .and_then(|body| decode(&key, &body, rules).map_err(Failure::Rejected));
                (key, batch)
            });
            decoding.await.expect("decoding does not panic and is not aborted")
        };
        self.writable().await?; // Still.
        match batch {
            Ok(batch) if self.config.answer_unchecked => {
                self.shards.push_unchecked(key, mode, batch).await?;
                Ok(StatusCode::ACCEPTED)
            }
            Ok(batch) => {
                self.shards.push(key, mode, batch).await.map_err(Failure::Push)?;
                Ok(StatusCode::OK)
            }
            Err(failure @ Failure::Rejected(Rejected::Refused(_))) => {
                self.shards.fail(key).await?;
                match failure {
                    failure if !self.config.answer_unchecked => Err(failure),
                    failure => {
                        self.own.dropped();
                        tracing::warn!(err = %failure, "inconsistent push dropped");
                        Ok(StatusCode::ACCEPTED)
                    }
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// The failure, in the words of the caller's quota where that was in the way. Counts what is denied.
    fn denied_or(&self, failure: Failure, caller: &Caller) -> Failure {
        let failure = match failure {
            Failure::Body(BodyError::TooLarge) | Failure::Inflate(InflateError::TooLarge) => {
                let denied = caller.too_large(self.config.bounds.body_bytes_max);
                denied.map_or(failure, Failure::Denied)
            }
            failure => failure,
        };
        if let Failure::Denied(denied) = &failure {
            self.count_denied(denied);
        }
        failure
    }

    pub(super) async fn delete(
        &self,
        tail: &[u8],
        body: Incoming,
        client: &Client,
        caller: &Caller,
    ) -> Reply {
        let deleted = async {
            let key = GroupingKey::parse(tail, self.config.name_rules).map_err(Failure::Key)?;
            caller.may_push(&unescape(key.job())).map_err(Failure::Denied)?;
            // A body has no meaning here, but what cannot be read to its end is not applied.
            match collect(body, self.config.bounds.body_bytes_max).await {
                Ok(_) | Err(BodyError::TooLarge) => {}
                Err(error) => return Err(Failure::Body(error)),
            }
            self.writable().await?;
            Ok(self.shards.delete(key).await?)
        };
        match deleted.await {
            Ok(()) => empty(StatusCode::ACCEPTED),
            Err(failure) => {
                let failure = self.denied_or(failure, caller);
                if let Failure::Denied(denied) = &failure {
                    tracing::info!(source = %client.source, err = %denied, "delete denied");
                }
                Reply::from(&failure)
            }
        }
    }
}

/// Whether the body is said to be delimited protobuf. As in the reference, anything said less
/// precisely is taken for text.
pub(super) fn is_protobuf(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some((media_type, parameters)) = content_type.and_then(|value| value.split_once(';'))
    else {
        return false;
    };
    let says = |name: &str, wanted: &str| {
        parameters
            .split(';')
            .filter_map(|part| part.trim().split_once('='))
            .any(|(key, value)| key.eq_ignore_ascii_case(name) && value.trim_matches('"') == wanted)
    };
    media_type.trim().eq_ignore_ascii_case("application/vnd.google.protobuf")
        && says("proto", "io.prometheus.client.MetricFamily")
        && says("encoding", "delimited")
}
