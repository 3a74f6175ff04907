//! Unix sockets.
//!
//! **Invariant:** a file is removed only if it is a socket without a listener, or the gateway's own socket.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};

use super::tcp::BACKLOG;

/// The owner and the group of the socket may push.
const MODE: u32 = 0o660;

#[derive(Debug)]
pub(super) struct Listener {
    listener: UnixListener,
    /// The file, where we have made it.
    _file: Option<OwnFile>,
}

/// Removed when it is dropped, unless another has taken its place.
#[derive(Debug)]
struct OwnFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl OwnFile {
    fn at(path: &Path) -> io::Result<OwnFile> {
        Ok(OwnFile { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        let removed = match identity(&self.path) {
            Ok(found) if found != self.identity => return,
            Ok(_) => fs::remove_file(&self.path),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            tracing::warn!(path = %self.path.display(), err = %error, "cannot remove the socket");
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

impl Listener {
    /// Listens on `path`, in place of a socket that a gateway which is gone has left there.
    pub(super) fn bind(path: &Path) -> io::Result<Listener> {
        let address = SockAddr::unix(path)?;
        remove_stale(path, &address)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address)?;
        let file = OwnFile::at(path)?;
        // Before it listens, so that no other user can connect.
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        socket.listen(BACKLOG)?;
        let listener = UnixListener::from_std(socket.into())?;
        Ok(Listener { listener, _file: Some(file) })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }
}

/// A socket whose file another program has made.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_its_own_file_is_removed() {
        let path = std::env::temp_dir().join(format!("shardgate-own-{}", std::process::id()));
        let first = Listener::bind(&path).expect("nothing is there");
        fs::rename(&path, path.with_extension("old")).expect("it is there");
        let second = Listener::bind(&path).expect("nothing is there any more");
        drop(first);
        assert!(path.exists(), "it is another's");
        drop(second);
        assert!(!path.exists());
        fs::remove_file(path.with_extension("old")).expect("nobody has removed it");
    }
}
