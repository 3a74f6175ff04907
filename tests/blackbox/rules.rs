//! Rules for groups: expiry, headers, merging by series, holding until scraped, the ledger, and their file.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::gateway::{Running, start};
use crate::persistence::{Directory, file_flag};

/// A file of rules in a directory that goes with it.
pub(crate) struct Rules(pub(crate) Directory);

impl Rules {
    pub(crate) fn new(text: &str) -> Rules {
        let rules = Rules(Directory::new());
        rules.replace(text);
        rules
    }

    pub(crate) fn replace(&self, text: &str) {
        std::fs::write(self.0.path().join("rules.yml"), text).unwrap();
    }

    pub(crate) fn file(&self) -> String {
        self.0.path().join("rules.yml").to_str().unwrap().to_owned()
    }

    pub(crate) fn flag(&self) -> String {
        format!("--rules.file={}", self.file())
    }
}

/// What is known of one group; nothing where there is none.
fn group(gateway: &Running, job: &str) -> Option<serde_json::Value> {
    let answer = gateway.get(&format!("/api/v1/groups?job={job}"));
    assert_eq!(answer.status, 200);
    let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    answer["data"]["groups"].as_array().unwrap().first().cloned()
}

/// After what time something is so.
fn until(mut is_so: impl FnMut() -> bool) -> Duration {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(30), "it never is");
        std::thread::sleep(Duration::from_millis(20));
    }
    since.elapsed()
}

#[test]
fn a_group_expires_within_two_seconds_of_its_time_after_a_restart_too() {
    let rules = Rules::new("rules: [{ match: '{job=\"short\"}', expire: 3 }]");
    let flags = [rules.flag(), file_flag(&rules.0.store())];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let gateway = start(&flags);
    let since = Instant::now();
    assert_eq!(gateway.put("/metrics/job/short", "m 1\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/long", "m 1\n").status, 200);
    assert!(group(&gateway, "short").unwrap()["expires"].is_string());
    assert!(group(&gateway, "long").unwrap().get("rules").is_none(), "no rule applies");
    drop(gateway);
    let gateway = start(&flags);
    until(|| gateway.get("/-/ready").status == 200);
    if since.elapsed() < Duration::from_millis(2500) {
        assert!(group(&gateway, "short").is_some(), "its time has not come");
    }
    until(|| group(&gateway, "short").is_none());
    let took = since.elapsed().as_secs_f64();
    assert!((3.0..5.0).contains(&took), "{took}");
    assert!(group(&gateway, "long").is_some());
    drop(gateway);
    let gateway = start(&flags);
    until(|| gateway.get("/-/ready").status == 200);
    assert!(group(&gateway, "short").is_none() && group(&gateway, "long").is_some());
}

#[test]
fn headers_count_where_a_rule_allows_them_and_bad_ones_store_nothing() {
    let rules = Rules::new(
        "rules:\n- { match: '{job=\"may\"}', allow_headers: true, expire: 1h, expire_min: 1s, expire_max: 2h }\n",
    );
    let gateway = start(&[&rules.flag()]);
    let push = |job: &str, header: &str| {
        gateway.send("POST", &format!("/metrics/job/{job}"), &[header], b"m 1\n")
    };
    for bad in ["3h", "0", "soon", "-1s"] {
        let answer = push("may", &format!("shardgate-expire: {bad}"));
        assert_eq!(answer.status, 400, "{bad}");
        assert!(answer.text().contains("from 1s to 2h"), "{}", answer.text());
    }
    assert_eq!(push("may", "shardgate-merge: all").status, 400);
    assert!(group(&gateway, "may").is_none(), "nothing is stored");
    assert_eq!(push("may", "shardgate-expire: 1s").status, 200);
    assert_eq!(push("other", "shardgate-expire: 1s").status, 200, "it counts for nothing here");
    let shown = group(&gateway, "may").unwrap();
    assert_eq!(shown["rules"][0]["value"], "1s");
    assert!(until(|| group(&gateway, "may").is_none()) < Duration::from_secs(3));
    assert!(group(&gateway, "other").is_some());
    // The next push does not ask, so the rule counts again.
    assert_eq!(push("may", "shardgate-expire: 2s").status, 200);
    assert_eq!(push("may", "x: y").status, 200);
    let shown = group(&gateway, "may").unwrap();
    assert_eq!(
        (&shown["rules"][0]["value"], &shown["rules"][0]["rule"]),
        (&"1h".into(), &1.into())
    );
}

#[test]
fn a_refused_push_does_not_renew_a_group() {
    let rules = Rules::new("rules: [{ match: '{}', expire: 2 }]");
    let gateway = start(&[&rules.flag()]);
    assert_eq!(gateway.post("/metrics/job/a", "m 1\n").status, 200);
    let since = Instant::now();
    until(|| {
        let status = gateway.post("/metrics/job/a", "m{x=\"1\"} 1\nm{x=\"1\"} 1\n").status;
        assert_eq!(status, 400);
        // The refused push may have made it anew.
        group(&gateway, "a").is_none_or(|group| group["push_time"].is_null())
    });
    let took = since.elapsed().as_secs_f64();
    assert!((1.9..4.0).contains(&took), "{took}");
}

#[test]
fn a_post_merges_by_series_where_a_rule_or_a_header_says_so() {
    let rules = Rules::new(
        "rules:\n- { match: '{job=\"m\"}', merge: series }\n- { match: '{job=\"h\"}', allow_headers: true }\n",
    );
    let gateway = start(&[&rules.flag()]);
    let push = |job: &str, header: &str, body: &str| {
        gateway.send("POST", &format!("/metrics/job/{job}"), &[header], body.as_bytes()).status
    };
    let series = |job: &str| -> Vec<String> {
        let lines = gateway.pushed();
        lines.into_iter().filter(|line| line.contains(&format!("job=\"{job}\""))).collect()
    };
    for (job, header) in [("m", "x: y"), ("h", "shardgate-merge: series")] {
        assert_eq!(push(job, header, "m{x=\"1\"} 1\nm{x=\"2\"} 2\nn 1\n"), 200);
        assert_eq!(push(job, header, "m{x=\"2\"} 9\nm{x=\"3\"} 3\n"), 200);
        let is = series(job);
        assert_eq!(is.len(), 4, "{is:?}");
        assert!(is.iter().any(|line| line.contains("x=\"2\"") && line.ends_with(" 9")), "{is:?}");
        assert_eq!(push(job, header, "# TYPE m counter\nm{x=\"3\"} 3\n"), 400);
        assert_eq!(series(job), is, "nothing has changed");
    }
    assert_eq!(push("h", "x: y", "m{x=\"4\"} 4\n"), 200);
    assert_eq!(series("h").len(), 2, "a POST without the header replaces the family");
    assert_eq!(push("none", "shardgate-merge: series", "m{x=\"1\"} 1\n"), 200);
    assert_eq!(push("none", "shardgate-merge: series", "m{x=\"2\"} 1\n"), 200);
    assert_eq!(series("none").len(), 1, "no rule allows the header");
    let put = gateway.send("PUT", "/metrics/job/h", &["shardgate-merge: series"], b"m 1\n");
    assert_eq!(put.status, 400);
}

#[test]
fn a_group_is_held_until_every_scraper_has_had_it_and_no_longer_than_said() {
    let held = "rules: [{ match: '{job=\"a\"}', expire: 1, hold_until_scraped: 60 }, { match: '{job=\"b\"}', expire: 1, hold_until_scraped: 2 }]";
    let rules = Rules::new(held);
    let gateway = start(&[&rules.flag()]);
    let scrape = |accept: &str| {
        let accept = format!("accept: text/plain; version=0.0.4; x={accept}");
        assert_eq!(gateway.send("GET", "/metrics", &[&accept], b"").status, 200);
    };
    scrape("first");
    scrape("second");
    assert_eq!(gateway.put("/metrics/job/a", "m 1\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/b", "m 1\n").status, 200);
    scrape("first");
    assert_eq!(gateway.get("/metrics?job=a").status, 200, "that is no whole scrape");
    let took = until(|| group(&gateway, "b").is_none()).as_secs_f64();
    assert!((2.5..5.0).contains(&took), "{took}");
    assert!(group(&gateway, "a").is_some(), "the second has not had it");
    scrape("second");
    assert!(until(|| group(&gateway, "a").is_none()) < Duration::from_secs(2));
}

#[test]
fn the_ledger_of_a_job_outlives_its_groups_and_restarts() {
    let rules = Rules::new("rules: [{ match: '{job=\"j\"}', expire: 1 }]");
    let flags = [rules.flag(), file_flag(&rules.0.store())];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let gateway = start(&flags);
    until(|| gateway.get("/-/ready").status == 200);
    for _ in 0..3 {
        assert_eq!(gateway.put("/metrics/job/j", "m 1\n").status, 200);
    }
    assert_eq!(gateway.put("/metrics/job/j", "m 1\nm 1\n").status, 400);
    assert_eq!(gateway.put("/metrics/job/free", "m 1\n").status, 200);
    let value = |gateway: &Running, name: &str| {
        gateway.value(&format!("shardgate_job_{name}{{job=\"j\"}}"))
    };
    until(|| group(&gateway, "j").is_none());
    let last_push = value(&gateway, "last_push_time_seconds").unwrap();
    assert!(last_push > 1.7e9);
    drop(gateway);
    let gateway = start(&flags);
    until(|| gateway.get("/-/ready").status == 200);
    assert_eq!(value(&gateway, "last_push_time_seconds"), Some(last_push));
    for (name, expected) in [
        ("pushes_total", 3.0),
        ("failures_total", 1.0),
        ("groups", 0.0),
        ("groups_expired_total", 1.0),
    ] {
        assert_eq!(value(&gateway, name), Some(expected), "{name}");
    }
    assert_eq!(gateway.value("shardgate_job_groups{job=\"free\"}"), None, "no rule applies");
}

#[test]
fn rules_are_shown_and_replaced_and_a_broken_file_changes_nothing() {
    let rules = Rules::new("rules: [{ match: '{job=\"a\"}', expire: 1h }]");
    let gateway = start(&[&rules.flag()]);
    assert_eq!(gateway.put("/metrics/job/a", "m 1\n").status, 200);
    let expire = || group(&gateway, "a").unwrap()["rules"][0]["value"].clone();
    assert_eq!(expire(), "1h");
    let status: serde_json::Value =
        serde_json::from_slice(&gateway.get("/api/v1/status").body).unwrap();
    let shown = &status["data"]["rules"][0];
    assert_eq!((&shown["match"], &shown["expire"]), (&"{job=\"a\"}".into(), &"1h".into()));
    let page = gateway.get("/groups/job/a");
    assert!(page.text().contains("expire: 1h (rule 1)"), "{}", page.text());
    rules.replace("rules: [{ match: '{job=\"a\"}', expire: 2h }]");
    until(|| expire() == "2h");
    rules.replace("rules: [{ match: '{job=\"a\"}', expires: 1s }]");
    until(|| gateway.value("shardgate_rules_reload_failed") == Some(1.0));
    assert_eq!(expire(), "2h");
    rules.replace("rules: []");
    until(|| group(&gateway, "a").unwrap()["expires"].is_null());
    assert_eq!(gateway.value("shardgate_rules_reload_failed"), Some(0.0));
}

#[test]
fn the_program_checks_and_explains_a_file() {
    let rules = Rules::new("rules:\n- { match: '{job=~\"preview-.*\"}', expire: 24h }\n");
    let check = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shardgate"));
        let output = command.args(["check", "rules", &rules.file()]).args(words).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    assert_eq!(check(&[]), (true, format!("{}: OK\n", rules.file())));
    let (is_ok, explained) = check(&["--explain", "{job=\"preview-7\"}"]);
    assert!(
        is_ok && explained.contains("expire: 24h  # rule 1: {job=~\"preview-.*\"}"),
        "{explained}"
    );
    assert!(!check(&["--explain", "job"]).0);
    rules.replace("rules:\n- { match: '{job=\"a\"}', expire: soon }\n");
    let (is_ok, said) = check(&[]);
    assert!(!is_ok && said.contains("rules.yml: line 2: ") && said.contains("\"soon\""), "{said}");
}

#[test]
fn pages_show_what_expires_when_the_ledger_of_jobs_and_what_has_expired() {
    let rules = Rules::new(
        "rules:\n- { match: '{job=\"gone\"}', expire: 1 }\n- { match: '{job=\"kept\"}', expire: 2h, hold_until_scraped: 5m, allow_headers: true }\n",
    );
    let gateway = start(&[&rules.flag()]);
    let page = |path: &str| {
        let answer = gateway.get(path);
        (answer.status, answer.text().to_owned())
    };
    assert_eq!(gateway.put("/metrics/job/gone/instance/a", "m 1\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/kept", "m 1\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/kept", "m 1\nm 1\n").status, 400);
    assert_eq!(gateway.put("/metrics/job/free", "m 1\n").status, 200);
    until(|| group(&gateway, "gone").is_none());
    let (_, groups) = page("/groups?sort=expires");
    assert!(groups.contains("1 group has expired in the last hour"), "{groups}");
    let kept = groups.find(">in 1 h 59 min<").expect("it says when");
    assert!(groups[kept..].contains("rule 2") && groups[..kept].contains("kept"), "{groups}");
    let free = groups.find("job/free").expect("it is listed");
    assert!(free > kept && groups[free..].contains(">never<"), "what does not expire is last");
    let (_, kept) = page("/groups/job/kept");
    assert!(kept.contains("<dt>Expires</dt>") && kept.contains("rule 2"), "{kept}");
    assert!(kept.contains("hold_until_scraped: 5m (rule 2)"), "{kept}");
    let asks = ["shardgate-expire: 1h"];
    assert_eq!(gateway.send("PUT", "/metrics/job/kept", &asks, b"m 1\n").status, 200);
    assert!(page("/groups/job/kept").1.contains("as its last push asked"));
    // A group that is gone says why, and its job is still there.
    let (status, lost) = page("/groups/job/gone/instance/a");
    assert_eq!(status, 404);
    assert!(lost.contains("1 s after its last push: rule 1 of --rules.file says so"), "{lost}");
    let (_, jobs) = page("/jobs");
    assert!(jobs.contains("/jobs/gone") && jobs.contains("no groups"), "{jobs}");
    assert!(!page("/jobs?state=late").1.contains("/jobs/gone"));
    let (status, gone) = page("/jobs/gone");
    assert_eq!(status, 200);
    for shown in
        ["Accepted pushes</dt><dd>1<", "have expired</dt><dd>1 ", "1 group in the last hour"]
    {
        assert!(gone.contains(shown), "{shown}: {gone}");
    }
    let (_, kept) = page("/jobs/kept");
    assert!(kept.contains("Rejected pushes</dt><dd>1 ") && kept.contains("may expire</dt><dd>1<"));
    assert!(!page("/jobs/free").1.contains("Ledger"), "no rule lets it expire");
    assert_eq!(page("/jobs/none").0, 404);
    let (_, expired) = page("/expired");
    for shown in ["1 group in the last hour", "/jobs/gone", "1 s without a push", "rule 1"] {
        assert!(expired.contains(shown), "{shown}: {expired}");
    }
    assert!(page("/expired?q=instance=a&job=gone").1.contains("/jobs/gone"));
    assert!(page("/expired?job=other").1.contains("No group that matches"));
    assert_eq!(page("/expired?page=0").0, 400);
    assert!(page("/").1.contains("/expired"));
    let (_, status) = page("/status");
    assert!(status.contains("expire: 2h; allow_headers: true; hold_until_scraped: 5m"), "{status}");
    let plain = start(&[]);
    assert!(plain.get("/expired").text().contains("No group expires"));
    assert!(!plain.get("/").text().contains("/expired"));
}
