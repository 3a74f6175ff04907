//! The life of one connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;

use super::client::Client;
use super::progress::{Awaited, Progress};
use super::protocol::Protocol;
use super::{Http, http1, http2};
use crate::config::WebSettings;
use crate::shutdown;

/// How large the head of a request may be, its URL included.
pub const HEADER_BYTES_MAX: usize = 64 << 10;
/// How often a connection is looked at in the shortest time that it may keep us waiting. What takes too long is
/// found that much later.
const LOOKS: u32 = 4;

/// Why a connection is not to go on.
pub(super) enum Unwanted {
    /// The head of a request takes too long.
    SlowHead,
    /// It asks for nothing.
    Idle,
    Stopping,
}

/// Serves a connection until the client closes it, breaks the protocol, or keeps us waiting for too long, or
/// until `stopping` turns true: then the requests at hand are still answered.
pub async fn serve(
    http: Arc<Http>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    protocol: Protocol,
    client: Client,
    stopping: watch::Receiver<bool>,
) {
    let source = client.source;
    let served = match protocol {
        Protocol::Http1 => http1::serve(http, stream, client, stopping).await,
        // Larger, and of use to few.
        Protocol::Http2 => Box::pin(http2::serve(http, stream, client, stopping)).await,
    };
    if let Err(error) = served {
        tracing::debug!(%source, err = %error, "connection broken");
    }
}

/// Waits until there is a reason not to go on.
pub(super) async fn unwanted(
    progress: &Progress,
    settings: &WebSettings,
    mut stopping: watch::Receiver<bool>,
) -> Unwanted {
    tokio::select! {
        unwanted = kept_waiting(progress, settings) => unwanted,
        () = shutdown::requested(&mut stopping) => Unwanted::Stopping,
    }
}

/// Returns once the client has kept us waiting for too long. One timer that looks from time to time costs a
/// request nothing; one that is set anew for each would.
async fn kept_waiting(progress: &Progress, settings: &WebSettings) -> Unwanted {
    let look_after = settings.header_wait.min(settings.idle_wait) / LOOKS;
    let look = || (progress.taken(), progress.awaited());
    let (mut seen, mut since) = (look(), Instant::now());
    loop {
        tokio::time::sleep(look_after).await;
        let now = look();
        if now != seen {
            (seen, since) = (now, Instant::now());
            continue;
        }
        let (wait, unwanted) = patience(now.1, settings);
        if since.elapsed() >= wait {
            return unwanted;
        }
    }
}

/// How long to wait for something, and what it means when it does not come.
fn patience(awaited: Awaited, settings: &WebSettings) -> (Duration, Unwanted) {
    match awaited {
        Awaited::Head => (settings.header_wait, Unwanted::SlowHead),
        Awaited::Request => (settings.idle_wait, Unwanted::Idle),
        // What is done for a request has bounds of its own; this is behind all of them.
        Awaited::Answer => (settings.body_wait + settings.idle_wait, Unwanted::Idle),
    }
}
