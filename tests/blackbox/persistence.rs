//! The program with a file to keep its groups in: how it is started, killed, asked, and compared.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::formats::without_own;
use crate::gateway::{Answer, read_answer};

/// How long an answer may take. A machine that stands still for a while is no failure.
const ANSWER_WAIT: Duration = Duration::from_secs(120);
/// How often to look whether something has happened that has to by itself, and how long to wait in between:
/// counted instead of timed for the same reason.
const LOOKS: u32 = 1000;
const LOOK_WAIT: Duration = Duration::from_millis(20);

/// An empty directory, gone when this is dropped.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Directory {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("persistence-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir(&path).unwrap();
        Directory(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the tests have their store.
    pub(crate) fn store(&self) -> PathBuf {
        self.0.join("store")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _may_stay = std::fs::remove_dir_all(&self.0);
    }
}

/// The flag that names the file.
pub(crate) fn file_flag(file: &Path) -> String {
    format!("--persistence.file={}", file.to_str().unwrap())
}

/// The program, not started yet, with these flags besides a listen address.
pub(crate) fn program(flags: &[&str]) -> Command {
    let mut command = program_alone(&["--web.listen-address=127.0.0.1:0"]);
    command.args(flags);
    command
}

/// The program, not started yet, with these words and no others.
pub(crate) fn program_alone(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shardgate"));
    command.args(words);
    command
}

/// The program that keeps its groups in `file`, serving.
pub(crate) fn start(file: &Path, flags: &[&str]) -> Process {
    let gateway = Process::start(program(flags).arg(file_flag(file)));
    gateway.await_ready();
    gateway
}

/// A running program. Killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    address: String,
    /// The lines of its log from the one on that says where it listens, so far.
    log: Arc<Mutex<Vec<String>>>,
    logging: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts the program, and answers as soon as it listens.
    pub(crate) fn start(command: &mut Command) -> Process {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let address = log.find_map(|line| Some(line.split_once("address=")?.1.to_owned()));
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let so_far = Arc::clone(&lines);
        let logging = std::thread::spawn(move || {
            log.for_each(|line| so_far.lock().unwrap().push(line));
        });
        Process { child, address: address.unwrap(), log: lines, logging: Some(logging) }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its log, once a line of it holds `awaited`.
    pub(crate) fn log_so_far(&self, awaited: &str) -> Vec<String> {
        let log = || self.log.lock().unwrap().clone();
        await_that(awaited, || log().iter().any(|line| line.contains(awaited)));
        log()
    }

    pub(crate) fn id(&self) -> String {
        self.child.id().to_string()
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(ANSWER_WAIT)).unwrap();
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n");
        stream.write_all(format!("{head}{headers}\r\n").as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        read_answer(&mut stream).unwrap_or_else(|| panic!("{method} {path} was not answered"))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    /// Pushes what is to be taken.
    pub(crate) fn put(&self, path: &str, body: &str) {
        let answer = self.send("PUT", path, &[], body.as_bytes());
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }

    /// The lines of a text scrape that are not about the gateway, in order of the alphabet.
    pub(crate) fn lines(&self) -> Vec<String> {
        let accept = "accept: text/plain; version=0.0.4; escaping=allow-utf-8";
        let answer = self.send("GET", "/metrics", &[accept], b"");
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut lines: Vec<String> =
            without_own(answer.text()).into_iter().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// The value of one of the gateway's own metrics.
    pub(crate) fn own(&self, name: &str) -> f64 {
        let scrape = self.get(&format!("/metrics?name[]={name}"));
        let mut lines = scrape.text().lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap().parse().unwrap()
    }

    pub(crate) fn await_ready(&self) {
        await_that("it is ready", || self.get("/-/ready").status == 200);
    }

    /// Waits until all that was pushed has been written down.
    pub(crate) fn await_saved(&self) {
        let dirty = "shardgate_persistence_dirty_groups";
        await_that("all is on disk", || self.own(dirty) == 0.0);
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has. Answers how, and what it had logged.
    pub(crate) fn terminate(self) -> (ExitStatus, Vec<String>) {
        let sent = Command::new("kill").args(["-TERM", &self.id()]).status();
        assert!(sent.unwrap().success());
        self.ended()
    }

    /// Waits until it has ended. Answers how, and what it had logged.
    pub(crate) fn ended(mut self) -> (ExitStatus, Vec<String>) {
        await_that("it has ended", || self.child.try_wait().unwrap().is_some());
        self.logging.take().unwrap().join().unwrap();
        let log = std::mem::take(&mut *self.log.lock().unwrap());
        (self.child.wait().unwrap(), log)
    }

    /// Ends it in good order.
    pub(crate) fn stop(self) {
        let (status, log) = self.terminate();
        assert!(status.success(), "{log:?}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _has_ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

pub(crate) fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if is_so() {
            return;
        }
        std::thread::sleep(LOOK_WAIT);
    }
    panic!("{what}: not within {:?}", LOOKS * LOOK_WAIT);
}

/// What a program that ends by itself says.
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    /// Standard error, without the log.
    pub(crate) errors: Vec<String>,
}

/// Runs a program that has to end within 10 s, its output no more than a pipe holds.
pub(crate) fn run(command: &mut Command) -> Said {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let has_ended = (0..LOOKS / 2).any(|_| {
        std::thread::sleep(LOOK_WAIT);
        child.try_wait().unwrap().is_some()
    });
    if !has_ended {
        child.kill().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(has_ended, "{command:?} has not ended: {errors}");
    let errors = errors.lines().filter(|line| !line.starts_with("ts=")).map(str::to_owned);
    let out = String::from_utf8(output.stdout).unwrap();
    Said { status: output.status, out, errors: errors.collect() }
}
