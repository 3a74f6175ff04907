//! What errors of async-nats mean.

use crate::cluster::log::LogError;

/// The codes of the errors for a server or an account without JetStream.
const NO_JETSTREAM: [u64; 2] = [10076, 10039];
/// The code of the error for a stream that there is not.
pub(super) const STREAM_NOT_FOUND: u64 = 10059;

pub(super) fn away(error: &dyn std::error::Error) -> LogError {
    let (mut reason, mut source) = (error.to_string(), error.source());
    while let Some(error) = source {
        let inner = error.to_string();
        if !reason.contains(&inner) {
            reason = format!("{reason}: {inner}");
        }
        source = error.source();
    }
    if reason.contains(&format!("error code {STREAM_NOT_FOUND})")) {
        LogError::Gone
    } else {
        LogError::Away(reason)
    }
}

pub(super) fn unavailable(code: u64, reason: &str) -> LogError {
    if NO_JETSTREAM.contains(&code) { no_jetstream() } else { LogError::Away(reason.to_owned()) }
}

pub(super) fn no_jetstream() -> LogError {
    LogError::Unusable(
        "the NATS server has no JetStream, which a replica set needs; start it with `-js`, or give it a `jetstream` block"
            .to_owned(),
    )
}

/// Whether nothing answers to requests to JetStream.
pub(super) fn is_without_jetstream(error: &dyn std::error::Error) -> bool {
    let mut source = Some(error);
    while let Some(error) = source {
        let text = error.to_string();
        if text.contains("no responders") || text.contains("resource does not exist") {
            return true;
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::Error;
    use async_nats::jetstream::context::RequestError;
    use async_nats::jetstream::stream::{RawMessageError, RawMessageErrorKind};

    use super::*;

    #[test]
    fn a_stream_that_there_is_not_is_told_from_one_that_cannot_be_reached() {
        let error = |code: u64| -> Error {
            let answer =
                serde_json::json!({"code": 404, "err_code": code, "description": "not found"});
            serde_json::from_value(answer).expect("it is one")
        };
        for (code, is_gone) in [(STREAM_NOT_FOUND, true), (10008, false), (100_590, false)] {
            let info = RequestError::from(error(code));
            let message = RawMessageError::new(RawMessageErrorKind::JetStream(error(code)));
            let errors: [&dyn std::error::Error; 2] = [&info, &message];
            for error in errors {
                assert_eq!(away(error) == LogError::Gone, is_gone, "{error}");
            }
        }
    }
}
