//! Sockets that systemd has bound and passes as file descriptors.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;
use socket2::{Domain, SockRef, Type};
use tokio_vsock::VsockListener;

use super::{Kind, Listener};

/// The sockets that `LISTEN_FDS` and `LISTEN_PID` of the environment tell of: at least one.
///
/// # Errors
/// When there is none, or one that cannot be accepted from.
pub fn handed_over() -> io::Result<Vec<Listener>> {
    let mut handed = ListenFd::from_env();
    if handed.len() == 0 {
        return Err(io::Error::other(
            "systemd has handed over no socket: start the service through its .socket unit",
        ));
    }
    (0..handed.len()).map(|at| listener(&mut handed, at)).collect()
}

/// The one at this place, by its family.
fn listener(handed: &mut ListenFd, at: usize) -> io::Result<Listener> {
    let (vsock, stream) = (Domain::VSOCK.into(), Type::STREAM.into());
    let kind = if let Ok(Some(tcp)) = handed.take_tcp_listener(at) {
        Kind::Tcp(from_tcp(tcp)?)
    } else if let Ok(Some(unix)) = handed.take_unix_listener(at) {
        Kind::Unix(from_unix(unix)?)
    } else if let Ok(Some(vsock)) = handed.take_custom::<VsockListener>(at, vsock, stream, "vsock")
    {
        check(&vsock)?;
        Kind::Vsock(vsock)
    } else {
        return Err(io::Error::other(format!(
            "socket {} of those that systemd has handed over is no stream of TCP, unix or vsock",
            at + 1
        )));
    };
    Ok(kind.into())
}

fn from_tcp(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    check(&listener)?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

fn from_unix(listener: UnixListener) -> io::Result<super::unix::Listener> {
    check(&listener)?;
    listener.set_nonblocking(true)?;
    Ok(tokio::net::UnixListener::from_std(listener)?.into())
}

/// That it listens: with `Accept=yes` systemd hands over connections.
fn check(socket: &impl AsFd) -> io::Result<()> {
    if SockRef::from(socket).is_listener()? {
        return Ok(());
    }
    Err(io::Error::other("systemd has handed over a connection: its .socket unit needs Accept=no"))
}
