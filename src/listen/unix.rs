//! Sockets in the file system.
//!
//! **Invariant:** a file is removed only if it is a socket that nobody listens on, or our own.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};

use super::BACKLOG;

/// Whoever may open the socket may push: its owner and group.
const MODE: u32 = 0o660;

#[derive(Debug)]
pub(super) struct Listener {
    listener: UnixListener,
    /// The file, where we have made it.
    _file: Option<OwnFile>,
}

/// Removed when it is dropped.
#[derive(Debug)]
struct OwnFile(PathBuf);

impl Drop for OwnFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), err = %error, "cannot remove the socket");
        }
    }
}

impl Listener {
    /// Listens on `path`, in place of a socket that a gateway which is gone has left there.
    pub(super) fn bind(path: &Path) -> io::Result<Listener> {
        let address = SockAddr::unix(path)?;
        remove_stale(path, &address)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address)?;
        let file = OwnFile(path.to_owned());
        // Nobody can connect yet who may not.
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        socket.listen(BACKLOG)?;
        let listener = UnixListener::from_std(socket.into())?;
        Ok(Listener { listener, _file: Some(file) })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }
}

/// A socket whose file is somebody else's.
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Listener {
        Listener { listener, _file: None }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.listener.local_addr().ok();
        let path = address.as_ref().and_then(|address| address.as_pathname());
        write!(f, "unix://{}", path.unwrap_or(Path::new("")).display())
    }
}

fn remove_stale(path: &Path, address: &SockAddr) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::other("the file is there and is no socket"));
        }
        Ok(_) => {}
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    probe.set_nonblocking(true)?; // Whoever listens may be too busy to accept.
    match probe.connect(address) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        Ok(()) | Err(_) => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "somebody listens on the socket that is there",
        )),
    }
}
