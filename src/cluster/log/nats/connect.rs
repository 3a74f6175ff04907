//! The connection to NATS, which async-nats keeps.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};

use super::errors::away;
use crate::cluster::Options;
use crate::cluster::log::LogError;
use crate::cluster::membership::Membership;

/// How long an answer of the server is waited for.
pub(super) const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// How long at most until a connection that was lost is tried again.
pub(super) const RECONNECT_WAIT: Duration = Duration::from_millis(500);

pub(super) async fn connect(
    options: &Options,
    membership: &Arc<Membership>,
) -> Result<Client, LogError> {
    let mut connecting = ConnectOptions::new()
        .name("shardgate")
        .connection_timeout(ANSWER_WAIT)
        .request_timeout(Some(ANSWER_WAIT))
        .ping_interval(Duration::from_secs(5))
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| {
            RECONNECT_WAIT.min(Duration::from_millis(20 * attempts as u64))
        });
    if let Some(file) = &options.credentials {
        let unusable = |error: io::Error| {
            LogError::Unusable(format!("--cluster.nats-credentials={}: {error}", file.display()))
        };
        let credentials = std::fs::read_to_string(file).map_err(unusable)?;
        connecting = connecting.credentials(&credentials).map_err(unusable)?;
    }
    if let Some(file) = &options.ca {
        connecting = connecting.add_root_certificates(file.clone());
    }
    let shown = Arc::downgrade(membership);
    connecting = connecting.event_callback(move |event| {
        let shown = shown.upgrade();
        async move {
            let Some(membership) = shown else { return };
            match event {
                Event::Connected => {
                    tracing::info!("connected to NATS");
                    membership.nats_fails(None);
                }
                Event::Disconnected => {
                    tracing::warn!("the connection to NATS is lost; trying again");
                    membership.nats_fails(Some("the connection is lost".to_owned()));
                }
                Event::ServerError(error) => tracing::warn!(err = %error, "NATS says"),
                other => tracing::debug!(event = %other, "NATS"),
            }
        }
    });
    connecting.connect(options.nats.clone()).await.map_err(|error| away(&error))
}
