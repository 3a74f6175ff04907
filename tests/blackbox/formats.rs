//! The forms of a scrape: text, protobuf, each compressed or not, and what is served to whom.

use crate::gateway::{Running, start};
use crate::read;

pub(crate) const GZIP: &str = "accept-encoding: gzip";
pub(crate) const PROTOBUF: &str = "accept: application/vnd.google.protobuf; \
    proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=allow-utf-8";
pub(crate) const OPEN_METRICS: &str = "accept: application/openmetrics-text; version=1.0.0";

/// What the gateway says about itself changes from scrape to scrape; this is the rest of a text.
pub(crate) fn without_own(text: &str) -> Vec<&str> {
    let is_own = |line: &&str| {
        let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
        let own = ["process_", "promhttp_", "pushgateway_", "shardgate_"];
        own.iter().any(|prefix| name.starts_with(prefix))
    };
    text.lines().filter(|line| !is_own(line)).collect()
}

/// Checks that plain, compressed and protobuf scrapes say the same, whether anything is kept from
/// scrapes before or not. Answers how many samples were pushed.
fn assert_same_in_every_form(gateway: &Running) -> usize {
    let plain = gateway.text("", &[]);
    let pushed = read::pushed(read::text(&plain));
    for _ in 0..2 {
        assert_eq!(without_own(&gateway.text("", &[GZIP])), without_own(&plain));
        for headers in [&[PROTOBUF][..], &[PROTOBUF, GZIP]] {
            assert!(read::pushed(read::protobuf(&gateway.body("", headers)).1) == pushed);
        }
        assert_eq!(without_own(&gateway.text("", &[])), without_own(&plain));
    }
    pushed.len()
}

#[test]
fn small_and_large_families_are_the_same_in_every_form_whatever_has_changed() {
    let gateway = start(&[]);
    let put = |group: usize, body: &str| {
        assert_eq!(gateway.put(&format!("/metrics/job/a/at/{group}"), body).status, 200);
    };
    let small =
        |value: usize| (0..3000).map(|at| format!("small_{at} {value}\n")).collect::<String>();
    let large = |value: usize| {
        (0..2500).map(|at| format!("large{{x=\"{at}\"}} {value}\n")).collect::<String>()
    };
    let shared = |value: usize| {
        format!("# TYPE shared counter\nshared{{x=\"1\"}} {value}\nshared {value}\n")
    };
    put(0, &small(1));
    put(1, &large(1));
    (2..300).for_each(|group| put(group, &shared(group)));
    let first = 3000 + 2500 + 2 * 298 + 2 * 300;
    assert_eq!(assert_same_in_every_form(&gateway), first);
    put(77, &shared(1_000_000));
    assert_eq!(assert_same_in_every_form(&gateway), first);
    put(0, &small(2).replace("small_1500 2\n", ""));
    assert_eq!(assert_same_in_every_form(&gateway), first - 1);
    put(0, &small(3));
    put(1, &large(3));
    (2..300).for_each(|group| put(group, &shared(group + 1)));
    assert_eq!(assert_same_in_every_form(&gateway), first);
    (1..300).for_each(|group| {
        gateway.delete(&format!("/metrics/job/a/at/{group}"));
    });
    assert_eq!(assert_same_in_every_form(&gateway), 3000 + 2);
}

#[test]
fn a_change_shows_in_whatever_form_had_been_scraped_before() {
    let gateway = start(&["--web.enable-openmetrics"]);
    let put = |group: usize, value: usize| {
        let body = format!("# TYPE m counter\nm{{x=\"{}\"}} {value}\n", "x".repeat(100));
        assert_eq!(gateway.put(&format!("/metrics/job/a/at/{group}"), &body).status, 200);
    };
    (0..300).for_each(|group| put(group, 0));
    let forms =
        [&[][..], &[GZIP], &[PROTOBUF], &[PROTOBUF, GZIP], &[OPEN_METRICS], &[OPEN_METRICS, GZIP]];
    let mut pushes = 0;
    for headers in forms {
        for queries in [&[""][..], &["?job=a"], &["?shard=0/2", "?shard=1/2"]] {
            for group in [7, 7, 199, 7] {
                pushes += 1;
                put(group, pushes);
                let samples = queries.iter().flat_map(|query| {
                    let body = gateway.body(query, headers);
                    match headers.contains(&PROTOBUF) {
                        true => read::protobuf(&body).1,
                        false => read::text(std::str::from_utf8(&body).unwrap()),
                    }
                });
                let group = group.to_string();
                let of_group = samples
                    .filter(|((name, labels), _)| name.starts_with('m') && labels["at"] == group);
                let values: Vec<f64> = of_group.map(|(_, value)| f64::from_bits(value)).collect();
                assert_eq!(values, [pushes as f64], "{headers:?} {queries:?}");
            }
        }
    }
}

/// One family of each kind, with values and labels that take some care.
pub(crate) const ALL_KINDS: &str = "\
# HELP c A \\\\ and\\na line.
# TYPE c counter
c{q=\"a\\\"b\\\\c\\nd\"} 1e+06
# TYPE d_total counter
d_total 2
# TYPE g gauge
g{x=\"inf\"} -Inf
g{x=\"nan\"} NaN
g{x=\"small\"} 1e-05
# TYPE gh gaugehistogram
gh_bucket{le=\"1\"} 2
gh_count 3
gh_sum 4
# TYPE h histogram
h_bucket{le=\"0.5\"} 1
h_bucket{le=\"10\"} 2.5
h_bucket{le=\"+Inf\"} 3
h_count 3
h_sum 4.5
# TYPE s summary
s{quantile=\"0.5\"} 1
s{quantile=\"1\"} 2
s_count 7
s_sum 8
u 9
";

#[test]
fn protobuf_says_what_the_text_says() {
    let gateway = start(&[]);
    assert_eq!(gateway.put("/metrics/job/a", ALL_KINDS).status, 200);
    let answer = gateway.send("GET", "/metrics", &[PROTOBUF], b"");
    assert_eq!(
        answer.header("content-type"),
        Some(
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
             encoding=delimited; escaping=allow-utf-8"
        )
    );
    let text = gateway.text("", &[]);
    let (families, samples) = read::protobuf(&answer.body);
    let names: Vec<&str> = families.iter().map(|family| &*family.name).collect();
    // From the first scrape on, the gateway has more to say about itself.
    let mut expected = read::families(&text);
    expected.retain(|name| !name.starts_with("shardgate_scrape_"));
    let mut shown = names.clone();
    shown.retain(|name| !name.starts_with("shardgate_scrape_"));
    assert_eq!(shown, expected);
    assert_eq!(read::pushed(samples), read::pushed(read::text(&text)));
    let family = |name: &str| families.iter().find(|family| family.name == name).unwrap();
    assert_eq!(family("c").help, "A \\ and\na line.");
    let kinds = ["c", "g", "s", "u", "h", "gh"].map(|name| family(name).kind);
    assert_eq!(kinds, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn the_best_of_several_wishes_is_served() {
    let gateway = start(&["--web.enable-openmetrics"]);
    gateway.put("/metrics/job/a", "m 1\n");
    let format = |accept: &str| {
        let answer = gateway.send("GET", "/metrics", &[&format!("accept: {accept}")], b"");
        let content_type = answer.header("content-type").unwrap();
        content_type.split(';').next().unwrap().to_owned()
    };
    let protobuf = PROTOBUF.trim_start_matches("accept: ");
    assert_eq!(
        format(&format!("text/plain;q=0.5, {protobuf};q=0.6")),
        "application/vnd.google.protobuf"
    );
    assert_eq!(
        format(&format!("{protobuf};q=0.2,application/openmetrics-text;q=0.3,*/*;q=0.1")),
        "application/openmetrics-text"
    );
    assert_eq!(format(&format!("text/plain, {protobuf};q=0.9")), "text/plain");
    assert_eq!(format("image/png"), "text/plain");
    let two = ["accept: image/png", PROTOBUF];
    assert_eq!(read::protobuf(&gateway.body("?job=a", &two)).1.len(), 3);
}
