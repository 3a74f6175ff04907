//! Removes the oldest messages of the stream.
//!
//! A NATS server before 2.9.18 that starts again after a crash makes of each purge up to a sequence, as it finds it in its own
//! log, one of all that was in the stream at that time (nats-server issue 4196; a remainder of it until 2.9.21). So nothing
//! is purged with such a server, and the stream grows.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::NatsLog;
use super::errors::away;
use crate::cluster::log::LogError;

/// The first release, by major and minor number, all of whose servers keep to a purge when they start again.
const PURGES_SINCE: (u64, u64) = (2, 10);

impl NatsLog {
    /// Removes all messages up to this one, if the server can be trusted with that.
    pub(super) async fn give_up(&self, up_to: u64) -> Result<(), LogError> {
        static IS_SAID: AtomicBool = AtomicBool::new(false);
        let version = self.client.server_info().version;
        if keeps_to_purges(&version) {
            let purging = self.stream.purge().sequence(up_to + 1);
            return purging.await.map(drop).map_err(|error| away(&error));
        }
        if !IS_SAID.swap(true, Relaxed) {
            tracing::warn!(
                version,
                "nothing is purged, so the stream grows: this NATS loses entries when it starts again after a purge; use NATS \
                 2.10 or newer"
            );
        }
        Ok(())
    }
}

/// Whether a server of this version can be trusted with purges.
fn keeps_to_purges(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= PURGES_SINCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_purge_more_when_they_start_again_are_not_asked_to_purge() {
        for version in ["2.9.10", "2.9.17", "2.9.25", "2.2.0-beta", "1.4.1", "", "x"] {
            assert!(!keeps_to_purges(version), "{version}");
        }
        for version in ["2.10.0", "2.10.22-RC.1", "2.15.1", "3.0.0"] {
            assert!(keeps_to_purges(version), "{version}");
        }
    }
}
