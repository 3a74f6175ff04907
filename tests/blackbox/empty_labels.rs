//! A label with an empty value is the same as no label: to Prometheus, and so to the gateway.

use crate::gateway::{Answer, Running, start as start_here};
use crate::persistence::{Directory, Process, start};

const PROTOBUF: &str = "content-type: application/vnd.google.protobuf; \
    proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// One sort of family, and how a push of one series with these labels, a list of them, is made.
#[derive(Clone, Copy, Debug)]
enum Sort {
    Untyped,
    Gauge,
    Histogram,
    Summary,
    Native,
}

const SORTS: [Sort; 5] = [Sort::Untyped, Sort::Gauge, Sort::Histogram, Sort::Summary, Sort::Native];

type Labels<'a> = &'a [(&'a str, &'a str)];

/// Two series that are one to Prometheus: the path behind the job, and the labels of the sample.
const PAIRS: [[(&str, Labels<'_>); 2]; 7] = [
    [("/y/1", &[]), ("", &[("y", "1"), ("zone", "")])],
    [("/y/1", &[("zone", "")]), ("", &[("y", "1")])],
    [("/y/1", &[("zone", "")]), ("", &[("a", ""), ("y", "1")])],
    [("/y/1/zone@base64/=", &[]), ("", &[("y", "1")])],
    [("/y/1/zone@base64/=", &[("a", "")]), ("/x/", &[("b", ""), ("y", "1")])],
    [("", &[]), ("/zone@base64/=", &[("zone", "own")])],
    [("/a@base64/=/instance/i", &[]), ("/zone@base64/=/instance/i", &[("b", "1")])],
];

impl Sort {
    fn header(self) -> &'static str {
        if matches!(self, Sort::Native) { PROTOBUF } else { "accept: */*" }
    }

    fn body(self, series: &[Labels<'_>]) -> Vec<u8> {
        let text = |lines: &dyn Fn(&str) -> String| {
            let spelled = |labels: &Labels<'_>| {
                let labels = labels.iter().map(|(name, value)| format!("{name}=\"{value}\","));
                lines(&labels.collect::<String>())
            };
            series.iter().map(spelled).collect::<String>().into_bytes()
        };
        match self {
            Sort::Untyped => text(&|labels| format!("untyped{{{labels}}} 1\n")),
            Sort::Gauge => {
                let head = b"# TYPE gauge gauge\n".to_vec();
                [head, text(&|labels| format!("gauge{{{labels}}} 1\n"))].concat()
            }
            Sort::Histogram => {
                let lines = |labels: &str| {
                    format!(
                        "histogram_bucket{{{labels}le=\"1\"}} 1\nhistogram_count{{{labels}}} 1\n"
                    )
                };
                [b"# TYPE histogram histogram\n".to_vec(), text(&lines)].concat()
            }
            Sort::Summary => {
                let lines = |labels: &str| format!("summary{{{labels}quantile=\"0.5\"}} 1\n");
                [b"# TYPE summary summary\n".to_vec(), text(&lines)].concat()
            }
            Sort::Native => native(series),
        }
    }
}

/// A field of fewer than 128 bytes, whose number is below 16.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, content.len() as u8], content].concat()
}

fn native(series: &[Labels<'_>]) -> Vec<u8> {
    let value = b"\x08\x03\x11\0\0\0\0\0\0\0\0\x28\0\x38\x01\x62\x04\x08\0\x10\x02\x6a\x02\x02\0";
    let metric = |labels: &Labels<'_>| {
        let label = |(name, value): &(&str, &str)| {
            field(1, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat())
        };
        let labels: Vec<u8> = labels.iter().flat_map(label).collect();
        field(4, &[labels, field(7, value)].concat())
    };
    let metrics: Vec<u8> = series.iter().flat_map(metric).collect();
    let family = [field(1, b"native"), b"\x18\x04".to_vec(), metrics].concat();
    [&[u8::try_from(family.len()).expect("a short family")], &family[..]].concat()
}

/// Each pair of each sort in both orders, each in a job of its own.
fn cases() -> impl Iterator<Item = (Sort, String, [(&'static str, Labels<'static>); 2])> {
    SORTS.into_iter().flat_map(|sort| {
        PAIRS.into_iter().enumerate().flat_map(move |(at, [one, other])| {
            [("forth", [one, other]), ("back", [other, one])]
                .map(|(order, pair)| (sort, format!("/metrics/job/{sort:?}-{at}-{order}"), pair))
        })
    })
}

#[test]
fn series_and_groups_that_differ_only_in_empty_labels_exclude_each_other_after_a_restart_too() {
    let directory = Directory::new();
    let file = directory.path().join("store");
    let first = start(&file, &["--persistence.sync=push"]);
    let push = |gateway: &Process, sort: Sort, job: &str, (path, labels): (&str, Labels<'_>)| {
        gateway.send("PUT", &format!("{job}{path}"), &[sort.header()], &sort.body(&[labels]))
    };
    for (sort, job, [one, _]) in cases() {
        let answer = push(&first, sort, &job, one);
        assert_eq!(answer.status, 200, "{job}: {answer:?}");
    }
    let refuse_all = |gateway: &Process| {
        let samples = || {
            let lines = gateway.lines().into_iter();
            lines.filter(|line| !line.starts_with("push_")).collect::<Vec<_>>()
        };
        let before = samples();
        for (sort, job, [_, other]) in cases() {
            let answer = push(gateway, sort, &job, other);
            assert_eq!(answer.status, 400, "{job}: {answer:?}");
            assert!(answer.text().contains("an empty value is the same as no label"), "{answer:?}");
        }
        assert_eq!(samples(), before);
    };
    refuse_all(&first);
    first.stop();
    let again = start(&file, &[]);
    again.await_ready();
    refuse_all(&again);
    for (sort, job, [one, other]) in cases() {
        assert_eq!(again.send("DELETE", &format!("{job}{}", one.0), &[], b"").status, 202);
        let answer = push(&again, sort, &job, other);
        assert_eq!(answer.status, 200, "{job}: {answer:?}");
    }
}

#[test]
fn a_push_with_series_that_differ_only_in_empty_labels_is_refused_and_named() {
    let gateway = start_here(&[]);
    let push = |sort: Sort, series: &[Labels<'_>]| -> Answer {
        gateway.send("PUT", "/metrics/job/a/y/1", &[sort.header()], &sort.body(series))
    };
    for sort in SORTS {
        let pairs: [[Labels<'_>; 2]; 3] = [
            [&[], &[("zone", "")]],
            [&[("b", "1"), ("zone", "")], &[("b", "1")]],
            [&[("b", "1"), ("y", "own"), ("zone", "")], &[("a", ""), ("b", "1")]],
        ];
        for [one, other] in pairs {
            for series in [[one, other], [other, one]] {
                let answer = push(sort, &series);
                assert_eq!(answer.status, 400, "{sort:?} {series:?}");
                assert!(answer.text().contains("an empty value"), "{sort:?}: {answer:?}");
            }
        }
        let apart: [Labels<'_>; 2] = [&[("b", ""), ("zone", "1")], &[("b", "1"), ("zone", "")]];
        assert_eq!(push(sort, &apart).status, 200, "{sort:?}");
    }
    assert!(gateway.pushed().iter().any(|line| line.contains(r#"b="",instance="""#)), "as pushed");
}

#[test]
fn a_group_with_an_empty_label_is_reached_by_its_own_path_alone() {
    let gateway: Running = start_here(&[]);
    assert_eq!(gateway.put("/metrics/job/a/zone@base64/=", "m 1\n").status, 200);
    assert_eq!(gateway.put("/metrics/job/a", "n 1\n").status, 400);
    assert_eq!(gateway.delete("/metrics/job/a").status, 202);
    assert_eq!(gateway.pushed(), [r#"m{instance="",job="a",zone=""} 1"#]);
    assert_eq!(gateway.post("/metrics/job/a/zone@base64/=", "n{zone=\"z\"} 1\n").status, 200);
    assert_eq!(gateway.delete("/metrics/job/a/zone@base64/=").status, 202);
    assert_eq!(gateway.put("/metrics/job/a", "n 1\n").status, 200);
}
