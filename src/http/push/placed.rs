//! Groups that are put in their place with times of their own; `--web.enable-admin-api` allows it.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{HeaderMap, StatusCode};

use crate::exposition::parse_number;
use crate::http::Http;
use crate::http::body::chunks::collect;
use crate::http::body::in_flight::Room;
use crate::http::push::endpoint::{decoder, encoding, is_protobuf};
use crate::http::reply::{Failure, Reply, empty};
use crate::http::request::admission::Sender;
use crate::http::request::request_id::RequestId;
use crate::parameters::{ParameterError, parameters};
use crate::shard::{Placement, Timestamp};

impl Http {
    /// Replaces a group by the one in the body, with the times that the query gives it.
    pub(in crate::http) async fn place(
        &self,
        tail: &[u8],
        query: &str,
        headers: &HeaderMap,
        body: &mut Incoming,
        sender: &Sender<'_>,
    ) -> Reply {
        let placed = self.try_place(tail, query, headers, body, sender).await;
        match placed.map_err(|failure| self.denied_or(failure, &sender.caller)) {
            Ok(()) => empty(StatusCode::OK),
            Err(failure) => {
                let (source, id) = (sender.client.source, RequestId::of(headers));
                let path = String::from_utf8_lossy(tail);
                tracing::info!(%path, %source, request_id = id.text(), err = %failure, "group not placed");
                id.on(Reply::from(&failure))
            }
        }
    }

    async fn try_place(
        &self,
        tail: &[u8],
        query: &str,
        headers: &HeaderMap,
        body: &mut Incoming,
        sender: &Sender<'_>,
    ) -> Result<(), Failure> {
        let placement = placement(query).map_err(Failure::Parameter)?;
        let caller = &sender.caller;
        let key = self.pushed_key(tail, caller)?;
        self.writable().await?;
        let bytes_max = caller.body_bytes_max(self.config.bounds.body_bytes_max);
        let mut room = Room::of(&*self.in_flight).sent_by(sender.client.source.host());
        let wait = self.config.web.body_wait;
        let body = collect(body, bytes_max, &mut room, wait).await.map_err(Failure::Body)?;
        let (encoding, decode) = (encoding(headers), decoder(is_protobuf(headers)));
        let room = room.through(Arc::clone(&self.in_flight));
        let (key, batch, _until_applied) =
            self.decode_aside(key, body, encoding, decode, bytes_max, room).await;
        let batch = batch?;
        self.writable().await?; // Still.
        self.shards.place(key, batch, caller.owner(), placement).await.map_err(Failure::Push)
    }
}

/// Reads `push_time=SECONDS`, by default now, `push_failure_time=SECONDS`, by default never, and
/// `keep_newer=true`. An unknown parameter is an error: it might have been meant to spare the group.
fn placement(query: &str) -> Result<Placement, ParameterError> {
    let (mut pushed, mut failed, mut keeps_newer) = (None, None, None);
    for parameter in parameters(query) {
        let time = || parameter.read("seconds since 1970, 0 for never", time);
        match parameter.name() {
            "push_time" => parameter.set(&mut pushed, time()?)?,
            "push_failure_time" => parameter.set(&mut failed, time()?)?,
            "keep_newer" => {
                let truth = parameter.read("true or false", |value| value.parse().ok());
                parameter.set(&mut keeps_newer, truth?)?;
            }
            _ => return Err(parameter.error("unknown")),
        }
    }
    Ok(Placement {
        pushed: pushed.unwrap_or_else(Timestamp::now),
        failed: failed.unwrap_or(Timestamp::NEVER),
        keeps_newer: keeps_newer.unwrap_or_default(),
    })
}

fn time(value: &str) -> Option<Timestamp> {
    parse_number(value.as_bytes()).and_then(Timestamp::from_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_gives_the_times() {
        let given = placement("push_time=1763900000.25&push_failure_time=1e3&keep_newer=true");
        let pushed = Timestamp::from_nanos(1_763_900_000_250_000_000);
        let failed = Timestamp::from_nanos(1_000_000_000_000);
        assert_eq!(given, Ok(Placement { pushed, failed, keeps_newer: true }));
        let before = Timestamp::now();
        let given = placement("").expect("nothing is needed");
        assert!(given.pushed >= before && given.failed == Timestamp::NEVER && !given.keeps_newer);
        assert_eq!(placement("push_time=0").map(|given| given.pushed), Ok(Timestamp::NEVER));
    }

    #[test]
    fn nonsense_is_named() {
        for time in ["", "now", "-1", "NaN", "Inf", "1e400", "1e12", "0x1"] {
            for name in ["push_time", "push_failure_time"] {
                let error = placement(&format!("{name}={time}")).expect_err(time).to_string();
                assert!(error.contains(name) && error.contains(&format!("{time:?}")), "{error}");
            }
        }
        for (query, said) in [
            ("push_time=1&push_time=1", "parameter push_time: given twice"),
            ("keep_newer=1", r#"parameter keep_newer: expected true or false, got "1""#),
            ("push_tme=1", "parameter push_tme: unknown"),
        ] {
            assert_eq!(placement(query).expect_err(query).to_string(), said);
        }
    }
}
