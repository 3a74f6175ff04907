//! What bodies of OpenMetrics come to, and why they are rejected.

use super::*;
use crate::exposition::NameRules;
use crate::push::decode;
use crate::push::render_for_test::render_for_test;

fn key() -> GroupingKey {
    GroupingKey::parse(b"/j", NameRules::Utf8).expect("the path is fine")
}

fn push(body: &str) -> Result<String, String> {
    render_for_test(decode_open_metrics(&key(), body.as_bytes(), NameRules::Utf8))
}

/// What a body in the text format comes to.
fn text(body: &str) -> Result<String, String> {
    render_for_test(decode(&key(), body.as_bytes(), NameRules::Utf8))
}

#[test]
fn families_have_the_names_and_types_of_the_text_format() {
    for (body, same_as) in [
        (
            "# TYPE a counter\na_total{x=\"\\\"\\n\"} 1\n",
            "# TYPE a_total counter\na_total{x=\"\\\"\\n\"} 1\n",
        ),
        ("# TYPE a_total counter\na_total 1\n", "# TYPE a_total counter\na_total 1\n"),
        (
            "# HELP g A \\\"quoted\\\" \\\\ help.\n# TYPE g gauge\n# UNIT g s\ng 1.0\n",
            "# HELP g A \"quoted\" \\\\ help.\n# TYPE g gauge\ng 1\n",
        ),
        ("# TYPE u unknown\nu 1\nother 2\n", "u 1\nother 2\n"),
        (
            "# TYPE i info\n# HELP i H\ni_info{v=\"1\"} 1\n",
            "# HELP i_info H\n# TYPE i_info gauge\ni_info{v=\"1\"} 1\n",
        ),
        (
            "# TYPE s stateset\ns{s=\"a\"} 1\ns{s=\"b\"} 0\n",
            "# TYPE s gauge\ns{s=\"a\"} 1\ns{s=\"b\"} 0\n",
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_count 3\nh_sum 4.5\n",
            "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_count 3\nh_sum 4.5\n",
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 0.5\n",
            "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 0.5\nh_count 0.5\n",
        ),
        (
            "# TYPE g gaugehistogram\ng_bucket{x=\"1\",le=\"+Inf\"} 3\ng_gcount{x=\"1\"} 3\ng_gsum{x=\"1\"} -4\n",
            "# TYPE g gaugehistogram\ng_bucket{x=\"1\",le=\"+Inf\"} 3\ng_count{x=\"1\"} 3\ng_sum{x=\"1\"} -4\n",
        ),
        (
            "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_count{x=\"1\"} 2\ns_sum 3\ns_count 4\n",
            "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_count{x=\"1\"} 2\ns_sum 3\ns_count 4\n",
        ),
        (
            "# TYPE \"a.b\" counter\n{\"a.b_total\",\"c d\"=\"1\"} 2\n",
            "# TYPE \"a.b_total\" counter\n{\"a.b_total\",\"c d\"=\"1\"} 2\n",
        ),
        ("# TYPE c counter\nc_created 5\n", ""),
        ("\u{feff}m 1 \r\n\n", "m 1\n"),
        ("", ""),
    ] {
        let expected = text(same_as).expect(same_as);
        assert_eq!(push(&format!("{body}# EOF\n")), Ok(expected.clone()), "{body}");
        assert_eq!(push(&format!("{body}# EOF")), Ok(expected), "{body}");
    }
}

#[test]
fn what_only_protobuf_can_say_is_kept() {
    let body = "# TYPE c counter\nc_total 2 # {trace_id=\"x\\\"\"} 0.5 1.25\nc_created 7.5\n\
        # TYPE h histogram\nh_bucket{le=\"+Inf\"} 1 # {} 3\nh_created 1\n\
        # TYPE g gauge\ng 1 # {a=\"b\"} 1\n# EOF\n";
    let batch =
        decode_open_metrics(&key(), body.as_bytes(), NameRules::Legacy).expect("it is whole");
    let family = |name: &str| {
        let found = batch.families.iter().find(|family| batch.name(family) == name);
        found.and_then(|family| batch.native(family)).map(<[u8]>::to_vec)
    };
    let time = |seconds: u8| vec![0x08, seconds, 0x10];
    let half_second = [0x80, 0xca, 0xb5, 0xee, 0x01];
    let c = family("c_total").expect("it has an exemplar");
    let exemplar =
        [&b"\x0a\x0e\x0a\x08trace_id\x12\x02x\"\x11"[..], &0.5f64.to_le_bytes()].concat();
    let has = |bytes: &[u8], part: &[u8]| memchr::memmem::find(bytes, part).is_some();
    assert!(
        has(&c, &exemplar) && has(&c, &[&time(7)[..], &half_second].concat()),
        "{}",
        c.escape_ascii()
    );
    let h = family("h").expect("it has an exemplar");
    assert!(
        has(&h, &[&[0x1a, 0x09, 0x11][..], &3f64.to_le_bytes()].concat()),
        "{}",
        h.escape_ascii()
    );
    assert!(has(&h, &[&time(1)[..], &[0]].concat()), "{}", h.escape_ascii());
    assert_eq!(family("g"), None, "a gauge has no place for one");
}

#[test]
fn what_is_wrong_is_said_of_its_line() {
    for (body, line, reason) in [
        ("m 1\n", 1, "# EOF"),
        ("", 1, "# EOF"),
        ("# TYPE m gauge m 1 # EOF", 1, "metric type"),
        ("m 1\n# EOF\nn 2\n", 3, "behind # EOF"),
        ("# TYPE c counter\nc 1\n# EOF\n", 2, "_total"),
        ("# TYPE i info\ni 1\n# EOF\n", 2, "_info"),
        ("# TYPE h histogram\nh 1\n# EOF\n", 2, "does not fit"),
        ("m 1\n# TYPE m gauge\n# EOF\n", 2, "second TYPE"),
        ("# HELP m a\n# HELP m b\n# EOF\n", 2, "second HELP"),
        ("# HELP m \\x\n# EOF\n", 1, "escape"),
        ("m 1 # x\n# EOF\n", 1, "exemplar"),
        ("m 1 # {a=\"b\"}\n# EOF\n", 1, "exemplar"),
        ("m 1 # {a=\"b\"} 1 2 3\n# EOF\n", 1, "unexpected text"),
        ("m{a=\"1\",a=\"2\"} 1\n# EOF\n", 1, "twice"),
        ("m 1,5\n# EOF\n", 1, "a number"),
        ("m 1 x\n# EOF\n", 1, "timestamp"),
        ("# TYPE h histogram\nh_count -1\n# EOF\n", 2, "count"),
        ("# TYPE h histogram\nh_bucket{le=\"x\"} 1\n# EOF\n", 2, "le"),
    ] {
        let error = push(body).expect_err(body);
        assert!(
            error.contains(&format!("in line {line}: ")) && error.contains(reason),
            "{body}: {error}"
        );
    }
    let mark = decode_open_metrics(&key(), b"m{a=\"\xff\"} 1\n# EOF\n", NameRules::Utf8);
    assert!(matches!(mark, Err(Rejected::Syntax(error)) if error.kind == SyntaxErrorKind::Utf8));
}

#[test]
fn what_contradicts_itself_is_refused() {
    for (body, reason) in [
        ("m 1 1.5\n# EOF\n", "must not have timestamps (line 1)"),
        ("m 1\nm 2\n# EOF\n", "same series twice"),
        ("# TYPE c counter\nc_total 1\nc_total 2\n# EOF\n", "same series twice"),
        (
            "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\"} 1\n# EOF\n",
            "same bucket",
        ),
        ("# TYPE c counter\nc_total 1\n# TYPE c_total gauge\nc_total 2\n# EOF\n", "c_total"),
        ("m 1\n\nn{__x=\"1\"} 1\n# EOF\n", "line 3 (\"n\"): label names that begin with __"),
    ] {
        let error = push(body).expect_err(body);
        assert!(error.starts_with("refused: ") && error.contains(reason), "{body}: {error}");
    }
    let at = decode_open_metrics(&key(), b"\nm{a.b=\"1\"} 1\n# EOF\n", NameRules::Legacy);
    assert!(matches!(at, Err(Rejected::Syntax(error)) if error.at == Place::Line(2)));
}
