//! Sums of groups: retries, restarts, sources that go, increments, and what is kept over a crash and with other rules.

use std::time::{Duration, Instant};

use crate::gateway::{Running, start};
use crate::persistence::{self, file_flag};
use crate::rules::Rules;

const WITHOUT_INSTANCE: &str =
    "rules: [{ match: '{job=\"w\"}', aggregate: { without: [instance], gauges: sum } }]";
const INCREMENTS: &str =
    "rules: [{ match: '{job=\"w\"}', aggregate: { without: [instance], counters: increments } }]";

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn counter(value: f64) -> String {
    format!("# TYPE c_total counter\nc_total {value}\n# TYPE g gauge\ng {value}\n")
}

const TOTAL: &str = "c_total{instance=\"\",job=\"w\"}";
const GAUGE: &str = "g{instance=\"\",job=\"w\"}";

/// The lines of the job, without the push times.
fn lines(gateway: &Running) -> Vec<String> {
    let lines = gateway.pushed().into_iter();
    let is_own = |line: &str| line.starts_with("push_") || line.starts_with("shardgate_");
    lines.filter(|line| line.contains("job=\"w\"") && !is_own(line)).collect()
}

#[test]
fn a_retry_adds_nothing_and_only_the_sum_is_shown() {
    let rules = Rules::new(WITHOUT_INSTANCE);
    let gateway = start(&[&rules.flag()]);
    for _ in 0..3 {
        for source in 1..=3 {
            let path = format!("/metrics/job/w/instance/{source}");
            assert_eq!(gateway.put(&path, &counter(f64::from(source))).status, 200);
        }
    }
    assert_eq!(lines(&gateway), [format!("{TOTAL} 6"), format!("{GAUGE} 6")]);
    assert_eq!(gateway.put("/metrics/job/w/instance/3", &counter(1.0)).status, 200, "a restart");
    assert_eq!(lines(&gateway), [format!("{TOTAL} 7"), format!("{GAUGE} 4")]);
    assert_eq!(gateway.put("/metrics/job/other/instance/3", "m 1\n").status, 200);
    let scrape = gateway.scrape();
    let times = scrape.text().matches("\npush_time_seconds{").count();
    assert_eq!(times, 2, "of the sum and of the other group");
}

#[test]
fn a_source_that_goes_leaves_its_counts_and_a_sum_that_goes_takes_its_sources() {
    let rules = Rules::new(
        "rules: [{ match: '{job=\"w\",instance=\"short\"}', expire: 1 }, { match: '{job=\"w\"}', aggregate: { without: [instance], gauges: sum } }]",
    );
    let gateway = start(&[&rules.flag()]);
    for (source, value) in [("a", 5.0), ("b", 7.0), ("short", 11.0)] {
        let path = format!("/metrics/job/w/instance/{source}");
        assert_eq!(gateway.put(&path, &counter(value)).status, 200);
    }
    assert_eq!(gateway.value(TOTAL), Some(23.0));
    until("a source expires", || gateway.value(GAUGE) == Some(12.0));
    assert_eq!(gateway.value(TOTAL), Some(23.0));
    assert_eq!(gateway.delete("/metrics/job/w/instance/a").status, 202);
    assert_eq!(lines(&gateway), [format!("{TOTAL} 23"), format!("{GAUGE} 7")]);
    assert_eq!(gateway.put("/metrics/job/w/instance/b", "").status, 200);
    assert_eq!(lines(&gateway), [format!("{TOTAL} 23")], "its series are gone");
    assert_eq!(gateway.delete("/metrics/job/w").status, 202);
    assert!(lines(&gateway).is_empty());
    assert_eq!(gateway.put("/metrics/job/w/instance/b", &counter(8.0)).status, 200);
    assert_eq!(gateway.value(TOTAL), Some(8.0), "nothing is left of before");
}

#[test]
fn other_buckets_other_types_and_pushes_to_the_sum_itself_are_refused() {
    let rules = Rules::new(
        "rules: [{ match: '{job=\"w\",instance!=\"\"}', aggregate: { without: [instance] } }]",
    );
    let gateway = start(&[&rules.flag()]);
    let histogram = |bound: u32| {
        format!(
            "# TYPE h histogram\nh_bucket{{le=\"{bound}\"}} 1\nh_bucket{{le=\"+Inf\"}} 1\nh_sum 1\nh_count 1\n"
        )
    };
    assert_eq!(gateway.put("/metrics/job/w/instance/a", &histogram(5)).status, 200);
    let answer = gateway.put("/metrics/job/w/instance/b", &histogram(10));
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("10, +Inf") && answer.text().contains("5, +Inf"));
    let answer = gateway.put("/metrics/job/w/instance/b", "# TYPE h gauge\nh 1\n");
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("histogram"), "{}", answer.text());
    let answer = gateway.put("/metrics/job/w", "m 1\n");
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("is a sum of sources"), "{}", answer.text());
    assert_eq!(gateway.value("h_count{instance=\"\",job=\"w\"}"), Some(1.0));
    let failed = gateway.value("push_failure_time_seconds{instance=\"\",job=\"w\"}");
    assert!(failed.unwrap() > 1.7e9);
}

#[test]
fn increments_need_a_key_and_the_same_key_counts_once() {
    let rules = Rules::new(INCREMENTS);
    let gateway = start(&[&rules.flag()]);
    let push = |source: &str, header: &str, value: f64| {
        let path = format!("/metrics/job/w{source}");
        gateway.send("POST", &path, &[header], counter(value).as_bytes())
    };
    let answer = push("", "x: y", 1.0);
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("Idempotency-Key"), "{}", answer.text());
    assert_eq!(push("/instance/a", "idempotency-key: 1", 2.0).status, 200);
    assert_eq!(push("/instance/a", "idempotency-key: 1", 2.0).status, 200);
    assert_eq!(push("/instance/a", "shardgate-push-id: 2", 3.0).status, 200);
    assert_eq!(push("/instance/b", "idempotency-key: 1", 5.0).status, 200, "keys are of a source");
    assert_eq!(push("", "idempotency-key: 1", 10.0).status, 200, "the sum's key is a source too");
    assert_eq!(push("", "idempotency-key: 1", 10.0).status, 200);
    assert_eq!(gateway.value(TOTAL), Some(20.0));
    assert_eq!(gateway.value(GAUGE), Some(10.0), "the last one");
    assert_eq!(push("", "idempotency-key: 3", -1.0).status, 400);
    assert_eq!(push("", &format!("idempotency-key: {}", "x".repeat(300)), 1.0).status, 400);
    assert_eq!(gateway.value(TOTAL), Some(20.0));
}

#[test]
fn sums_sources_and_keys_survive_a_kill() {
    for (rules, total) in [(WITHOUT_INSTANCE, 9.0), (INCREMENTS, 9.0)] {
        let rules = Rules::new(rules);
        let store = rules.0.store();
        let flags = [rules.flag(), "--persistence.sync=push".to_owned()];
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let gateway = persistence::start(&store, &flags);
        gateway.await_ready();
        let push = |gateway: &persistence::Process, source: u32, value: f64| {
            let header = format!("idempotency-key: {source}");
            let path = format!("/metrics/job/w/instance/{source}");
            gateway.send("PUT", &path, &[&header], counter(value).as_bytes()).status
        };
        for (source, value) in [(1, 2.0), (2, 3.0), (3, 4.0)] {
            assert_eq!(push(&gateway, source, value), 200);
        }
        assert_eq!(gateway.send("DELETE", "/metrics/job/w/instance/3", &[], b"").status, 202);
        let before = gateway.lines();
        assert!(before.contains(&format!("{TOTAL} {total}")), "{before:?}");
        gateway.kill();
        let gateway = persistence::start(&store, &flags);
        gateway.await_ready();
        assert_eq!(gateway.lines(), before);
        for (source, value) in [(1, 2.0), (2, 3.0)] {
            assert_eq!(push(&gateway, source, value), 200, "a retry");
        }
        assert!(gateway.lines().contains(&format!("{TOTAL} {total}")), "{:?}", gateway.lines());
        gateway.stop();
    }
}

#[test]
fn changed_rules_move_groups_and_nothing_is_lost_or_shown_twice() {
    let rules = Rules::new("rules: []");
    let flags = [rules.flag(), file_flag(&rules.0.store())];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let gateway = start(&flags);
    until("it is ready", || gateway.get("/-/ready").status == 200);
    for source in 1..=4 {
        let path = format!("/metrics/job/w/instance/{source}");
        assert_eq!(gateway.put(&path, &counter(f64::from(source))).status, 200);
    }
    assert_eq!(lines(&gateway).len(), 8);
    rules.replace(WITHOUT_INSTANCE);
    until("the groups are sources", || {
        lines(&gateway) == [format!("{TOTAL} 10"), format!("{GAUGE} 10")]
    });
    assert_eq!(gateway.put("/metrics/job/w/instance/4", &counter(5.0)).status, 200);
    assert_eq!(gateway.delete("/metrics/job/w/instance/3").status, 202);
    assert_eq!(lines(&gateway), [format!("{TOTAL} 11"), format!("{GAUGE} 8")]);
    rules.replace(&WITHOUT_INSTANCE.replace("gauges: sum", "gauges: sum, show_sources: true"));
    until("the sources are shown", || lines(&gateway).len() == 8);
    assert_eq!(gateway.value(TOTAL), Some(11.0));
    assert_eq!(gateway.value("c_total{instance=\"4\",job=\"w\"}"), Some(5.0));
    rules.replace("rules: []");
    until("the sources are groups", || gateway.value(TOTAL) == Some(3.0));
    let mut shown = lines(&gateway);
    shown.sort_unstable();
    assert_eq!(shown.len(), 7, "what the deleted source has counted stays: {shown:?}");
    drop(gateway);
    let gateway = start(&flags);
    until("it is ready", || gateway.get("/-/ready").status == 200);
    let mut again = lines(&gateway);
    again.sort_unstable();
    assert_eq!(again, shown);
}

#[test]
fn many_clients_with_retries_come_to_the_exact_total() {
    let rules = Rules::new(WITHOUT_INSTANCE);
    let gateway = start(&[&rules.flag()]);
    let (clients, pushes) = (8, 50);
    std::thread::scope(|scope| {
        for client in 0..clients {
            let gateway = &gateway;
            scope.spawn(move || {
                for push in 1..=pushes {
                    for source in 0..5 {
                        let path = format!("/metrics/job/w/instance/{client}-{source}");
                        let body = counter(f64::from(push));
                        for _ in 0..1 + u32::from(push % 10 == 0) {
                            assert_eq!(gateway.put(&path, &body).status, 200);
                        }
                    }
                }
            });
        }
    });
    let total = f64::from(clients * 5 * pushes);
    assert_eq!((gateway.value(TOTAL), gateway.value(GAUGE)), (Some(total), Some(total)));
}

#[test]
fn the_program_explains_a_sum() {
    let rules = Rules::new(WITHOUT_INSTANCE);
    let said = std::process::Command::new(env!("CARGO_BIN_EXE_shardgate"))
        .args(["check", "rules", &rules.file()])
        .args(["--explain", "{job=\"w\",instance=\"1\"}"])
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let expected = "aggregate: without [instance], gauges sum, counters cumulative  # rule 1";
    assert!(said.contains(expected), "{said}");
}
