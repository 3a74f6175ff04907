//! TCP sockets.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// How many connections the kernel holds for us while we are busy.
pub(super) const BACKLOG: i32 = 4096;

/// Binds a port. Without a host it is bound for IPv6 and IPv4 at once where there is IPv6.
pub(super) fn bind(host: Option<&str>, port: u16) -> io::Result<TcpListener> {
    let socket = match host {
        None => match bind_socket((Ipv6Addr::UNSPECIFIED, port).into()) {
            Ok(socket) => socket,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(_) => bind_socket(([0, 0, 0, 0], port).into())?,
        },
        Some(host) => {
            // Like Go, prefer IPv4 where a name has both.
            let mut found: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
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
