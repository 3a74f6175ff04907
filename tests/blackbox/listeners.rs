//! Where the gateway listens, besides TCP.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::gateway::{start, status};

/// A directory of its own, removed when it is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("shardgate-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.0);
    }
}

fn flag(path: &Path) -> String {
    format!("--web.listen-address=unix://{}", path.display())
}

/// What the program says on standard error when it does not start.
fn refusal(flag: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_shardgate")).arg(flag).output().unwrap();
    assert!(!output.status.success(), "{flag}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_unix_socket_takes_pushes_and_goes_with_the_gateway() {
    let directory = Directory::new("unix");
    let path = directory.file("push.sock");
    let gateway = start(&[&flag(&path)]);
    let socket = fs::symlink_metadata(&path).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.permissions().mode() & 0o777, 0o660);
    let mut stream = UnixStream::connect(&path).unwrap();
    let push = b"PUT /metrics/job/a HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nm 1\n";
    stream.write_all(push).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), 200);
    assert_eq!(gateway.pushed(), [r#"m{instance="",job="a"} 1"#], "TCP is listened on, too");
    drop(gateway);
    assert!(!path.exists());
}

#[test]
fn a_socket_that_nobody_listens_on_is_replaced() {
    let directory = Directory::new("stale");
    let path = directory.file("push.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "as a gateway that was killed leaves it");
    let _gateway = start(&[&flag(&path)]);
    UnixStream::connect(&path).unwrap();
}

#[test]
fn what_is_in_use_or_no_socket_is_left_alone() {
    let directory = Directory::new("refused");
    let (used, file) = (directory.file("used.sock"), directory.file("file"));
    let _listener = UnixListener::bind(&used).unwrap();
    fs::write(&file, "precious").unwrap();
    let error = refusal(&flag(&used));
    assert!(error.contains("used.sock: somebody listens"), "{error}");
    UnixStream::connect(&used).unwrap();
    let error = refusal(&flag(&file));
    assert!(error.contains("is no socket"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert!(refusal(&flag(&directory.file("missing/x"))).contains("missing/x"));
    let long = "x".repeat(200);
    assert!(refusal(&flag(&directory.file(&long))).contains(&long));
    assert!(refusal("--web.listen-address=unix://x").contains("unix:///PATH"));
    assert!(refusal("--web.listen-address=vsock://x").contains("vsock://:PORT"));
}

#[test]
fn without_sockets_from_systemd_the_gateway_does_not_start() {
    let error = refusal("--web.systemd-socket");
    assert!(error.contains("--web.systemd-socket: systemd has handed over no socket"), "{error}");
}
