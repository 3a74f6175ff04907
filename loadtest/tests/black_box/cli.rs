//! What the program refuses, and how it ends.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::program::{PROGRAM, Sink, loadtest, profile};
use super::server::{Reaction, Server};

#[test]
fn a_target_elsewhere_is_refused_unless_owned() {
    let profile = profile("elsewhere", "", "");
    let profile = profile.to_string_lossy();
    let output = loadtest(&["run", "--profile", &profile, "--target", "http://192.0.2.1:9091"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("--i-own-this-target"), "{said}");
}

#[test]
fn a_wrong_profile_is_an_error_that_names_the_line() {
    let profile = profile("wrong", "colour = \"red\"", "");
    let profile = profile.to_string_lossy();
    let output = loadtest(&["run", "--profile", &profile, "--target", "http://127.0.0.1:1"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("line 5") && said.contains("colour"), "{said}");
}

#[test]
fn a_target_that_is_not_there_is_an_error() {
    let profile = profile("nobody", "", "");
    let profile = profile.to_string_lossy();
    let output = loadtest(&["run", "--profile", &profile, "--target", "http://127.0.0.1:1"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("connection refused"), "{said}");
}

#[test]
fn ctrl_c_ends_a_run_early_and_still_reports() {
    let sink = Sink::start();
    let profile = profile("interrupted", "", "");
    let started = Instant::now();
    let child = Command::new(PROGRAM)
        .args(["run", "--json", "--duration", "60s", "--target", &sink.url, "--profile"])
        .arg(profile)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    thread::sleep(Duration::from_secs(1));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success() && started.elapsed() < Duration::from_secs(20));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    let measured = report["measured_seconds"].as_f64().expect("a number");
    assert!(measured < 20.0 && report["successes"].as_u64().is_some_and(|n| n > 0), "{report}");
}

#[test]
fn json_has_what_a_plot_over_time_needs() {
    let sink = Sink::start();
    let profile = profile("over-time", "", "");
    let profile = profile.to_string_lossy();
    let output = loadtest(&["run", "--json", "--profile", &profile, "--target", &sink.url]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    let over_time = report["over_time"].as_object().expect("an object");
    let column = |name: &str| over_time[name].as_array().expect(name).clone();
    let successes: u64 = column("successes").iter().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(Some(successes), report["successes"].as_u64());
    for name in ["errors", "latency_p50_seconds", "latency_p99_seconds", "latency_max_seconds"] {
        assert_eq!(column(name).len(), column("successes").len(), "{name}");
    }
    let memory = column("resident_bytes");
    assert!(!memory.is_empty() && memory.iter().all(|moment| moment[1].as_u64() > Some(0)));
}

#[test]
fn a_duration_without_its_unit_is_refused_as_the_gateway_does() {
    for flag in ["--duration", "--warmup"] {
        let output =
            loadtest(&["run", flag, "5", "--profile", "x", "--target", "http://127.0.0.1:1"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("`5` has no unit: write 5s"), "{said}");
    }
}

#[test]
fn a_target_that_answers_nothing_has_no_latency() {
    let server = Server::start(|_| Reaction::HangUp);
    let profile = profile("dead", "", "");
    let profile = profile.to_string_lossy();
    let output = loadtest(&["run", "--profile", &profile, "--target", &server.url]);
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(table.contains("p50 - p75 -") && !table.contains("0ns"), "{table}");
    let output = loadtest(&["run", "--json", "--profile", &profile, "--target", &server.url]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert!(report["latency_seconds"]["p50"].is_null() && report["successes"] == 0, "{report}");
}
