//! The program, started with small bounds, and what the system says about its process.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::answer::Answer;
use crate::hostile::exchange::{read_answer, send};

/// How long a test waits for anything at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running gateway, killed when dropped.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) address: String,
}

impl Gateway {
    /// Starts the program with these flags, on a port of its own.
    pub(crate) fn start(flags: &[&str]) -> Gateway {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shardgate"))
            .args([
                "--web.listen-address=127.0.0.1:0",
                "--web.enable-admin-api",
                "--log.level=info",
            ])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut log = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let address = log.find_map(|line| {
            let line = line.expect("the log is text");
            Some(line.split_once("address=")?.1.to_owned())
        });
        // Keeps the pipe empty, so that the program can go on logging.
        std::thread::spawn(move || log.for_each(drop));
        Gateway { child, address: address.expect("it says where it listens") }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the gateway accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a wait that is not zero");
        stream.set_write_timeout(Some(PATIENCE)).expect("a wait that is not zero");
        stream
    }

    /// One request without a body, on a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Answer {
        let mut stream = self.connect();
        send(&mut stream, method, path);
        read_answer(&mut stream).expect("an answer")
    }

    pub(crate) fn assert_healthy(&self) {
        assert_eq!(self.ask("GET", "/-/healthy").status, 200);
    }

    /// What `/proc` says in a file about the process.
    fn proc(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.child.id());
        std::fs::read_to_string(path).expect("the process runs")
    }

    pub(crate) fn resident_kib(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|kib| kib.parse().ok()).expect("a process has memory")
    }

    pub(crate) fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path).expect("the process runs").count()
    }

    /// Waits until no more than `count` descriptors are open.
    pub(crate) fn wait_for_descriptors(&self, count: usize) {
        wait_until("descriptors are closed", || self.descriptors() <= count);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Looks again and again until `holds` is true.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
