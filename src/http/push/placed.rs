//! Placing a group: it is stored with given push times. Needs `--web.enable-admin-api`.

use std::sync::Arc;

use hyper::StatusCode;

use crate::exposition::parse_number;
use crate::http::failure::Failure;
use crate::http::push::prologue::{Prologue, Received};
use crate::http::reply::{Reply, empty};
use crate::http::request::admission::Request;
use crate::http::request::request_id::RequestId;
use crate::parameters::{ParameterError, parameters};
use crate::shard::{Placement, Timestamp};

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
            let placement = placement(request.query()).map_err(Failure::bad_request)?;
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
