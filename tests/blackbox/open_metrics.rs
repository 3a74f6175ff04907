//! OpenMetrics, where a flag allows it.

use crate::formats::{ALL_KINDS, GZIP, OPEN_METRICS, without_own};
use crate::gateway::start;
use crate::read;

#[test]
fn open_metrics_is_served_only_where_a_flag_allows_it() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/a", ALL_KINDS);
    let answer = gateway.send("GET", "/metrics", &[OPEN_METRICS], b"");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(without_own(answer.text()), without_own(&gateway.text("", &[])));

    let gateway = start(&["--web.enable-openmetrics"]);
    gateway.put("/metrics/job/a", ALL_KINDS);
    let answer = gateway.send("GET", "/metrics", &[OPEN_METRICS], b"");
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(content_type));
    assert!(answer.text().ends_with("\n# EOF\n"));
    assert_eq!(answer.text().matches("# EOF").count(), 1);
    assert_eq!(without_own(&gateway.text("", &[OPEN_METRICS, GZIP])), without_own(answer.text()));
    assert_eq!(gateway.text("?job=nobody", &[OPEN_METRICS]), "# EOF\n");
    assert!(!gateway.text("", &[]).contains("# EOF"));
}

#[test]
fn open_metrics_says_what_the_text_says_in_its_own_words() {
    let gateway = start(&["--web.enable-openmetrics"]);
    gateway.put("/metrics/job/a", ALL_KINDS);
    let text = gateway.text("?job=a", &[OPEN_METRICS]);
    for line in [
        "# HELP c A \\\\ and\\na line.",
        "# TYPE c counter",
        "c_total{instance=\"\",job=\"a\",q=\"a\\\"b\\\\c\\nd\"} 1e+06",
        "# TYPE d counter",
        "d_total{instance=\"\",job=\"a\"} 2",
        "# TYPE gh gaugehistogram",
        "gh_bucket{instance=\"\",job=\"a\",le=\"1.0\"} 2",
        "gh_gcount{instance=\"\",job=\"a\"} 3",
        "h_bucket{instance=\"\",job=\"a\",le=\"10.0\"} 2.5",
        "h_bucket{instance=\"\",job=\"a\",le=\"+Inf\"} 3",
        "s{instance=\"\",job=\"a\",quantile=\"1.0\"} 2",
        "# TYPE u unknown",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
    }
    let renamed = |((name, labels), value): ((String, _), u64)| {
        let name = match &*name {
            "c" => "c_total",
            "gh_count" => "gh_gcount",
            "gh_sum" => "gh_gsum",
            name => name,
        };
        ((name.to_owned(), labels), value)
    };
    let plain = read::text(&gateway.text("?job=a", &[]));
    assert_eq!(read::text(&text), plain.into_iter().map(renamed).collect());
}

#[test]
fn open_metrics_shows_names_of_any_text_in_each_escaping() {
    let gateway = start(&["--web.enable-openmetrics", "--push.enable-utf8-names"]);
    let body = "# TYPE \"a.b\" counter\n{\"a.b\",\"c.d\"=\"1\"} 2\n";
    assert_eq!(gateway.put("/metrics/job/j", body).status, 200);
    for (escaping, family, sample) in [
        ("allow-utf-8", "\"a.b\"", "{\"a.b_total\",\"c.d\"=\"1\","),
        ("underscores", "a_b", "a_b_total{c_d=\"1\","),
        ("dots", "a_dot_b", "a_dot_b_total{c_dot_d=\"1\","),
        ("values", "U__a_2e_b", "U__a_2e_b_total{U__c_2e_d=\"1\","),
    ] {
        let accept = format!("{OPEN_METRICS}; escaping={escaping}");
        let answer = gateway.send("GET", "/metrics?name[]=a.b", &[&accept], b"");
        let expected =
            format!("# TYPE {family} counter\n{sample}instance=\"\",job=\"j\"}} 2\n# EOF\n");
        assert_eq!(answer.text(), expected);
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=";
        assert_eq!(answer.header("content-type"), Some(&*format!("{content_type}{escaping}")));
        assert_eq!(gateway.text("?name[]=a.b", &[&accept, GZIP]), expected);
    }
}
