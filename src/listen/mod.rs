//! Sockets: the only folder that knows their kinds.
//!
//! `tcp`, `unix` and `vsock` bind an address. `handed_over` takes the sockets that systemd has bound. All of them
//! accept a `stream`.
//!
//! **Invariant:** every socket is bound before the gateway says that it listens. Therefore an address in use is an
//! error of the start.

mod client;
mod handed_over;
mod protocol;
mod stream;
mod tcp;
mod unix;
mod vsock;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio_vsock::VsockListener;

use crate::config::Address;
pub use client::{Client, ClientCertificate, Source};
pub use protocol::Protocol;

pub use handed_over::handed_over;
pub use stream::Stream;

/// How long to wait after a connection that could not be accepted.
const ACCEPT_AGAIN_WAIT: Duration = Duration::from_millis(50);

/// How long not to say again that a connection could not be accepted.
const ACCEPT_TOLD_WAIT: Duration = Duration::from_secs(1);

/// A socket that is listened on.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    /// When it was last said that a connection could not be accepted.
    told: Option<Instant>,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(unix::Listener),
    Vsock(VsockListener),
}

/// Binds `address`.
///
/// # Errors
/// When the host is unknown, or the address cannot be bound.
pub fn bind(address: &Address) -> io::Result<Listener> {
    let kind = match address {
        Address::Tcp { host, port } => Kind::Tcp(tcp::bind(host.as_deref(), *port)?),
        Address::Unix(path) => Kind::Unix(unix::Listener::bind(path)?),
        Address::Vsock { cid, port } => Kind::Vsock(vsock::bind(*cid, *port)?),
    };
    Ok(kind.into())
}

impl From<Kind> for Listener {
    fn from(kind: Kind) -> Listener {
        Listener { kind, told: None }
    }
}

impl Listener {
    /// Waits for the next connection. Goes on after an error: the peer is gone, or this process has no
    /// file descriptor left, which passes.
    pub async fn accept(&mut self) -> (Stream, Source) {
        loop {
            match self.try_accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    if self.told.is_none_or(|told| told.elapsed() >= ACCEPT_TOLD_WAIT) {
                        self.told = Some(Instant::now());
                        tracing::warn!(address = %self, err = %error, "cannot accept a connection");
                    }
                    tokio::time::sleep(ACCEPT_AGAIN_WAIT).await;
                }
            }
        }
    }

    async fn try_accept(&self) -> io::Result<(Stream, Source)> {
        match &self.kind {
            Kind::Tcp(listener) => loop {
                let (stream, peer) = listener.accept().await?;
                // An answer is written at once and whole, so waiting for more would only delay it.
                if stream.set_nodelay(true).is_ok() {
                    return Ok((Stream::Tcp(stream), Source::Ip(peer)));
                }
            },
            Kind::Unix(listener) => Ok((Stream::Unix(listener.accept().await?), Source::Unix)),
            Kind::Vsock(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Stream::Vsock(stream), Source::Vsock { cid: peer.cid(), port: peer.port() }))
            }
        }
    }

    /// The address, with the port that was chosen, if this is TCP.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            Kind::Unix(_) | Kind::Vsock(_) => None,
        }
    }
}

/// Where it listens, as the log says it.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Tcp(listener) => match listener.local_addr() {
                Ok(address) => address.fmt(f),
                Err(error) => write!(f, "unknown ({error})"),
            },
            Kind::Unix(listener) => listener.fmt(f),
            Kind::Vsock(listener) => vsock::address(listener).fmt(f),
        }
    }
}
