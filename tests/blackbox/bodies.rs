//! Bodies as clients send them who cannot know better: what is taken, and what the rejections say.

use crate::formats::{ALL_KINDS, OPEN_METRICS, PROTOBUF, without_own};
use crate::gateway::{Answer, Running, start};
use crate::hostile::{gzip, snappy};
use crate::read;

const SENT_AS_PROTOBUF: &str = "content-type: application/vnd.google.protobuf; \
    proto=io.prometheus.client.MetricFamily; encoding=delimited";
const SENT_AS_OPEN_METRICS: &str =
    "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";

fn put(gateway: &Running, headers: &[&str], body: &[u8]) -> Answer {
    gateway.send("PUT", "/metrics/job/a", headers, body)
}

/// What a scrape shows of the group, without its push times.
fn lines(gateway: &Running) -> Vec<String> {
    let text = gateway.text("?job=a", &[]);
    let shown = text.lines().filter(|line| !line.contains("push_"));
    shown
        .map(|line| {
            line.replace("{instance=\"\",job=\"a\"}", "").replace("instance=\"\",job=\"a\",", "")
        })
        .collect()
}

#[test]
fn what_a_client_cannot_know_better_is_taken() {
    let gateway = start(&[]);
    let mark = "\u{feff}";
    for (headers, body, shown) in [
        (&[][..], b"m 3.14 \r\n".to_vec(), "# TYPE m untyped|m 3.14"),
        (&[], b"m 1\t \n".to_vec(), "# TYPE m untyped|m 1"),
        (&[], b"m{x=\"y\"} 1 ".to_vec(), "# TYPE m untyped|m{x=\"y\"} 1"),
        (&[], b"# TYPE m gauge \r\nm 1\r\n".to_vec(), "# TYPE m gauge|m 1"),
        (&[], format!("{mark}# TYPE m gauge\nm 1\n").into(), "# TYPE m gauge|m 1"),
        (&[], format!("m 1\n{mark}n 2\n").into(), "# TYPE m untyped|m 1|# TYPE n untyped|n 2"),
        (
            &["content-encoding: gzip"],
            gzip(format!("{mark}m 1 \r\n").as_bytes()),
            "# TYPE m untyped|m 1",
        ),
        (&["content-encoding: x-gzip"], gzip(b"m 1\n"), "# TYPE m untyped|m 1"),
        (&[], b"# TYPE m unknown\nm 1\n".to_vec(), "# TYPE m untyped|m 1"),
        (&[], b"# TYPE m_info info\nm_info 1\n".to_vec(), "# TYPE m_info gauge|m_info 1"),
        (&[], b"# TYPE m stateset\nm{m=\"a\"} 1\n".to_vec(), "# TYPE m gauge|m{m=\"a\"} 1"),
        (
            &[],
            b"# TYPE g gaugehistogram\ng_bucket{le=\"1\"} 2\ng_gcount 3\ng_gsum 4\n".to_vec(),
            "# TYPE g histogram|g_bucket{le=\"1\"} 2|g_bucket{le=\"+Inf\"} 3|g_sum 4|g_count 3",
        ),
        (
            &[SENT_AS_OPEN_METRICS],
            b"# TYPE c counter\n# UNIT c s\nc_total 2 # {t=\"1\"} 1\nc_created 1\n# EOF\n".to_vec(),
            "# TYPE c_total counter|c_total 2",
        ),
    ] {
        let answer = put(&gateway, headers, &body);
        assert_eq!(answer.status, 200, "{}: {answer:?}", body.escape_ascii());
        assert_eq!(lines(&gateway).join("|"), shown, "{}", body.escape_ascii());
    }
}

#[test]
fn a_rejection_quotes_what_is_wrong_or_says_what_the_body_looks_like() {
    let gateway = start(&[]);
    let utf16: Vec<u8> = "m 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let block = |body: &[u8]| snap::raw::Encoder::new().compress_vec(body).unwrap();
    let remote_write = block(b"\x0a\x0f\x0a\x0d\x0a\x08__name__\x12\x01m");
    let family = b"\x0a\x01m\x18\x01\x22\x0b\x12\x09\x09\0\0\0\0\0\0\xf0\x3f";
    let delimited = [&[family.len() as u8][..], family].concat();
    for (headers, body, status, says) in [
        (
            &[][..],
            b"m 45%\n".to_vec(),
            400,
            r#"in line 1: expected a number as the value: "45%"; write a decimal number alone, without a unit"#,
        ),
        (&[], b"m yes\n".to_vec(), 400, r#""yes"; write 1 or 0"#),
        (&[], b"m 0,5\n".to_vec(), 400, r#""0,5"; write a decimal point, not a comma"#),
        (
            &[],
            b"# TYPE a gaugeb 1\n".to_vec(),
            400,
            r#"unknown metric type: "gaugeb 1"; known are counter, gauge"#,
        ),
        (
            &[],
            b"# TYPE m gauge\n# TYPE m gauge\n".to_vec(),
            400,
            r#"or TYPE after its samples: "m""#,
        ),
        (
            &[],
            b"# HELP m a\n# HELP m b\n".to_vec(),
            400,
            r#"second HELP line for this metric name: "m""#,
        ),
        (&[], utf16, 400, "looks like UTF-16"),
        (&[], b"{\"m\": 1}\n".to_vec(), 400, "looks like JSON"),
        (&[], b"m=1&n=2".to_vec(), 400, "looks like an HTML form"),
        (&[], gzip(b"m 1\n"), 400, "looks like gzip: send it with Content-Encoding: gzip"),
        (&[], snappy(b"m 1\n"), 400, "looks like snappy: send it with Content-Encoding: snappy"),
        (&[], delimited.clone(), 400, "looks like protobuf: send it with Content-Type"),
        (&[SENT_AS_PROTOBUF], family.to_vec(), 400, "without its length"),
        (
            &["content-encoding: snappy"],
            block(b"m 1\nm 2\n"),
            400,
            "a block of snappy: send the framed format",
        ),
        (&["content-encoding: snappy"], remote_write, 400, "a remote write request"),
        (&["content-encoding: gzip"], b"m 1\n".to_vec(), 400, r#"the body begins with "m 1\n""#),
        (
            &["content-encoding: deflate"],
            b"m 1\n".to_vec(),
            415,
            r#"Content-Encoding "deflate" is not known: send gzip"#,
        ),
        (&["content-encoding: zstd"], b"m 1\n".to_vec(), 415, "snappy in frames"),
        (
            &[
                "content-type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; encoding=delimited",
            ],
            delimited,
            400,
            "is no media type",
        ),
        (&[SENT_AS_OPEN_METRICS], b"m 1\n".to_vec(), 400, "ends with the line # EOF"),
        (
            &[SENT_AS_OPEN_METRICS],
            b"m 1 1.5\n# EOF\n".to_vec(),
            400,
            "pushed metrics must not have timestamps (line 1)",
        ),
        (&[], b"m 1 15\n".to_vec(), 400, "pushed metrics must not have timestamps (line 1)"),
    ] {
        let answer = put(&gateway, headers, &body);
        assert_eq!(answer.status, status, "{}: {answer:?}", body.escape_ascii());
        assert!(answer.text().contains(says), "{}: {answer:?}", body.escape_ascii());
        let checked = gateway.send("POST", "/api/v1/check", headers, &body);
        assert_eq!(checked.status, status, "{}: {checked:?}", body.escape_ascii());
    }
    assert!(lines(&gateway).is_empty());
}

#[test]
fn a_rejection_of_a_path_says_how_to_spell_it() {
    let gateway = start(&[]);
    for (path, says) in [
        ("/metrics/job/", "job name is required: push to /metrics/job/NAME"),
        ("/metrics/job//x/1", "job name is required"),
        ("/metrics/job/a/x", r#"the label name "x" has no value"#),
        ("/metrics/job/a/x@base64/a+b", r#"for label "x": "a+b"; use - and _ in place of + and /"#),
        ("/metrics/job/a/x@base64/YWI/Yw", "base64 with - and _ in place of + and /"),
        ("/metrics/job/a//x", "NAME@base64/="),
    ] {
        let answer = gateway.put(path, "m 1\n");
        assert!(answer.status == 400 && answer.text().contains(says), "{path}: {answer:?}");
    }
}

#[test]
fn a_number_sign_in_a_target_belongs_to_the_path() {
    let gateway = start(&[]);
    assert_eq!(gateway.put("/metrics/job/a/x/1#2/y/3", "m 1\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/a/x/4", "m 1\n").status, 200);
    let shown = gateway.text("?name[]=m", &[]);
    assert!(shown.contains("m{instance=\"\",job=\"a\",x=\"1#2\",y=\"3\"} 1\n"), "{shown}");
    assert_eq!(shown.matches("m{").count(), 2, "{shown}");
    assert_eq!(gateway.delete("/metrics/job/a/x/1#2/y/3").status, 202);
    assert_eq!(gateway.text("?name[]=m", &[]).matches("m{").count(), 1);
}

#[test]
fn a_scrape_in_open_metrics_pushed_back_says_the_same() {
    let (from, to) = (start(&["--web.enable-openmetrics"]), start(&["--web.enable-openmetrics"]));
    assert_eq!(from.put("/metrics/job/a", ALL_KINDS).status, 200);
    let body = from.text("?job=a", &[OPEN_METRICS]);
    let answer = put(&to, &[SENT_AS_OPEN_METRICS], body.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    let is_time = |line: &&str| !line.contains("push_");
    let shown = |gateway: &Running| {
        let text = gateway.text("?job=a", &[OPEN_METRICS]);
        without_own(&text).into_iter().filter(is_time).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(shown(&to), shown(&from));
    assert!(shown(&to).iter().any(|line| line == "# TYPE gh gaugehistogram"));
    let kinds = |gateway: &Running| {
        let families = read::protobuf(&gateway.body("?job=a", &[PROTOBUF])).0;
        let plain = |name: &str| name.trim_end_matches("_total").to_owned();
        families.into_iter().map(|family| (plain(&family.name), family.kind)).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&to), kinds(&from));
}

#[test]
fn exemplars_and_times_of_creation_are_shown_in_protobuf() {
    let gateway = start(&[]);
    let body = b"# TYPE c counter\nc_total 2 # {trace_id=\"abc\"} 0.5\nc_created 7\n# EOF\n";
    assert_eq!(put(&gateway, &[SENT_AS_OPEN_METRICS], body).status, 200);
    let scrape = gateway.body("?name[]=c_total", &[PROTOBUF]);
    let has = |part: &[u8]| memchr::memmem::find(&scrape, part).is_some();
    assert!(
        has(b"\x0a\x08trace_id\x12\x03abc") && has(b"\x1a\x04\x08\x07\x10\x00"),
        "{}",
        scrape.escape_ascii()
    );
}

#[test]
fn the_query_api_shows_native_buckets_as_the_pushgateway_does() {
    let gateway = start(&[]);
    // Of schema 0: 2 in [-4, -2), 1 around zero, 3 in (0.5, 1] and 1 in (2, 4].
    let histogram = b"\x08\x07\x11\0\0\0\0\0\0\0\x40\x28\0\x31\0\0\0\0\0\0\xd0\x3f\x38\x01\
        \x4a\x04\x08\x04\x10\x01\x52\x01\x04\x62\x04\x08\0\x10\x03\x6a\x03\x06\x05\x02";
    let metric = [&[0x3a, histogram.len() as u8][..], histogram].concat();
    let family = [&b"\x0a\x01h\x18\x04\x22"[..], &[metric.len() as u8], &metric].concat();
    let body = [&[family.len() as u8][..], &family].concat();
    let answer = put(&gateway, &[SENT_AS_PROTOBUF], &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let shown: serde_json::Value =
        serde_json::from_slice(&gateway.get("/api/v1/metrics").body).unwrap();
    let metric = &shown["data"][0]["h"]["metrics"][0];
    let expected = serde_json::json!([
        [1, "-4", "-2", "2"],
        [3, "-0.25", "0.25", "1"],
        [0, "0.5", "1", "3"],
        [0, "2", "4", "1"]
    ]);
    assert_eq!((&metric["buckets"], &metric["count"]), (&expected, &"7".into()));
}
