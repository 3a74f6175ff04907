//! Accepts connections: waits for a slot, shakes hands, and serves.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};

use crate::http::connection::limit::Slot;
use crate::http::connection::overflow::{OVERFLOW_WAIT, serve_overflow};
use crate::http::connection::serve::serve;
use crate::http::server::Http;
use crate::listen::{Client, Listener, Protocol, Source, Stream};
use crate::shutdown;
use crate::tls::Acceptor;

/// Accepts connections until `stopping` turns true, and serves each on a task of its own. A task holds a clone of `serving`
/// until its connection has ended.
pub async fn accept(
    mut listener: Listener,
    http: Arc<Http>,
    acceptor: Option<Acceptor>,
    serving: mpsc::Sender<()>,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        // The one connection that waits for a slot is accepted already: while none comes, none is taken.
        let next = async {
            let accepted = listener.accept().await;
            (accepted, http.connections.take().await)
        };
        let ((stream, source), slot) = tokio::select! {
            next = next => next,
            () = shutdown::requested(&mut stopping) => return,
        };
        let (http, stopping, serving) = (Arc::clone(&http), stopping.clone(), serving.clone());
        // Two tasks rather than one that can be either, which would be as large as the larger.
        match acceptor.clone() {
            None => tokio::spawn(async move {
                let own = Arc::clone(&http.own);
                let _watch = own.watch_panics();
                let client = Client { source, certificate: None };
                serve_slot(http, stream, Protocol::Http1, client, &slot, stopping).await;
                drop((slot, serving));
            }),
            Some(acceptor) => tokio::spawn(async move {
                let own = Arc::clone(&http.own);
                let _watch = own.watch_panics();
                let served = serve_tls(http, acceptor, stream, source, &slot, stopping);
                if slot.is_overflow() {
                    // The handshake is no reason to stay longer.
                    let served = slot.until_given_way(served);
                    drop(tokio::time::timeout(OVERFLOW_WAIT, served).await);
                } else {
                    served.await;
                }
                drop((slot, serving));
            }),
        };
    }
}

/// Serves a connection, as its slot says.
async fn serve_slot(
    http: Arc<Http>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    protocol: Protocol,
    client: Client,
    slot: &Slot,
    stopping: watch::Receiver<bool>,
) {
    if slot.is_overflow() {
        // In a box: this future is large and rarely needed.
        Box::pin(slot.until_given_way(serve_overflow(http, stream, protocol, &client))).await;
    } else {
        serve(http, stream, protocol, client, stopping).await;
    }
}

/// Serves a connection once its handshake is done.
async fn serve_tls(
    http: Arc<Http>,
    acceptor: Acceptor,
    stream: Stream,
    source: Source,
    slot: &Slot,
    mut stopping: watch::Receiver<bool>,
) {
    let accepted = tokio::select! {
        accepted = acceptor.accept(stream) => accepted,
        () = shutdown::requested(&mut stopping) => return,
    };
    match accepted {
        Ok((stream, certificate, protocol)) => {
            let client = Client { source, certificate };
            serve_slot(http, stream, protocol, client, slot, stopping).await;
        }
        Err(error) => tracing::debug!(%source, err = %error, "TLS handshake failed"),
    }
}
