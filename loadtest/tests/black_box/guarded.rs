//! Targets that want a password, or speak TLS.
//!
//! The certificate beside this file is for 127.0.0.1, until 2126, and signs itself; nobody else trusts it:
//! `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=localhost
//! -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE`.

use serde_json::Value;

use super::gateway::guarded;
use super::program::{PROGRAM, Sink, count, loadtest, profile, run_json};

const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/black_box/guarded-cert.pem");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/black_box/guarded-key.pem");

#[test]
fn whoever_is_given_asks_in_pushes_scrapes_and_to_verify() {
    let gateway = guarded("Basic cHVzaGVyOm9wZW46c2VzYW1l");
    let profile = profile("guarded", "", "[scraper]\ninterval = \"100ms\"\n");
    let right = ["--user", "pusher:open:sesame", "--verify"];
    let (success, report) = run_json(&profile, &gateway.url, &right);
    assert!(success && count(&report, "/verified/groups") == 20, "{report}");
    assert_eq!(report["errors"].as_object().map(serde_json::Map::len), Some(0), "{report}");
    assert!(count(&report, "/scrapes/count") > 0, "{report}");
    assert_eq!(report.pointer("/scrapes/errors"), Some(&serde_json::json!(0)), "{report}");
    let (_, report) = run_json(&profile, &gateway.url, &["--user", "pusher:sesame"]);
    assert!(count(&report, "/errors/status 401") > 0, "{report}");
    assert_eq!(count(&report, "/successes"), 0);
}

#[test]
fn a_user_without_a_password_is_refused() {
    let profile = profile("secret", "", "");
    let profile = profile.to_string_lossy();
    let fixed = ["run", "--profile", &profile, "--target", "http://127.0.0.1:1"];
    let output = loadtest(&[&fixed[..], &["--user", "sesame"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("NAME:PASSWORD"), "{said}");
}

#[test]
fn the_sink_speaks_tls_to_who_trusts_its_certificate() {
    let sink = Sink::start_with(&["--tls-cert", CERTIFICATE, "--tls-key", KEY]);
    assert!(sink.url.starts_with("https://"), "{}", sink.url);
    for keys in ["", "keep_alive = false"] {
        let (success, report) =
            run_json(&profile("tls", keys, ""), &sink.url, &["--ca", CERTIFICATE]);
        assert!(success && count(&report, "/successes") > 0, "{report}");
        assert_eq!(report["errors"].as_object().map(serde_json::Map::len), Some(0), "{report}");
    }
    let profile = profile("tls-untrusted", "", "");
    let profile = profile.to_string_lossy();
    let output = loadtest(&["run", "--profile", &profile, "--target", &sink.url]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("--ca"), "{said}");
}

#[test]
fn targets_that_are_started_speak_tls_too() {
    let profile = profile("compare-tls", "keep_alive = false", "");
    let profile = profile.to_string_lossy();
    let spawn =
        format!("other={PROGRAM} sink --port {{port}} --tls-cert={CERTIFICATE} --tls-key={KEY}");
    let fixed =
        ["compare", "--json", "--profile", &profile, "--ca", CERTIFICATE, "--spawn", &spawn];
    let sink = ["--sink", "--sink-cert", CERTIFICATE, "--sink-key", KEY];
    let rounds = ["--rounds", "1", "--round-seconds", "200ms", "--warmup", "20ms"];
    let output = loadtest(&[&fixed[..], &sink, &rounds].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let targets = report["targets"].as_array().expect("a list");
    assert_eq!(targets.len(), 2);
    for target in targets {
        assert!(count(target, "/rounds/0/successes") > 0, "{target}");
        assert_eq!(target.pointer("/rounds/0/errors"), Some(&serde_json::json!({})), "{target}");
    }
}

#[test]
fn a_sink_over_tls_needs_an_authority() {
    let profile = profile("no-authority", "", "");
    let profile = profile.to_string_lossy();
    let sink = ["--sink", "--sink-cert", CERTIFICATE, "--sink-key", KEY];
    let output = loadtest(&[&["compare", "--profile", &profile][..], &sink].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("--ca"), "{said}");
}
