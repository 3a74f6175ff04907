//! Sockets: the only place that knows TCP.
//!
//! **Invariant:** every socket is bound before the gateway says that it listens, so that an address
//! in use is an error of the start.

mod stream;

use std::io;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::config::Address;

pub use stream::Stream;

/// How many connections the kernel holds for us while we are busy.
const BACKLOG: i32 = 4096;

/// Binds `address`. One without a host is bound for IPv6 and IPv4 at once where there is IPv6.
///
/// # Errors
/// When the host is unknown, or the address cannot be bound.
pub fn bind(address: &Address) -> io::Result<TcpListener> {
    let socket = match &address.host {
        None => match bind_socket((Ipv6Addr::UNSPECIFIED, address.port).into()) {
            Ok(socket) => socket,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(_) => bind_socket(([0, 0, 0, 0], address.port).into())?,
        },
        Some(host) => {
            // Like Go, prefer IPv4 where a name has both.
            let mut found: Vec<SocketAddr> =
                (host.as_str(), address.port).to_socket_addrs()?.collect();
            found.sort_by_key(SocketAddr::is_ipv6);
            let first = found.first().ok_or_else(|| io::Error::other("the host has no address"))?;
            bind_socket(*first)?
        }
    };
    TcpListener::from_std(socket.into())
}

fn bind_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Waits for the next connection. Goes on after an error: the peer is gone, or this process has no
/// file descriptor left, which passes.
pub async fn accept(listener: &TcpListener) -> (Stream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // An answer is written at once and whole, so waiting for more would only delay it.
                if stream.set_nodelay(true).is_ok() {
                    return (stream.into(), peer);
                }
            }
            Err(error) => {
                tracing::warn!(err = %error, "cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}
