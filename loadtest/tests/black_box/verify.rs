//! `--verify` catches what a gateway loses, and accuses none that loses nothing.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::gateway::{Fate, start};
use super::program::{count, profile, run_json};

fn findings(report: &Value) -> [u64; 4] {
    ["lost", "stale", "phantom", "half_applied"]
        .map(|what| count(report, &format!("/verified/{what}")))
}

#[test]
fn an_honest_gateway_is_clean() {
    let gateway = start(|_| Fate::Kept);
    let (success, report) = run_json(&profile("honest", "", ""), &gateway.url, &["--verify"]);
    assert_eq!(findings(&report), [0; 4], "{report}");
    assert!(success && count(&report, "/verified/groups") == 20);
}

#[test]
fn deletions_and_new_groups_are_accounted_for() {
    let gateway = start(|_| Fate::Kept);
    let tables = "[groups]\ncount = 20\nprefill = true\nchurn = 0.3\ndelete_replaced = true\n\
                  [mix]\nput = 8\ndelete = 2\n";
    let (success, report) = run_json(&profile("deleting", "", tables), &gateway.url, &["--verify"]);
    assert_eq!(findings(&report), [0; 4], "{report}");
    assert!(success && count(&report, "/verified/groups") > 20, "{report}");
}

#[test]
fn one_lost_push_in_ten_thousand_is_caught() {
    let gateway = start(|n| if n % 10_000 == 9_999 { Fate::Forgotten } else { Fate::Kept });
    let tables = "[groups]\ncount = 25000\nprefill = true\n";
    let profile = profile("losing", "", tables);
    let args = ["--verify", "--duration", "50ms", "--warmup", "1ms"];
    let (success, report) = run_json(&profile, &gateway.url, &args);
    let [lost, stale, phantom, half] = findings(&report);
    assert!(lost + stale >= 1 && !success, "{report}");
    assert_eq!([phantom, half], [0, 0], "{report}");
}

#[test]
fn a_push_applied_by_half_is_caught() {
    let gateway = start(|n| if n % 2 == 1 { Fate::Halved } else { Fate::Kept });
    let (success, report) = run_json(&profile("halving", "", ""), &gateway.url, &["--verify"]);
    assert!(count(&report, "/verified/half_applied") > 0 && !success, "{report}");
}

#[test]
fn a_restart_of_the_target_is_survived_and_accounted_for() {
    let gateway = start(|_| Fate::Kept);
    let url = gateway.url.clone();
    let restarting = thread::spawn(move || {
        thread::sleep(Duration::from_millis(700));
        gateway.restart_after(Duration::from_millis(300))
    });
    let profile = profile("restarting", "", "");
    let (success, report) = run_json(&profile, &url, &["--verify", "--duration", "2s"]);
    let _gateway = restarting.join().expect("it came back");
    assert_eq!(findings(&report), [0; 4], "{report}");
    assert!(success && count(&report, "/errors/connection refused") > 0, "{report}");
}

#[test]
fn each_group_is_looked_for_in_all_scrapes_and_is_in_one() {
    let (gateway, empty) = (start(|_| Fate::Kept), start(|_| Fate::Kept));
    for (index, (scrapes, lost, doubled)) in
        [([&gateway, &empty], 0, 0), ([&gateway, &gateway], 0, 20), ([&empty, &empty], 20, 0)]
            .into_iter()
            .enumerate()
    {
        // A path of its own, since what an earlier run has left is not its own.
        let path = format!(
            "[groups]\ncount = 20\nprefill = true\npath = \"/metrics/job/j/run{index}/{{group}}\"\n"
        );
        let scrapes = scrapes.map(|gateway| format!("--scrape={}", gateway.url));
        let args = ["--verify", &scrapes[0], &scrapes[1], "--duration", "200ms"];
        let (success, report) = run_json(&profile("scraped", "", &path), &gateway.url, &args);
        assert_eq!(findings(&report), [lost, 0, 0, 0], "{report}");
        assert_eq!(count(&report, "/verified/doubled"), doubled, "{report}");
        assert_eq!(success, lost + doubled == 0, "{report}");
    }
}
