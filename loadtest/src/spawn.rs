//! Targets that the tester starts and stops itself.
//!
//! Ends only the process it started, on a free port of loopback. Never uses a shell: what is
//! stopped is what was started.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, fmt, fs, io, thread};

use rustix::process::{Pid, Signal, kill_process};

use crate::client::{Target, TargetError, fetch};
use crate::measure::Process;

/// How to start a target: a command in which `{port}` stands for the port.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) name: String,
    words: Vec<String>,
}

/// Why a target could not be started.
#[derive(Debug)]
pub(crate) enum SpawnError {
    Start(String, io::Error),
    /// It ended before it answered; with the end of what it said.
    Ended(String, ExitStatus, String),
    /// It ended while it was in use; with the end of what it said.
    Died(String, ExitStatus, String),
    NotReady(String, Duration),
    Target(TargetError),
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(name, error) => write!(f, "{name}: cannot start: {error}"),
            Self::Ended(name, status, said) => write!(f, "{name} ended at once ({status}): {said}"),
            Self::Died(name, status, said) => {
                write!(f, "{name} ended by itself ({status}): {said}")
            }
            Self::NotReady(name, limit) => write!(f, "{name} was not ready after {limit:?}"),
            Self::Target(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SpawnError {}

impl Recipe {
    /// `words` are the program and its arguments.
    pub(crate) fn new(name: String, words: Vec<String>) -> Self {
        assert!(!words.is_empty(), "a recipe has a program");
        Self { name, words }
    }

    /// `name=command with {port}`; the name may be left out.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::from_words(split_words(text)?)
    }

    /// The same with the words of the command apart; the name stands before the first.
    pub(crate) fn from_words(mut words: Vec<String>) -> Result<Self, String> {
        let first = words.first_mut().ok_or("an empty command")?;
        let name = match first.split_once('=') {
            Some((name, program)) if is_name(name) => {
                let name = name.to_owned();
                *first = program.to_owned();
                name
            }
            _ => first.rsplit('/').next().unwrap_or(first).to_owned(),
        };
        if first.is_empty() {
            return Err("an empty command".to_owned());
        }
        if !words.iter().any(|word| word.contains("{port}")) {
            return Err(format!("`{}` has no {{port}}", words.join(" ")));
        }
        Ok(Self { name, words })
    }

    /// The bare ceiling, served by this same program; over TLS if a certificate and its key are given.
    pub(crate) fn sink(tls: Option<(&Path, &Path)>) -> io::Result<Self> {
        let program = env::current_exe()?.to_string_lossy().into_owned();
        let mut words = [program.as_str(), "sink", "--port", "{port}"].map(str::to_owned).to_vec();
        if let Some((certificate, key)) = tls {
            words.push(format!("--tls-cert={}", certificate.display()));
            words.push(format!("--tls-key={}", key.display()));
        }
        Ok(Self { name: "sink".to_owned(), words })
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Splits a command at blanks outside of quotes.
fn split_words(command: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quote.is_some() { Err(format!("`{command}` has an open quote")) } else { Ok(words) }
}

/// A running target; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) target: Target,
    /// From its start to its first answer that it is ready.
    pub(crate) ready_after: Duration,
    name: String,
    child: Child,
    log: PathBuf,
}

/// A start may load a store first.
const READY_LIMIT: Duration = Duration::from_secs(60);

impl Spawned {
    /// Over TLS if an authority is given that signs its certificate for 127.0.0.1.
    pub(crate) fn start(recipe: &Recipe, ca_file: Option<&Path>) -> Result<Self, SpawnError> {
        let failed = |error| SpawnError::Start(recipe.name.clone(), error);
        let port = free_port().map_err(failed)?;
        let words: Vec<String> =
            recipe.words.iter().map(|word| word.replace("{port}", &port.to_string())).collect();
        let log = env::temp_dir().join(format!("loadtest-{}-{port}.log", std::process::id()));
        let output = File::create(&log).map_err(failed)?;
        let started = Instant::now();
        let child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            .spawn()
            .map_err(failed)?;
        let scheme = if ca_file.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://127.0.0.1:{port}");
        let target = Target::parse(&url, ca_file, false).map_err(SpawnError::Target)?;
        let name = recipe.name.clone();
        let mut spawned = Self { target, ready_after: Duration::ZERO, name, child, log };
        spawned.wait_until_ready(started)?;
        spawned.ready_after = started.elapsed();
        Ok(spawned)
    }

    pub(crate) fn process(&self) -> Process {
        Process { pid: self.child.id() }
    }

    /// Ends it with SIGKILL, which leaves it no time for anything; the moment just before.
    pub(crate) fn kill(&mut self) -> Result<Instant, SpawnError> {
        let failed = |error| SpawnError::Start(self.name.clone(), error);
        if let Some(status) = self.child.try_wait().map_err(failed)? {
            return Err(SpawnError::Died(self.name.clone(), status, self.last_words()));
        }
        let at = Instant::now();
        self.child.kill().and_then(|()| self.child.wait()).map_err(failed)?;
        Ok(at)
    }

    /// The last line of what it said.
    fn last_words(&self) -> String {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        said.trim().lines().last().unwrap_or("it said nothing").to_owned()
    }

    fn wait_until_ready(&mut self, started: Instant) -> Result<(), SpawnError> {
        const ASK_EVERY: Duration = Duration::from_millis(5);
        let name = self.name.clone();
        let failed = |error| SpawnError::Start(name.clone(), error);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        while started.elapsed() < READY_LIMIT {
            if let Some(status) = self.child.try_wait().map_err(failed)? {
                return Err(SpawnError::Ended(name, status, self.last_words()));
            }
            if runtime.block_on(is_ready(&self.target)) {
                return Ok(());
            }
            thread::sleep(ASK_EVERY);
        }
        Err(SpawnError::NotReady(name, READY_LIMIT))
    }

    fn stop(&mut self) -> io::Result<()> {
        const STOP_LIMIT: Duration = Duration::from_secs(10);
        const LOOK_EVERY: Duration = Duration::from_millis(10);
        if self.child.try_wait()?.is_none() {
            kill_process(Pid::from_child(&self.child), Signal::TERM)?;
            let asked = Instant::now();
            while self.child.try_wait()?.is_none() && asked.elapsed() < STOP_LIMIT {
                thread::sleep(LOOK_EVERY);
            }
            if self.child.try_wait()?.is_none() {
                self.child.kill()?;
                self.child.wait()?;
            }
        }
        fs::remove_file(&self.log)
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        // Nothing is left to do about a process that cannot be stopped.
        let _ = self.stop();
    }
}

/// Any answer will do, except that it is not ready yet: the sink has no readiness endpoint.
async fn is_ready(target: &Target) -> bool {
    const NOT_YET: u16 = 503;
    let request = format!(
        "GET {}/-/ready HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        target.prefix, target.authority
    );
    let answer = fetch(target, request.as_bytes(), Duration::from_secs(1)).await;
    answer.is_ok_and(|(answer, _)| answer.status != NOT_YET)
}

/// A port that was free a moment ago; nothing better can be had from outside the target.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_has_a_name_words_and_a_port() {
        let recipe = Recipe::parse("pgw=server --listen=127.0.0.1:{port} 'two words' --x=''")
            .expect("valid");
        assert_eq!(recipe.name, "pgw");
        assert_eq!(recipe.words, ["server", "--listen=127.0.0.1:{port}", "two words", "--x="]);
        let unnamed = Recipe::parse("/usr/bin/server --listen=:{port}").expect("valid");
        assert_eq!(unnamed.name, "server");
        let apart = ["a=my server", "--x", "{port}"].map(str::to_owned).to_vec();
        let apart = Recipe::from_words(apart).expect("valid");
        assert_eq!((apart.name.as_str(), apart.words[0].as_str()), ("a", "my server"));
        for wrong in ["", "x=", "x= {port}", "server", "server '{port}"] {
            assert!(Recipe::parse(wrong).is_err(), "{wrong}");
        }
    }
}
