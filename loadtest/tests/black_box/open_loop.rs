//! An open loop shows what a closed one hides.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::program::{count, profile, run_json, seconds};
use super::server::{Reaction, Server};

/// Answers at once, except that it stalls once for a second, half a second into the run.
fn stalling() -> Server {
    let first_push: Mutex<Option<Instant>> = Mutex::new(None);
    Server::start(move |request| {
        if request.method == "PUT" {
            // Held while stalling, so that every other request waits too.
            let mut first = first_push.lock().expect("no thread panicked");
            let since = first.get_or_insert_with(Instant::now).elapsed();
            if (Duration::from_millis(500)..Duration::from_millis(1500)).contains(&since) {
                std::thread::sleep(Duration::from_millis(1500) - since);
            }
        }
        Reaction::Answer(200, String::new())
    })
}

#[test]
fn a_stall_of_a_second_shows_in_the_p99_of_an_open_loop_and_not_of_a_closed_one() {
    let arrivals = "[arrivals]\nkind = \"constant\"\nrate = 200\n";
    let args = ["--duration", "4s"];
    let (_, open) = run_json(&profile("stall-open", "", arrivals), &stalling().url, &args);
    let (_, closed) = run_json(&profile("stall-closed", "", ""), &stalling().url, &args);
    assert!(seconds(&open, "p99") > 0.8, "{open}");
    assert!(seconds(&open, "p90") > 0.4, "a quarter of the pushes were due in the stall: {open}");
    assert!(seconds(&closed, "p99") < 0.1, "{closed}");
    assert!(count(&open, "/sent_late") > 100, "{open}");
}

#[test]
fn the_rate_is_the_schedules_not_the_servers() {
    let server = Server::start(|_| Reaction::Answer(200, String::new()));
    let arrivals = "[arrivals]\nkind = \"constant\"\nrate = 500\n";
    let profile = profile("rate", "", arrivals);
    let (_, report) = run_json(&profile, &server.url, &["--duration", "2s"]);
    assert!((995..=1005).contains(&count(&report, "/successes")), "{report}");
}

#[test]
fn pushes_that_a_silent_server_leaves_waiting_have_latencies() {
    let server = Server::start(|request| match request.method.as_str() {
        "PUT" => Reaction::Late(Duration::from_secs(3600)),
        _ => Reaction::Answer(200, String::new()),
    });
    let arrivals = "[arrivals]\nkind = \"constant\"\nrate = 100\n";
    let (_, report) = run_json(&profile("unanswered", "", arrivals), &server.url, &[]);
    assert!(count(&report, "/errors/without an answer at the end") >= 58, "{report}");
    assert!(seconds(&report, "p50") > 2.0, "{report}");
}
