//! Gateways that are killed: what keeps nothing is told, and what ends too early is explained.
//! What a real gateway keeps is tested in `tests/peers/test_crash.py`.

use serde_json::Value;

use super::program::{PROGRAM, count, loadtest};

const BRIEFLY: [&str; 5] = ["crash", "--json", "--rounds=3", "--round-time=50ms..300ms", "--"];

#[test]
fn the_sink_acknowledges_everything_and_keeps_nothing() {
    let command = [&format!("nothing={PROGRAM}"), "sink", "--port={port}"];
    let push = [&["crash", "--promise=push"], &BRIEFLY[1..], &command].concat();
    let output = loadtest(&push);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert!(!output.status.success() && report["target"] == "nothing", "{report}");
    let [rounds, pushes, deletes, lost] =
        ["/rounds", "/acknowledged_pushes", "/acknowledged_deletes", "/lost"]
            .map(|what| count(&report, what));
    assert!(rounds == 3 && pushes > 0 && deletes > 0, "{report}");
    assert!((1..=pushes).contains(&lost), "{report}");
    for what in ["/resurrected", "/phantom", "/half_applied", "/lost_within_interval"] {
        assert_eq!(count(&report, what), 0, "{report}");
    }
    // Within a second, nothing was promised.
    let output = loadtest(&[&BRIEFLY[..], &command].concat());
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert!(output.status.success() && count(&report, "/lost_within_interval") > 0, "{report}");
    assert_eq!(report.pointer("/promise/interval_seconds"), Some(&1.0.into()));
}

#[test]
fn a_gateway_that_cannot_be_killed_by_the_tester_is_explained() {
    let cases: [(&[&str], &str); 3] = [
        (&["sh", "-c", "echo no such disk >&2; exit 3", "{port}"], "no such disk"),
        (&[PROGRAM, "sink", "--port=0"], "{port}"),
        (&[&format!("timeout={PROGRAM}")], "{port}"),
    ];
    for (command, reason) in cases {
        let output = loadtest(&[&BRIEFLY[..], command].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(reason), "{said}");
    }
    // It ends before its time.
    let command = ["timeout", "1.5", PROGRAM, "sink", "--port={port}"];
    let output =
        loadtest(&[&["crash", "--rounds=1", "--round-time=3s..3s", "--"][..], &command].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("timeout ended by itself"), "{said}");
}
