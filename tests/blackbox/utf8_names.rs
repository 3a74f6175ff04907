//! Names beyond the classic grammar, where a flag allows them.

use crate::gateway::start;

const FLAG: &str = "--push.enable-utf8-names";

#[test]
fn names_may_be_any_text_where_the_flag_allows_it() {
    let gateway = start(&[FLAG]);
    let body =
        "# HELP \"a.b\" Help.\n# TYPE \"a.b\" counter\n{\"a.b\",\"c d\"=\"1\"} 2\n{\"é\\n\"} 3\n";
    assert_eq!(gateway.put("/metrics/job/j", body).status, 200);
    let mut pushed = gateway.pushed();
    pushed.sort();
    let expected =
        [r#"{"a.b","c d"="1",instance="",job="j"} 2"#, r#"{"é\n",instance="",job="j"} 3"#];
    assert_eq!(pushed, expected);
    let scrape = gateway.scrape();
    assert!(scrape.text().contains("# HELP \"a.b\" Help.\n# TYPE \"a.b\" counter\n{\"a.b\","));
}

#[test]
fn a_scraper_is_shown_names_as_it_asks_for_them() {
    let gateway = start(&[FLAG]);
    let body = "{\"a.b\",\"c d\"=\"1\"} 2\na_c 3\n{\"a.c\"} 4\n";
    assert_eq!(gateway.put("/metrics/job/j", body).status, 200);
    let scrape = |accept: &str| {
        let answer = gateway.send("GET", "/metrics", &[accept], b"");
        assert_eq!(answer.status, 200);
        let lines = answer.text().lines().filter(|line| line.contains("job=\"j\"} "));
        let mut lines: Vec<String> =
            lines.filter(|line| !line.starts_with("push_")).map(str::to_owned).collect();
        lines.sort();
        (lines, answer.header("content-type").unwrap_or_default().to_owned())
    };
    // `a.c` would be `a_c`, which is taken.
    let underscores = [
        r#"U__a_2e_c{instance="",job="j"} 4"#,
        r#"a_b{c_d="1",instance="",job="j"} 2"#,
        r#"a_c{instance="",job="j"} 3"#,
    ];
    let (lines, content_type) = scrape("accept: */*");
    assert_eq!(lines, underscores);
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    let (lines, content_type) = scrape("accept: text/plain;version=0.0.4;escaping=values");
    assert_eq!(lines[1], r#"U__a_2e_c{instance="",job="j"} 4"#);
    assert_eq!(lines[0], r#"U__a_2e_b{U__c_20_d="1",instance="",job="j"} 2"#);
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8; escaping=values");
}

#[test]
fn names_that_need_quotes_are_an_error_without_the_flag() {
    let gateway = start(&[]);
    for body in ["{\"a.b\"} 1\n", "m{\"a.b\"=\"1\"} 1\n", "# TYPE \"a.b\" gauge\n"] {
        assert_eq!(gateway.put("/metrics/job/j", body).status, 400, "{body}");
    }
    assert_eq!(gateway.put("/metrics/job/j/a.b/1", "m 1\n").status, 400);
    assert_eq!(gateway.get("/metrics").text().find("job="), None);
    assert_eq!(gateway.put("/metrics/job/j/U__a_2e_b/1", "{\"m\"} 1\n").status, 200);
    assert_eq!(gateway.pushed(), [r#"m{U__a_2e_b="1",instance="",job="j"} 1"#]);
}

#[test]
fn a_group_is_the_same_however_its_path_spells_it() {
    let gateway = start(&[FLAG]);
    assert_eq!(gateway.put("/metrics/job/j/U__a_2e_b/x", "m{\"a.b\"=\"own\"} 1\n").status, 200);
    assert_eq!(gateway.pushed(), [r#"m{"a.b"="x",instance="",job="j"} 1"#]);
    assert_eq!(gateway.post("/metrics/job/j/a.b@base64/eA", "m 2\n").status, 200);
    assert_eq!(gateway.pushed(), [r#"m{"a.b"="x",instance="",job="j"} 2"#]);
    let group = r#"{"a.b"="x",instance="",job="j"}"#;
    assert!(gateway.value(&format!("push_time_seconds{group}")) > Some(1e9));
    assert_eq!(gateway.delete("/metrics/job/j/a%2Eb/x").status, 202);
    assert_eq!(gateway.get("/metrics").text().find("job="), None);
    for path in ["/metrics/job/j/U__/x", "/metrics/job/j/U______a/x", "/metrics/job/j/%FF/x"] {
        assert_eq!(gateway.put(path, "m 1\n").status, 400, "{path}");
        assert_eq!(gateway.delete(path).status, 400, "{path}");
    }
}

#[test]
fn names_that_need_quotes_conflict_as_others_do() {
    let gateway = start(&[FLAG]);
    let histogram = "# TYPE \"h.x\" histogram\n{\"h.x_sum\"} 1\n";
    assert_eq!(gateway.put("/metrics/job/a", histogram).status, 200);
    for refused in [
        "{\"h.x_bucket\"} 1\n",
        "# TYPE \"h.x\" gauge\n{\"h.x\"} 1\n",
        "{\"h.x_count\",a=\"b\"} 1\n",
        "{\"m\",\"__a\"=\"1\"} 1\n",
        "{\"m.n\"} 1 5\n",
    ] {
        let answer = gateway.put("/metrics/job/b", refused);
        assert_eq!(answer.status, 400, "{refused}");
        assert!(answer.text().starts_with("pushed metrics are invalid"), "{answer:?}");
    }
    assert_eq!(gateway.put("/metrics/job/a", "{\"h.x_bucket\"} 1\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/b", histogram).status, 400);
    let elsewhere = "m{\"a.b\"=\"1\"} 1\n";
    assert_eq!(gateway.put("/metrics/job/b", elsewhere).status, 200);
    assert_eq!(gateway.put("/metrics/job/b/a.b/1", elsewhere).status, 400, "the same series");
}

#[test]
fn the_flag_is_shown_with_the_others() {
    for (flags, value) in [(&[][..], "false"), (&[FLAG], "true")] {
        let answer = start(flags).get("/api/v1/status");
        let json: serde_json::Value = serde_json::from_slice(&answer.body).expect("is JSON");
        assert_eq!(json["data"]["flags"]["push.enable-utf8-names"], value);
    }
}
