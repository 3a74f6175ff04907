//! What systemd hears of the gateway. The test is at the other end of the notify socket.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Service {
    child: Child,
    socket: UnixDatagram,
    path: PathBuf,
}

fn start(name: &str, flags: &[&str], environment: &[(&str, &str)]) -> Service {
    let path = std::env::temp_dir().join(format!("shardgate-{name}-{}", std::process::id()));
    let _old = std::fs::remove_file(&path);
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_shardgate"))
        .arg("--web.listen-address=127.0.0.1:0")
        .args(flags)
        .env("NOTIFY_SOCKET", &path)
        .envs(environment.iter().copied())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Service { child, socket, path }
}

impl Service {
    fn hear(&self) -> String {
        let mut message = [0; 4096];
        let bytes = self.socket.recv(&mut message).unwrap();
        String::from_utf8(message[..bytes].to_vec()).unwrap()
    }

    /// Hears until a message has this line, and answers how many have come before.
    fn hear_until(&self, line: &str) -> usize {
        (0..1000).position(|_| self.hear().lines().any(|found| found == line)).unwrap()
    }

    fn terminate(&self) {
        let sent = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
        let _gone = std::fs::remove_file(&self.path);
    }
}

#[test]
fn it_hears_that_the_gateway_is_ready_and_stops() {
    let mut service = start("notify", &[], &[]);
    let ready = service.hear();
    assert!(ready.lines().any(|line| line == "READY=1"), "{ready}");
    assert!(ready.contains("STATUS=serving"), "{ready}");
    service.terminate();
    let stopping = service.hear();
    assert!(stopping.lines().any(|line| line == "STOPPING=1"), "no watchdog is wanted: {stopping}");
    assert!(service.child.wait().unwrap().success());
}

#[test]
fn the_gateway_is_ready_once_what_is_kept_is_loaded() {
    let file = std::env::temp_dir().join(format!("shardgate-kept-{}", std::process::id()));
    let flag = format!("--persistence.file={}", file.display());
    let service = start("load", &[&flag], &[]);
    assert!(service.hear().contains("STATUS=loading"));
    service.hear_until("READY=1");
    drop(service);
    std::fs::remove_file(&file).unwrap();
    // A file that cannot be loaded: ready is what must never be heard.
    std::fs::write(&file, "no store").unwrap();
    let mut service = start("unloaded", &[&flag], &[]);
    assert!(!service.child.wait().unwrap().success());
    service.socket.set_nonblocking(true).unwrap();
    let mut message = [0; 4096];
    while let Ok(bytes) = service.socket.recv(&mut message) {
        assert!(!message[..bytes].starts_with(b"READY"), "nothing is loaded");
    }
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_watchdog_hears_twice_in_its_time_that_all_is_well() {
    let service = start("watchdog", &[], &[("WATCHDOG_USEC", "400000")]);
    service.hear_until("READY=1");
    let since = std::time::Instant::now();
    for _ in 0..5 {
        service.hear_until("WATCHDOG=1");
    }
    let seconds = since.elapsed().as_secs_f64();
    assert!((0.7..3.0).contains(&seconds), "{seconds}");
}

#[test]
fn a_watchdog_of_another_process_hears_nothing() {
    let environment = [("WATCHDOG_USEC", "100000"), ("WATCHDOG_PID", "1")];
    let service = start("other", &[], &environment);
    service.hear_until("READY=1");
    service.socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert!(service.socket.recv(&mut [0; 64]).is_err());
}
