//! Whatever a server does, the run goes on and says what happened.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::program::{count, profile, run_json, seconds};
use super::server::{Reaction, Server};

fn every(nth: u64, special: Reaction) -> Server {
    let requests = AtomicU64::new(0);
    Server::start(move |_| match requests.fetch_add(1, Ordering::Relaxed) % nth {
        0 => special.clone(),
        _ => Reaction::Answer(200, String::new()),
    })
}

#[test]
fn a_slow_server_shows_as_slow() {
    let server = every(1, Reaction::Late(Duration::from_millis(30)));
    let (_, report) = run_json(&profile("slow", "", ""), &server.url, &[]);
    assert!((0.030..0.060).contains(&seconds(&report, "p50")), "{report}");
    assert_eq!(report["errors"].as_object().map(serde_json::Map::len), Some(0));
}

#[test]
fn a_server_that_drops_connections_is_counted_and_pushed_to_again() {
    let server = every(10, Reaction::HangUp);
    let (_, report) = run_json(&profile("dropping", "", ""), &server.url, &[]);
    let dropped = count(&report, "/errors/closed before the answer")
        + count(&report, "/errors/connection reset");
    let answered = count(&report, "/successes");
    assert!(dropped > 0 && answered > 5 * dropped, "{report}");
}

#[test]
fn errors_are_counted_by_status_with_the_first_explanation() {
    let server = every(2, Reaction::Answer(500, "the disk is full\n".to_owned()));
    let (_, report) = run_json(&profile("errors", "", ""), &server.url, &[]);
    assert!(count(&report, "/errors/status 500") > 0, "{report}");
    assert_eq!(report["first_error"], "500: the disk is full");
}

#[test]
fn a_server_that_announces_its_closing_costs_no_push() {
    let server = every(1, Reaction::AnswerAndClose);
    let (_, report) = run_json(&profile("closing", "", ""), &server.url, &[]);
    assert!(count(&report, "/successes") > 10, "{report}");
    assert_eq!(report["errors"].as_object().map(serde_json::Map::len), Some(0), "{report}");
}

#[test]
fn a_server_that_closes_unannounced_is_found_out() {
    let server = every(1, Reaction::AnswerAndHangUp);
    let (_, report) = run_json(&profile("hanging-up", "", ""), &server.url, &[]);
    assert!(count(&report, "/successes") > 10, "{report}");
    assert!(report["errors"].as_object().is_some_and(|errors| !errors.is_empty()), "{report}");
}

#[test]
fn what_is_not_http_is_malformed() {
    let server = every(1, Reaction::Garbage);
    let (_, report) = run_json(&profile("garbage", "", ""), &server.url, &[]);
    assert!(count(&report, "/errors/malformed answer") > 0, "{report}");
    assert_eq!(count(&report, "/successes"), 0);
}

#[test]
fn a_server_that_never_answers_does_not_hold_the_run() {
    let server = every(1, Reaction::Late(Duration::from_secs(3600)));
    let (_, report) = run_json(&profile("silent", "timeout = \"200ms\"", ""), &server.url, &[]);
    assert!(count(&report, "/errors/timed out") >= 4, "{report}");
}

#[test]
fn one_connection_per_push_is_one_connection_per_push() {
    let server = every(1, Reaction::AnswerAndHangUp);
    let profile = profile("per-push", "keep_alive = false", "");
    let (_, report) = run_json(&profile, &server.url, &[]);
    assert!(count(&report, "/successes") > 10, "{report}");
    assert_eq!(report["errors"].as_object().map(serde_json::Map::len), Some(0), "{report}");
}
