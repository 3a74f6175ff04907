//! What errors of async-nats mean.

use crate::cluster::log::LogError;

/// The codes of the errors for a server or an account without JetStream.
const NO_JETSTREAM: [u64; 2] = [10076, 10039];

pub(super) fn away(error: &dyn std::error::Error) -> LogError {
    let (mut reason, mut source) = (error.to_string(), error.source());
    while let Some(error) = source {
        let inner = error.to_string();
        if !reason.contains(&inner) {
            reason = format!("{reason}: {inner}");
        }
        source = error.source();
    }
    LogError::Away(reason)
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
