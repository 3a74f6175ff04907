//! Comparisons start and stop their targets, and sweeps their gateways.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::program::{PROGRAM, loadtest, profile, temporary};

fn rounds() -> [&'static str; 6] {
    ["--rounds", "2", "--round-seconds", "200ms", "--warmup", "20ms"]
}

#[test]
fn two_spawned_targets_are_measured_side_by_side_and_stopped() {
    let profile = profile("compare", "", "");
    let profile = profile.to_string_lossy();
    let spawn = format!("other={PROGRAM} sink --port {{port}}");
    let fixed = ["compare", "--json", "--profile", &profile, "--sink", "--spawn", &spawn];
    let output = loadtest(&[&fixed[..], &rounds()].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let names: Vec<&Value> =
        report["targets"].as_array().expect("a list").iter().map(|t| &t["name"]).collect();
    assert_eq!(names, ["sink", "other"]);
    assert_eq!(report.pointer("/targets/0/pushes_per_second_ratio/median"), Some(&1.0.into()));
    for target in report["targets"].as_array().expect("a list") {
        let round = &target["rounds"][0];
        assert!(round["successes"].as_u64().is_some_and(|n| n > 0), "{round}");
        let pid = round.pointer("/target_usage/pid").and_then(Value::as_u64).expect("a pid");
        assert!(!fs::exists(format!("/proc/{pid}")).expect("readable"), "{pid} still runs");
    }
}

#[test]
fn a_target_that_cannot_start_is_explained() {
    let profile = profile("unstarted", "", "");
    let profile = profile.to_string_lossy();
    let spawn = "broken=sh -c 'echo no such disk >&2; exit 3' {port}";
    let output = loadtest(&["compare", "--profile", &profile, "--spawn", spawn]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("no such disk"), "{said}");
}

#[test]
fn a_sweep_starts_the_gateway_at_every_number_of_shards() {
    let gateway = temporary("gateway.sh");
    // The port stands at the end of the first flag.
    let script = format!("#!/bin/sh\nexec {PROGRAM} sink --port \"${{1##*:}}\"\n");
    fs::write(&gateway, script).expect("the script can be written");
    fs::set_permissions(&gateway, fs::Permissions::from_mode(0o755)).expect("executable");
    let (profile, gateway) = (profile("sweep", "", ""), gateway.to_string_lossy().into_owned());
    let profile = profile.to_string_lossy();
    let fixed =
        ["sweep", "--json", "--profile", &profile, "--shards", "1,2,7", "--binary", &gateway];
    let output = loadtest(&[&fixed[..], &rounds()].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["baseline"], "shards=1");
    assert_eq!(report["targets"].as_array().map(Vec::len), Some(3));
}
