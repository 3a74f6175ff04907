//! Groups that are put in their place with times of their own; `--web.enable-admin-api` allows it.

use std::fmt;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{HeaderMap, StatusCode};

use crate::exposition::parse_number;
use crate::http::Http;
use crate::http::body::chunks::collect;
use crate::http::body::in_flight::Room;
use crate::http::push::groups::{decoder, encoding, is_protobuf};
use crate::http::reply::{Failure, Reply, empty};
use crate::http::request::admission::Sender;
use crate::http::request::request_id::RequestId;
use crate::shard::{Placement, Timestamp};

/// A parameter that makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) enum PlacedError {
    /// Not a time.
    Time(&'static str, String),
    /// Neither true nor false.
    Word(&'static str, String),
    Twice(&'static str),
    /// One that is not known might have been meant to spare the group.
    Unknown(String),
}

impl fmt::Display for PlacedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlacedError::Time(name, value) => write!(
                f,
                "parameter {name}: expected seconds since 1970, 0 for never, got {value:?}"
            ),
            PlacedError::Word(name, value) => {
                write!(f, "parameter {name}: expected true or false, got {value:?}")
            }
            PlacedError::Twice(name) => write!(f, "parameter {name}: given twice"),
            PlacedError::Unknown(name) => write!(f, "parameter {name}: unknown"),
        }
    }
}

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
        let placement = placement(query).map_err(Failure::Placed)?;
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
/// `keep_newer=true`.
fn placement(query: &str) -> Result<Placement, PlacedError> {
    let (mut pushed, mut failed, mut keeps_newer) = (None, None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "push_time" => once("push_time", &mut pushed, &value, time)?,
            "push_failure_time" => once("push_failure_time", &mut failed, &value, time)?,
            "keep_newer" => once("keep_newer", &mut keeps_newer, &value, truth)?,
            _ => return Err(PlacedError::Unknown(name.into_owned())),
        }
    }
    Ok(Placement {
        pushed: pushed.unwrap_or_else(Timestamp::now),
        failed: failed.unwrap_or(Timestamp::NEVER),
        keeps_newer: keeps_newer.unwrap_or_default(),
    })
}

fn once<T>(
    name: &'static str,
    place: &mut Option<T>,
    value: &str,
    read: impl Fn(&'static str, &str) -> Result<T, PlacedError>,
) -> Result<(), PlacedError> {
    match place.replace(read(name, value)?) {
        Some(_) => Err(PlacedError::Twice(name)),
        None => Ok(()),
    }
}

fn time(name: &'static str, value: &str) -> Result<Timestamp, PlacedError> {
    let time = parse_number(value.as_bytes()).and_then(Timestamp::from_seconds);
    time.ok_or_else(|| PlacedError::Time(name, value.to_owned()))
}

fn truth(name: &'static str, value: &str) -> Result<bool, PlacedError> {
    value.parse().map_err(|_| PlacedError::Word(name, value.to_owned()))
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
        assert_eq!(placement("push_time=1&push_time=1"), Err(PlacedError::Twice("push_time")));
        assert_eq!(placement("keep_newer=1"), Err(PlacedError::Word("keep_newer", "1".into())));
        assert_eq!(placement("push_tme=1"), Err(PlacedError::Unknown("push_tme".into())));
    }
}
