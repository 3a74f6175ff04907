//! Everything that is not a push: the scrape, the query API, the probes, paths and methods.

use std::io::Read;

use crate::gateway::start;

#[test]
fn paths_and_methods_answer_as_the_reference_does() {
    let gateway = start(&[]);
    for (method, path, status) in [
        ("GET", "/", 200),
        ("GET", "/status", 200),
        ("GET", "/metrics", 200),
        ("HEAD", "/metrics", 405),
        ("PUT", "/metrics", 405),
        ("OPTIONS", "/metrics", 200),
        ("HEAD", "/-/ready", 200),
        ("HEAD", "/-/healthy", 200),
        ("HEAD", "/", 200),
        ("HEAD", "/static/app.css", 200),
        ("HEAD", "/api/v1/status", 405),
        ("HEAD", "/metrics/job/a", 405),
        ("GET", "/metrics/", 301),
        ("GET", "/metrics/job/a", 405),
        ("PATCH", "/metrics/job/a", 405),
        ("PUT", "/metrics/job/a/x", 400),
        ("DELETE", "/metrics/job/a/x", 400),
        ("PUT", "/metrics/job/a/__x/1", 400),
        ("PUT", "/metrics/job/a%", 400),
        ("PUT", "/metrics/job/a%2Fb", 400),
        ("PUT", "/metrics/job@base64/=", 400),
        ("PUT", "/metrics/jobs/a", 404),
        ("GET", "/nothing", 404),
        ("GET", "/static/nothing", 404),
        ("GET", "/-/healthy", 200),
        ("POST", "/-/healthy", 405),
        ("GET", "/-/ready", 200),
        ("GET", "/-/quit", 405),
        ("PUT", "/-/quit", 403),
        ("GET", "/api/v1/status", 200),
        ("GET", "/api/v1/metrics", 200),
        ("GET", "/api/v1/nothing", 404),
        ("OPTIONS", "/api/v1/nothing", 200),
        ("PUT", "/api/v1/admin/wipe", 404),
    ] {
        assert_eq!(gateway.send(method, path, &[], b"").status, status, "{method} {path}");
    }
    assert_eq!(gateway.get("/metrics/?x=1").header("location"), Some("/metrics?x=1"));
    assert_eq!(gateway.get("/nothing").text(), "404 page not found\n");
    assert_eq!(gateway.put("/metrics", "").header("allow"), Some("GET, OPTIONS"));
}

#[test]
fn head_tells_the_length_and_the_connection_goes_on() {
    let gateway = start(&[]);
    let page = gateway.send("HEAD", "/-/healthy", &[], b"");
    assert_eq!((page.header("content-length"), page.status), (Some("2"), 200));
    let mut stream = gateway.connect();
    let ask = |method: &str| format!("{method} /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n");
    std::io::Write::write_all(&mut stream, ask("HEAD").as_bytes()).unwrap();
    let head = crate::answer::read_head(&mut stream).unwrap();
    assert!(head.contains("content-length: 2"));
    std::io::Write::write_all(&mut stream, ask("GET").as_bytes()).unwrap();
    assert_eq!(crate::gateway::read_answer(&mut stream).unwrap().text(), "OK");
}

#[test]
fn a_push_to_nearly_the_right_url_is_told_the_right_one() {
    let gateway = start(&[]);
    for (method, path, status, part) in [
        (
            "PUT",
            "/metrics/metrics/job/a",
            404,
            "push to /metrics/job/a, without /metrics before it",
        ),
        ("POST", "/job/a", 404, "pushes go to /metrics/job/a"),
        ("POST", "/metrics", 405, "pushes go to /metrics/job/NAME"),
        ("PUT", "/", 405, "pushes go to /metrics/job/NAME"),
    ] {
        let answer = gateway.send(method, path, &[], b"m 1\n");
        assert!(answer.status == status && answer.text().contains(part), "{path}: {answer:?}");
    }
}

#[test]
fn a_metric_of_the_gateway_itself_is_named_as_one() {
    let gateway = start(&[]);
    let body = "# TYPE process_open_fds counter\nprocess_open_fds 1\n";
    let answer = gateway.put("/metrics/job/a", body);
    let part = "family \"process_open_fds\" is a metric of the gateway itself, with the type gauge";
    assert!(answer.status == 400 && answer.text().contains(part), "{}", answer.text());
    gateway.put("/metrics/job/a", "# TYPE mine gauge\nmine 1\n");
    let answer = gateway.put("/metrics/job/b", "# TYPE mine counter\nmine 1\n");
    assert!(answer.status == 400 && !answer.text().contains("itself"), "{}", answer.text());
}

#[test]
fn slashes_too_many_do_no_harm_before_the_job_and_are_an_error_behind_it() {
    let gateway = start(&[]);
    assert_eq!(gateway.put("//metrics/job/a", "m 1\n").status, 200);
    assert_eq!(gateway.pushed(), [r#"m{instance="",job="a"} 1"#]);
    let answer = gateway.put("/metrics/job/a//x", "m 1\n");
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("@base64/="));
}

#[test]
fn a_gzip_scrape_is_the_plain_one_compressed() {
    let gateway = start(&[]);
    let body: String = (0..5000).map(|at| format!("m{{at=\"{at}\"}} {at}\n")).collect();
    gateway.put("/metrics/job/a", &body);
    let own = |line: &&str| !line.contains("job=\"a\"");
    let plain = gateway.get("/metrics");
    let zipped = gateway.send("GET", "/metrics", &["accept-encoding: br, gzip;q=0.5"], b"");
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert_eq!(zipped.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let mut text = String::new();
    let mut decoder = flate2::read::GzDecoder::new(&zipped.body[..]);
    decoder.read_to_string(&mut text).expect("is gzip");
    let pushed =
        |text: &str| text.lines().filter(|line| !own(line)).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(pushed(&text), pushed(plain.text()));
    assert_eq!(pushed(&text).len(), 5002);
    let refused = gateway.send("GET", "/metrics", &["accept-encoding: gzip;q=0"], b"");
    assert_eq!(refused.header("content-encoding"), None);
}

#[test]
fn the_query_api_shows_groups_with_everything_they_hold() {
    let gateway = start(&[]);
    let body = "# HELP h A \\\\ help.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_count 3\nh_sum 4.5\n\
        # TYPE s summary\ns{quantile=\"0.5\"} 7\ns_count 1000000\n# TYPE c counter\nc{l=\"a\\\"b\"} 1e6\n";
    gateway.put("/metrics/job/a/zone/z", body);
    gateway.put("/metrics/job/a/zone/z", "broken 1 2\n");
    let answer = gateway.get("/api/v1/metrics");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let json: serde_json::Value = serde_json::from_slice(&answer.body).expect("is JSON");
    let group = &json["data"][0];
    assert_eq!(group["labels"], serde_json::json!({"job": "a", "zone": "z"}));
    assert_eq!(group["last_push_successful"], false);
    assert_eq!(group["h"]["help"], "A \\ help.");
    let labels = serde_json::json!({"instance": "", "job": "a", "zone": "z"});
    let histogram = serde_json::json!({
        "labels": labels, "buckets": {"1": "2", "+Inf": "3"}, "count": "3", "sum": "4.5",
    });
    assert_eq!(group["h"]["metrics"][0], histogram);
    assert_eq!(group["s"]["metrics"][0]["count"], "1000000");
    assert_eq!(group["s"]["metrics"][0]["quantiles"]["0.5"], "7");
    assert_eq!(group["c"]["type"], "COUNTER");
    assert_eq!(group["c"]["metrics"][0]["labels"]["l"], "a\"b");
    assert_eq!(group["c"]["metrics"][0]["value"], "1e+06");
    assert_eq!(group["push_time_seconds"]["type"], "GAUGE");
}

#[test]
fn a_wipe_forgets_everything_before_it_answers() {
    let gateway = start(&["--web.enable-admin-api"]);
    for group in 0..100 {
        gateway.put(&format!("/metrics/job/j{group}"), "# TYPE m gauge\nm 1\n");
    }
    assert_eq!(gateway.send("PUT", "/api/v1/admin/wipe", &[], b"").status, 202);
    assert_eq!(gateway.get("/metrics").text().find("job="), None);
    assert_eq!(
        gateway.put("/metrics/job/a", "# TYPE m counter\nm 1\n").status,
        200,
        "the type is free"
    );
}

#[test]
fn own_metrics_count_what_happened() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/a", "m 1\nn{x=\"1\"} 2\n");
    gateway.put("/metrics/job/a", "m\n");
    gateway.delete("/metrics/job/b");
    let counter = |code, handler, method| {
        let labels = format!("code=\"{code}\",handler=\"{handler}\",method=\"{method}\"");
        gateway.value(&format!("pushgateway_http_requests_total{{{labels}}}"))
    };
    assert_eq!(counter(200, "push", "put"), Some(1.0));
    assert_eq!(counter(400, "push", "put"), Some(1.0));
    assert_eq!(counter(202, "delete", "delete"), Some(1.0));
    assert_eq!(gateway.value("pushgateway_http_push_size_bytes_sum{method=\"put\"}"), Some(17.0));
    assert_eq!(
        gateway.value("pushgateway_http_push_duration_seconds_count{method=\"put\"}"),
        Some(2.0)
    );
    let by_shards = |name: &str| {
        let scrape = gateway.get("/metrics");
        let lines =
            scrape.text().lines().filter(|line| line.starts_with(&format!("{name}{{shard=")));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>()
    };
    assert_eq!(by_shards("shardgate_groups"), 1.0);
    assert_eq!(by_shards("shardgate_series"), 4.0);
    assert!(gateway.value("process_resident_memory_bytes") > Some(1e6));
}

#[test]
fn quit_works_when_it_is_enabled_and_no_other_site_asks() {
    let gateway = start(&["--web.enable-lifecycle"]);
    // A browser says which site has sent a form. The gateway must not be stopped by another one.
    for of_another_site in
        ["origin: http://evil.example", "origin: null", "sec-fetch-site: cross-site"]
    {
        for method in ["POST", "PUT"] {
            let answer = gateway.send(method, "/-/quit", &[of_another_site], b"");
            assert_eq!(answer.status, 403, "{of_another_site}");
            assert!(answer.text().contains("another site"), "{}", answer.text());
        }
    }
    let answer =
        gateway.send("POST", "/-/quit", &["origin: http://x", "sec-fetch-site: same-origin"], b"");
    assert_eq!(answer.status, 200);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::net::TcpStream::connect(gateway.address).is_ok() {
        assert!(std::time::Instant::now() < deadline, "still listening");
        std::thread::yield_now();
    }
}

#[test]
fn the_scrape_may_have_another_path_but_pushes_keep_theirs() {
    let gateway = start(&["--web.telemetry-path=/prom"]);
    assert_eq!(gateway.put("/metrics/job/a", "m 1\n").status, 200);
    assert_eq!(gateway.get("/metrics").status, 404);
    assert!(gateway.get("/prom").text().contains("m{instance=\"\",job=\"a\"} 1"));
}
