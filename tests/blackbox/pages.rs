//! What the pages tell somebody who is on call: what is wrong, who is late, and what the last push has changed.

use std::time::SystemTime;

use crate::gateway::{Running, start};

fn page(gateway: &Running, path: &str) -> String {
    let answer = gateway.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text().to_owned()
}

#[test]
fn a_group_shows_what_the_last_push_has_changed() {
    let gateway = start(&[]);
    let push = |body: &str| assert_eq!(gateway.put("/metrics/job/a/x/1", body).status, 200);
    push("rows 40\nsame 1\ngone 1\nl{a=\"1\"} 1\n");
    assert!(page(&gateway, "/groups/job/a/x/1").contains("From the next push on"));
    push("rows 42\nsame 1\nl{a=\"2\"} 1\nfresh 1\n");
    let html = page(&gateway, "/groups/job/a/x/1");
    for part in [
        ">42</span> <span class=\"change\">+2<",
        "change unchanged",
        "change new",
        "class=\"change\">new<",
        "It removed <code>gone</code>",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    push("rows 42\nsame 1\nl{a=\"2\"} 1\nfresh 1\n");
    assert!(!page(&gateway, "/groups/job/a/x/1").contains("+2<"), "only the last push counts");
    // A rejected push changes nothing.
    assert_eq!(gateway.put("/metrics/job/a/x/1", "rows 50 1\n").status, 400);
    assert!(!page(&gateway, "/groups/job/a/x/1").contains("+8"));
}

#[test]
fn a_group_shows_units_commands_and_a_link_to_its_query() {
    let gateway = start(&["--web.query-url=http://prom:9090/graph?g0.expr={query}"]);
    let body = "backup_bytes 7.340032e+07\nrows 1.288490188e+09\nlast_success_timestamp_seconds 1.7e+09\n\
                # TYPE took_seconds histogram\ntook_seconds_bucket{le=\"+Inf\"} 1\ntook_seconds_sum 1\ntook_seconds_count 1\n";
    assert_eq!(gateway.put("/metrics/job/a/instance/db%201", body).status, 200);
    let html = page(&gateway, "/groups/job/a/instance@base64/ZGIgMQ");
    for part in [
        "title=\"7.340032e+07\">70 MiB<",
        ">1,288,490,188<",
        ">2023-11-14T22:13:20Z, ",
        "curl -X PUT --data-binary @metrics.txt &#39;http://x/metrics/job/a/instance@base64/ZGIgMQ&#39;",
        "curl -X DELETE &#39;http://x/metrics/job/a/instance@base64/ZGIgMQ&#39;",
        "href=\"http://prom:9090/graph?g0.expr=%7Binstance%3D%22db+1%22%2Cjob%3D%22a%22%7D\" rel=\"noreferrer\"",
        "g0.expr=backup_bytes%7Binstance",
        "g0.expr=took_seconds_bucket%7B",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
}

/// Stores a group as if it had been pushed to at these times, in seconds before now.
fn push_at(gateway: &Running, path: &str, ages: &[u64]) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    for age in ages {
        let path = format!("/api/v1/admin/groups{path}?push_time={}", now - age);
        assert_eq!(gateway.put(&path, "m 1\n").status, 200);
    }
}

#[test]
fn a_group_that_misses_its_rhythm_is_late() {
    let gateway = start(&["--web.enable-admin-api"]);
    push_at(&gateway, "/job/late", &[5000, 4000, 3000, 2000]);
    push_at(&gateway, "/job/fine", &[5000, 3800, 2600, 1400]);
    push_at(&gateway, "/job/young", &[5000, 4000]);
    let overview = page(&gateway, "/");
    assert!(overview.contains("1 group late"), "{overview}");
    assert!(overview.contains("/jobs/late") && !overview.contains("/jobs/fine"), "{overview}");
    let late = page(&gateway, "/groups?state=late");
    assert!(late.contains("1 of 3 groups match") && late.contains("/groups/job/late"), "{late}");
    let group = page(&gateway, "/groups/job/late");
    assert!(group.contains("<span class=\"state bad\">late</span>"), "{group}");
    assert!(group.contains("every 16 min") && group.contains("class=\"spark\""), "{group}");
    assert!(!page(&gateway, "/groups/job/fine").contains(">late<"));
}

#[test]
fn the_overview_says_first_what_is_wrong() {
    let gateway = start(&["--storage.max-series=10"]);
    let empty = page(&gateway, "/");
    assert!(empty.contains("curl --data-binary @- 'http://x/metrics/job/nightly'"), "{empty}");
    assert_eq!(gateway.put("/metrics/job/a", "m 1\n").status, 200);
    let fine = page(&gateway, "/");
    assert!(fine.contains("Nothing: no group fails or is late"), "{fine}");
    assert!(!fine.contains("/jobs/a\""), "a healthy job is nothing to look at");
    let body: String = (0..6).map(|at| format!("m{{a=\"{at}\"}} 1\n")).collect();
    assert_eq!(gateway.put("/metrics/job/a", &body).status, 200);
    assert_eq!(gateway.put("/metrics/job/a", "m 1 1\n").status, 400);
    let wrong = page(&gateway, "/");
    for part in ["1 group failing", "1 request rejected", "Series near the bound", "8 of 10"] {
        assert!(wrong.contains(part), "{part} in {wrong}");
    }
}

#[test]
fn the_status_marks_flags_that_are_set_and_leaves_nothing_empty() {
    let gateway = start(&["--web.max-scrapes=7"]);
    let html = page(&gateway, "/status");
    let row = |flag: &str| {
        let row = html.split("<tr").find(|row| row.replace("<wbr>", "").contains(flag));
        row.unwrap_or_else(|| panic!("{flag} in {html}")).to_owned()
    };
    assert!(
        row("--web.max-scrapes<").contains(">set<")
            && !row("--web.max-connections<").contains(">set<")
    );
    assert!(row("--persistence.file<").contains("not set"));
    assert!(!html.contains("<td></td>") && !html.contains("<td class=\"bar\"></td>"), "{html}");
    assert!(html.contains("data-series=\"queue_length_max\""), "the shards are here");
    assert!(!page(&gateway, "/").contains("queue_length_max"));
}

#[test]
fn a_browser_gets_a_page_for_what_is_not_there() {
    let gateway = start(&["--web.route-prefix=/gate"]);
    let answer = gateway.send("GET", "/gate/nothing", &["accept: text/html,*/*;q=0.8"], b"");
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (404, Some("text/html; charset=utf-8"))
    );
    assert!(answer.text().contains("Page not found") && answer.text().contains("href=\"/gate/\""));
    for headers in [&[][..], &["accept: */*"]] {
        let answer = gateway.send("GET", "/gate/nothing", headers, b"");
        assert_eq!((answer.status, answer.text()), (404, "404 page not found\n"));
    }
    let answer = gateway.send("PUT", "/gate/nothing", &["accept: text/html"], b"");
    let hint = "404 page not found: pushes go to /gate/metrics/job/NAME\n";
    assert_eq!((answer.status, answer.text()), (404, hint));
}

#[test]
fn the_console_offers_both_methods_and_marks_the_line() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/a", "# TYPE m counter\nm 1\n");
    let html = page(&gateway, "/check");
    let token = html.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let check = |method: &str, exposition: &str| {
        let fields =
            [("token", token), ("path", "/job/a"), ("method", method), ("exposition", exposition)];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = ["content-type: application/x-www-form-urlencoded"];
        gateway.send("POST", "/check", &headers, body.as_bytes()).text().to_owned()
    };
    // A PUT may change the type of what only this group holds, and so may a POST of that family.
    let put = check("PUT", "n 1\n");
    assert!(put.contains("It would be taken") && put.contains("value=\"PUT\" checked"), "{put}");
    assert!(put.contains("curl -X PUT --data-binary"), "{put}");
    gateway.put("/metrics/job/other/x/1", "# TYPE held counter\nheld 1\n");
    let conflict = check("POST", "# TYPE held gauge\nheld 1\n");
    assert!(conflict.contains("href=\"/groups/job/other/x/1\""), "{conflict}");
    let series = check("POST", "# TYPE held gauge\nfine 1\n");
    assert!(!series.contains("The group that is in the way"), "{series}");
    // The same series in another group, among groups whose labels are all among those of the series.
    gateway.put("/metrics/job/a/x/1", "twice{y=\"2\"} 1\n");
    let twice = check("POST", "twice{x=\"1\",y=\"2\"} 1\n");
    assert!(twice.contains("The group that is in the way"), "{twice}");
    assert!(twice.contains("href=\"/groups/job/a/x/1\""), "{twice}");
    gateway.put("/metrics/job/a/y/2", "# TYPE held counter\nheld{x=\"1\"} 1\n");
    gateway.delete("/metrics/job/other/x/1");
    let conflict = check("POST", "# TYPE held gauge\nheld 1\n");
    assert!(conflict.contains("href=\"/groups/job/a/y/2\""), "{conflict}");
    let bad = check("POST", "n 1\no 2\np{ 3\nq 4\n");
    assert!(bad.contains("    3 <mark>p{ 3</mark>") && bad.contains("    1 n 1"), "{bad}");
    assert!(bad.contains("value=\"POST\" checked") && bad.contains("curl -X POST"), "{bad}");
}

#[test]
fn lists_say_why_the_last_push_was_rejected() {
    let gateway = start(&[]);
    for path in ["/metrics/job/a/x/1", "/metrics/job/a/x/2"] {
        assert_eq!(gateway.put(path, "m 1\n").status, 200);
    }
    assert_eq!(gateway.put("/metrics/job/a/x/1", "m{ 1\n").status, 400);
    let groups = page(&gateway, "/groups");
    let row = |of: &str| {
        let row = groups.split("<tr").find(|row| row.contains(of)).expect("it is listed");
        row.to_owned()
    };
    let (bad, good) = (row("/job/a/x/1\""), row("/job/a/x/2\""));
    assert!(bad.contains(">rejected<") && bad.contains("line 1"), "{bad}");
    assert!(good.contains(">ok<") && !good.contains("line 1"), "{good}");
    for (path, said) in [
        ("/jobs", "line 1"),
        ("/jobs/a", "line 1"),
        ("/", "ago: PUT /metrics/job/a/x/1, 400: text format parsing error in line 1"),
        ("/groups/job/a/x/1", "last push rejected"),
    ] {
        let html = page(&gateway, path);
        assert!(html.contains(said), "{path}: {html}");
    }
    assert_eq!(gateway.put("/metrics/job/a/x/1", "m 1\n").status, 200);
    assert!(!page(&gateway, "/groups").contains(">rejected<"), "it has been pushed to since");
    // A job that has only ever been rejected has no group.
    assert_eq!(gateway.put("/metrics/job/new", "m{ 1\n").status, 400);
    for path in ["/jobs/new", "/groups/job/new"] {
        let answer = gateway.get(path);
        assert_eq!(answer.status, 404);
        assert!(answer.text().contains("ago with status 400: text format"), "{}", answer.text());
    }
}

#[test]
fn the_manual_is_part_of_the_gateway() {
    let gateway = start(&["--web.external-url=http://x/gate"]);
    let index = page(&gateway, "/gate/manual");
    assert!(index.contains("href=\"/gate/manual/troubleshooting\""), "{index}");
    let rules = page(&gateway, "/gate/manual/rules");
    assert!(rules.contains("<title>Rules for groups · shardgate</title>"), "{rules}");
    assert!(page(&gateway, "/gate/manual/deploy/packages").contains("/gate/manual/deploy/upgrade"));
    assert!(page(&gateway, "/gate/rejections").contains("/gate/manual/troubleshooting"));
    for path in ["/gate/manual/nothing", "/gate/manual/../README", "/gate/manual/%ff"] {
        assert_ne!(gateway.get(path).status, 200, "{path}");
    }
}
