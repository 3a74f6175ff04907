//! Placing a group: it is stored with given push times. Needs `--web.enable-admin-api`.

use std::fmt;
use std::sync::Arc;

use hyper::StatusCode;

use crate::exposition::parse_number;
use crate::http::failure::Failure;
use crate::http::push::prologue::{Prologue, Received};
use crate::http::reply::{Reply, empty};
use crate::http::request::admission::Request;
use crate::http::request::request_id::RequestId;
use crate::shard::{Placement, Timestamp};

/// A parameter that makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PlacedError {
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

impl From<PlacedError> for Failure {
    fn from(error: PlacedError) -> Failure {
        Failure::bad_request(error)
    }
}

/// What placing a group needs.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) prologue: Arc<Prologue>,
}

impl Places {
    /// Replaces a group by the one in the body, with the times that the query gives it.
    pub(crate) async fn place(&self, request: Request<'_>) -> Reply {
        let (headers, sender, tail) = (&request.head.headers, request.sender, request.tail);
        let placed = async {
            let placement = placement(request.query())?;
            let received =
                self.prologue.receive(tail, headers, request.body, sender, &mut 0).await?;
            let Received { key, batch, room: _until_applied } = received;
            let (shards, owner) = (&self.prologue.storage.shards, sender.caller.owner());
            Ok::<_, Failure>(shards.place(key, batch?, owner, placement).await?)
        };
        match placed.await {
            Ok(()) => empty(StatusCode::OK),
            Err(failure) => {
                let failure = self.prologue.explained(failure, &sender.caller);
                let (source, id) = (sender.client.source, RequestId::of(headers));
                let path = String::from_utf8_lossy(tail);
                tracing::info!(%path, %source, request_id = id.text(), err = %failure, "group not placed");
                id.on(Reply::from(&failure))
            }
        }
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
