//! What the tests of prom-aggregation-gateway expect of it, written anew, and what shardgate makes of the same pushes.
//!
//! That gateway knows no sources: it adds each push to what is there. Here the pushes come from sources that differ in the label `instance`, which the
//! rule takes away; the other gateway gets them without it.

use crate::gateway::{Running, start};
use crate::persistence::Directory;

const RULES: &str = r#"
rules:
  - { match: '{job="test"}', aggregate: { without: [instance], gauges: sum } }
  - { match: '{job="calls"}', aggregate: { without: [instance], counters: increments, gauges: sum } }
"#;

/// A push: the rest of its path, the value of its `Idempotency-Key` (empty for none), its body.
type Push = (&'static str, &'static str, &'static str);

/// One behaviour.
struct Case {
    what: &'static str,
    pushes: &'static [Push],
    /// The statuses and samples there, without `instance`.
    theirs: (&'static [u16], &'static [&'static str]),
    /// The same here; `None` where nothing differs but the status of a push, which is 202 there and 200 here.
    ours: Option<(&'static [u16], &'static [&'static str])>,
    /// Why it differs.
    because: &'static str,
}

const ONE: &str = "/job/test/instance/1";
const TWO: &str = "/job/test/instance/2";
const FIRST_HISTOGRAM: &str = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"2\"} 3\nh_bucket{le=\"+Inf\"} 4\nh_sum 9.5\nh_count 4\n";
const OTHER_BOUNDS: &str = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"5\"} 2\nh_bucket{le=\"+Inf\"} 2\nh_sum 4\nh_count 2\n";

const CASES: &[Case] = &[
    Case {
        what: "gauges whose labels and series come in any order",
        pushes: &[
            (ONE, "", "# TYPE g gauge\ng{on=\"yes\",lib=\"z\"} 1\ng{lib=\"A\",on=\"yes\"} 2\n"),
            (TWO, "", "# TYPE g gauge\ng{lib=\"A\",on=\"yes\"} 20\ng{lib=\"z\",on=\"yes\"} 10\n"),
        ],
        theirs: (
            &[202, 202],
            &["g{job=\"test\",lib=\"A\",on=\"yes\"} 22", "g{job=\"test\",lib=\"z\",on=\"yes\"} 11"],
        ),
        ours: None,
        because: "",
    },
    Case {
        what: "counters, gauges and histograms of two clients",
        pushes: &[
            (ONE, "", "# TYPE c counter\nc 30\n# TYPE g gauge\ng 40\n"),
            (ONE, "", FIRST_HISTOGRAM),
            (TWO, "", "# TYPE c counter\nc 12\n# TYPE g gauge\ng 2\n"),
            (
                TWO,
                "",
                "# TYPE h histogram\nh_bucket{le=\"1\"} 0\nh_bucket{le=\"2\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1.5\nh_count 1\n",
            ),
        ],
        theirs: (
            &[202, 202, 202, 202],
            &[
                "c{job=\"test\"} 42",
                "g{job=\"test\"} 42",
                "h_bucket{job=\"test\",le=\"+Inf\"} 5",
                "h_bucket{job=\"test\",le=\"1\"} 1",
                "h_bucket{job=\"test\",le=\"2\"} 4",
                "h_count{job=\"test\"} 5",
                "h_sum{job=\"test\"} 11",
            ],
        ),
        ours: None,
        because: "",
    },
    Case {
        what: "a label of the samples that the options of the library ignore",
        pushes: &[
            (ONE, "", "# TYPE c counter\nc{a=\"a\",drop=\"x\"} 1\n"),
            (TWO, "", "# TYPE c counter\nc{drop=\"x\",a=\"a\"} 2\n"),
        ],
        theirs: (&[202, 202], &["c{a=\"a\",job=\"test\"} 3"]),
        ours: Some((&[200, 200], &["c{a=\"a\",drop=\"x\",job=\"test\"} 3"])),
        because: "without names labels of the grouping key. A label of a sample tells two series of one source apart, so without it they would be one series twice",
    },
    Case {
        what: "series that only one of two clients has",
        pushes: &[
            (ONE, "", "# TYPE e counter\ne{path=\"/a/:id\"} 1\ne{path=\"/b/:id\"} 1\n"),
            (TWO, "", "# TYPE e counter\ne{path=\"/b/:id\"} 1\n"),
        ],
        theirs: (
            &[202, 202],
            &["e{job=\"test\",path=\"/a/:id\"} 1", "e{job=\"test\",path=\"/b/:id\"} 2"],
        ),
        ours: None,
        because: "",
    },
    Case {
        what: "one series twice in a push",
        pushes: &[(ONE, "", "# TYPE g gauge\ng{a=\"1\",b=\"2\"} 1\ng{b=\"2\",a=\"1\"} 2\n")],
        theirs: (&[400], &[]),
        ours: None,
        because: "",
    },
    Case {
        what: "summaries",
        pushes: &[
            (ONE, "", "# TYPE s summary\ns{quantile=\"0.5\"} 3\ns_sum 12.25\ns_count 1\n"),
            (TWO, "", "# TYPE s summary\ns{quantile=\"0.5\"} 5\ns_sum 12.25\ns_count 1\n"),
        ],
        theirs: (&[202, 202], &["s_count{job=\"test\"} 2", "s_sum{job=\"test\"} 24.5"]),
        ours: None,
        because: "",
    },
    Case {
        what: "a family with two types",
        pushes: &[(ONE, "", "# TYPE t counter\nt 1\n"), (TWO, "", "# TYPE t gauge\nt 1\n")],
        theirs: (&[202, 400], &["t{job=\"test\"} 1"]),
        ours: None,
        because: "",
    },
    Case {
        what: "histograms with other bounds",
        pushes: &[(ONE, "", FIRST_HISTOGRAM), (TWO, "", OTHER_BOUNDS)],
        theirs: (
            &[202, 202],
            &[
                "h_bucket{job=\"test\",le=\"+Inf\"} 6",
                "h_bucket{job=\"test\",le=\"1\"} 2",
                "h_bucket{job=\"test\",le=\"2\"} 3",
                "h_bucket{job=\"test\",le=\"5\"} 2",
                "h_count{job=\"test\"} 6",
                "h_sum{job=\"test\"} 13.5",
            ],
        ),
        ours: Some((
            &[200, 400],
            &[
                "h_bucket{job=\"test\",le=\"+Inf\"} 4",
                "h_bucket{job=\"test\",le=\"1\"} 1",
                "h_bucket{job=\"test\",le=\"2\"} 3",
                "h_count{job=\"test\"} 4",
                "h_sum{job=\"test\"} 9.5",
            ],
        )),
        because: "the union of the buckets is no histogram: its buckets may fall from one bound to the next, as here, and quantiles of it are wrong",
    },
    Case {
        what: "the same push twice, as after an answer that was lost",
        pushes: &[(ONE, "", "# TYPE c counter\nc 5\n"), (ONE, "", "# TYPE c counter\nc 5\n")],
        theirs: (&[202, 202], &["c{job=\"test\"} 10"]),
        ours: Some((&[200, 200], &["c{job=\"test\"} 5"])),
        because: "the last value of each source counts, so a retry adds nothing. A gateway that adds what it is sent cannot tell a retry from a new push",
    },
    Case {
        what: "a process that pushes what it has counted so far",
        pushes: &[(ONE, "", "# TYPE c counter\nc 5\n"), (ONE, "", "# TYPE c counter\nc 7\n")],
        theirs: (&[202, 202], &["c{job=\"test\"} 12"]),
        ours: Some((&[200, 200], &["c{job=\"test\"} 7"])),
        because: "values are cumulative for each source, as every client library shows them",
    },
    Case {
        what: "a process that was started again",
        pushes: &[(ONE, "", "# TYPE c counter\nc 5\n"), (ONE, "", "# TYPE c counter\nc 2\n")],
        theirs: (&[202, 202], &["c{job=\"test\"} 7"]),
        ours: None,
        because: "",
    },
    Case {
        what: "clients that push what they have done since their last push",
        pushes: &[
            ("/job/calls", "1", "# TYPE c counter\nc 5\n"),
            ("/job/calls", "2", "# TYPE c counter\nc 5\n"),
            ("/job/calls", "2", "# TYPE c counter\nc 5\n"),
        ],
        theirs: (&[202, 202, 202], &["c{job=\"calls\"} 15"]),
        ours: Some((&[200, 200, 200], &["c{job=\"calls\"} 10"])),
        because: "the third push is the second one again, as its Idempotency-Key says",
    },
    Case {
        what: "the same without a key",
        pushes: &[("/job/calls", "", "# TYPE c counter\nc 5\n")],
        theirs: (&[202], &["c{job=\"calls\"} 5"]),
        ours: Some((&[400], &[])),
        because: "without a key, the next push could be a retry or not",
    },
    Case {
        what: "a label in the path and in the body",
        pushes: &[(ONE, "", "# TYPE c counter\nc{job=\"body\"} 5\n")],
        theirs: (&[400], &[]),
        ours: Some((&[200], &["c{job=\"test\"} 5"])),
        because: "the label of the path wins, as in the Pushgateway",
    },
    Case {
        what: "a path without a job",
        pushes: &[("/instance/1", "", "# TYPE c counter\nc 5\n")],
        theirs: (&[202], &["c{instance=\"1\"} 5"]),
        ours: Some((&[404], &[])),
        because: "a group has a job, as in the Pushgateway",
    },
    Case {
        what: "a path without any label",
        pushes: &[("", "", "# TYPE c counter\nc 5\n")],
        theirs: (&[202], &["c 5"]),
        ours: Some((&[405], &[])),
        because: "a group has a job, as in the Pushgateway; the answer names the right path",
    },
    Case {
        what: "a label name without its value in the path",
        pushes: &[("/job/test/instance", "", "# TYPE c counter\nc 5\n")],
        theirs: (&[400], &[]),
        ours: None,
        because: "",
    },
    Case {
        what: "a label twice in the path",
        pushes: &[("/job/test/a/1/a/2", "", "# TYPE c counter\nc 5\n")],
        theirs: (&[202], &["c{a=\"1\",a=\"2\",job=\"test\"} 5"]),
        ours: Some((&[200], &["c{a=\"2\",job=\"test\"} 5"])),
        because: "the last one counts, as in the Pushgateway. Prometheus drops a scrape in which a series has a label twice",
    },
];

/// The samples of a scrape without the label of their source, in order.
fn shown(gateway: &Running) -> Vec<String> {
    let lines = gateway.pushed().into_iter();
    let mut lines: Vec<String> = lines.map(|line| line.replace("instance=\"\",", "")).collect();
    lines.sort();
    lines
}

#[test]
fn what_prom_aggregation_gateway_does_is_done_here_or_differs_for_a_reason() {
    let rules = Directory::new();
    let file = rules.path().join("rules.yml");
    std::fs::write(&file, RULES).unwrap();
    let gateway = start(&[&format!("--rules.file={}", file.display()), "--web.enable-admin-api"]);
    for case in CASES {
        let Case { what, theirs, ours, because, .. } = case;
        assert_eq!(ours.is_none(), because.is_empty(), "{what}: what differs has a reason");
        let (statuses, samples) = ours.unwrap_or(*theirs);
        for ((path, key, body), status) in case.pushes.iter().zip(statuses) {
            let key = format!("idempotency-key: {key}");
            let headers = [&*key];
            let headers = if key.ends_with(' ') { &[][..] } else { &headers };
            let answer = gateway.send("POST", &format!("/metrics{path}"), headers, body.as_bytes());
            let expected = if ours.is_none() && *status == 202 { 200 } else { *status };
            assert_eq!(answer.status, expected, "{what}, {path}: {}", answer.text());
        }
        assert_eq!(shown(&gateway), samples, "{what}");
        assert_eq!(gateway.put("/api/v1/admin/wipe", "").status, 202);
    }
}
