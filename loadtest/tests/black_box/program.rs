//! Runs the program and reads what it says.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_loadtest");

pub(crate) fn loadtest(args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).output().expect("the program starts")
}

/// A run with `--json`: its exit status and what it reported.
pub(crate) fn run_json(profile: &Path, target: &str, args: &[&str]) -> (bool, Value) {
    let profile = profile.to_string_lossy();
    let fixed = ["run", "--json", "--profile", &profile, "--target", target];
    let output = loadtest(&[&fixed, args].concat());
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no report: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.success(), report)
}

/// A file of this test run.
pub(crate) fn temporary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()))
}

/// A profile of one small body, with further top-level keys and tables.
pub(crate) fn profile(name: &str, keys: &str, tables: &str) -> PathBuf {
    let file = temporary(&format!("{name}.toml"));
    let text = format!(
        "about = \"a test\"\nconnections = 4\nwarmup = \"50ms\"\nduration = \"600ms\"\n{keys}\n\
         [[bodies]]\nfamilies = 3\nseries = 2\n{tables}\n"
    );
    let groups = if tables.contains("[groups]") { "" } else { "[groups]\ncount = 20\n" };
    fs::write(&file, format!("{text}{groups}")).expect("the file can be written");
    file
}

pub(crate) fn count(report: &Value, pointer: &str) -> u64 {
    report.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

pub(crate) fn seconds(report: &Value, percentile: &str) -> f64 {
    let found = report.pointer(&format!("/latency_seconds/{percentile}")).and_then(Value::as_f64);
    found.unwrap_or_else(|| panic!("no {percentile} in {report}"))
}

/// The sink, stopped when dropped.
pub(crate) struct Sink {
    child: Child,
    pub(crate) url: String,
}

impl Sink {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(flags: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["sink", "--port", "0"])
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the sink starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("it says where it listens");
        let url = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        Self { child, url }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
