use super::encode::*;
use super::{decoded, pushed};
use crate::exposition::Kind;

#[test]
fn each_kind_is_shown_as_its_text_would_be() {
    let body = [
        family("c", COUNTER, &[metric(&[label("x", "1"), counter(1e6)])]),
        family(
            "g",
            GAUGE,
            &[metric(&[gauge(-0.5)]), metric(&[label("x", ""), label("y", "1"), gauge(f64::NAN)])],
        ),
        family("u", UNTYPED, &[metric(&[untyped(f64::INFINITY)])]),
        family(
            "s",
            SUMMARY,
            &[metric(&[summary(&[
                uint(1, 5),
                double(2, 7.5),
                quantile(0.5, 1.0),
                quantile(0.9, f64::NAN),
            ])])],
        ),
        family(
            "h",
            HISTOGRAM,
            &[metric(&[histogram(&[uint(1, 9), double(2, 3.5), bucket(1.0, 2), bucket(2.0, 8)])])],
        ),
    ]
    .concat();
    let want = "# TYPE c counter\nc{instance=\"\",job=\"j\",x=\"1\"} 1e+06\n\
        # TYPE g gauge\ng{instance=\"\",job=\"j\"} -0.5\ng{instance=\"\",job=\"j\",x=\"\",y=\"1\"} NaN\n\
        # TYPE h histogram\nh_bucket{instance=\"\",job=\"j\",le=\"1\"} 2\n\
        h_bucket{instance=\"\",job=\"j\",le=\"2\"} 8\nh_bucket{instance=\"\",job=\"j\",le=\"+Inf\"} 9\n\
        h_sum{instance=\"\",job=\"j\"} 3.5\nh_count{instance=\"\",job=\"j\"} 9\n\
        # TYPE s summary\ns{instance=\"\",job=\"j\",quantile=\"0.5\"} 1\n\
        s{instance=\"\",job=\"j\",quantile=\"0.9\"} NaN\n\
        s_sum{instance=\"\",job=\"j\"} 7.5\ns_count{instance=\"\",job=\"j\"} 5\n\
        # TYPE u untyped\nu{instance=\"\",job=\"j\"} +Inf\n";
    assert_eq!(pushed("/j", &body).as_deref(), Ok(want));
}

#[test]
fn an_infinite_bucket_is_shown_as_pushed_and_counts_may_be_floats() {
    let float_bucket = message(3, &[double(4, 1.5), double(2, f64::INFINITY)]);
    let metric = metric(&[histogram(&[double(4, 2.5), uint(1, 9), float_bucket])]);
    let body = family("h", GAUGE_HISTOGRAM, &[metric]);
    let want = "# TYPE h histogram\nh_bucket{instance=\"\",job=\"j\",le=\"+Inf\"} 1.5\n\
        h_sum{instance=\"\",job=\"j\"} 0\nh_count{instance=\"\",job=\"j\"} 2.5\n";
    assert_eq!(pushed("/j", &body).as_deref(), Ok(want));
    let batch = decoded("/j", &body).expect("is valid");
    assert_eq!(batch.families[0].kind, Kind::GaugeHistogram);
}

#[test]
fn large_counts_are_spelled_as_floats() {
    let of = |count| family("s", SUMMARY, &[metric(&[summary(&[uint(1, count)])])]);
    for (count, spelling) in [
        (999_999, "999999"),
        (1_000_000, "1e+06"),
        ((1 << 53) + 1, "9.007199254740992e+15"),
        (u64::MAX, "1.8446744073709552e+19"),
    ] {
        let text = pushed("/j", &of(count)).expect("is valid");
        assert!(
            text.ends_with(&format!("s_count{{instance=\"\",job=\"j\"}} {spelling}\n")),
            "{text}"
        );
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let counter = delimited([bytes(1, "c"), metric(&[message(3, &[])])].concat());
    let want = "# TYPE c counter\nc{instance=\"\",job=\"j\"} 0\n";
    assert_eq!(pushed("/j", &counter).as_deref(), Ok(want));
    let histogram = family("h", HISTOGRAM, &[metric(&[histogram(&[message(3, &[])])])]);
    let want = "# TYPE h histogram\nh_bucket{instance=\"\",job=\"j\",le=\"0\"} 0\n\
        h_bucket{instance=\"\",job=\"j\",le=\"+Inf\"} 0\n\
        h_sum{instance=\"\",job=\"j\"} 0\nh_count{instance=\"\",job=\"j\"} 0\n";
    assert_eq!(pushed("/j", &histogram).as_deref(), Ok(want));
}

#[test]
fn labels_are_merged_sorted_and_escaped() {
    let labels =
        [label("z", "a\\b\"c\nd"), label("job", "own"), label("instance", "own"), gauge(1.0)];
    let body = family("g", GAUGE, &[metric(&labels)]);
    let want = "# TYPE g gauge\ng{instance=\"own\",job=\"j\",z=\"a\\\\b\\\"c\\nd\"} 1\n";
    assert_eq!(pushed("/j", &body).as_deref(), Ok(want));
    let want = "# TYPE g gauge\ng{instance=\"i\",job=\"j\",z=\"1\"} 1\n";
    assert_eq!(pushed("/j/instance/i/z/1", &body).as_deref(), Ok(want));
}

#[test]
fn help_is_escaped_and_the_unit_dropped() {
    let fields =
        [bytes(1, "g_seconds"), bytes(2, "a\\b\n\"c\" é"), uint(3, GAUGE), bytes(5, "seconds")];
    let body = delimited([fields.concat(), metric(&[gauge(1.0)])].concat());
    let want = "# HELP g_seconds a\\\\b\\n\"c\" é\n# TYPE g_seconds gauge\n\
        g_seconds{instance=\"\",job=\"j\"} 1\n";
    assert_eq!(pushed("/j", &body).as_deref(), Ok(want));
    let batch = decoded("/j", &body).expect("is valid");
    assert_eq!(batch.native(&batch.families[0]), None);
}

#[test]
fn a_later_family_replaces_an_earlier_one_of_the_same_name() {
    let first = family("m", COUNTER, &[metric(&[counter(1.0)]), metric(&[counter(1.0)])]);
    let body = [
        first.clone(),
        family("n", GAUGE, &[metric(&[gauge(1.0)])]),
        family("m", GAUGE, &[metric(&[gauge(2.0)])]),
    ];
    let want = "# TYPE m gauge\nm{instance=\"\",job=\"j\"} 2\n# TYPE n gauge\nn{instance=\"\",job=\"j\"} 1\n";
    assert_eq!(pushed("/j", &body.concat()).as_deref(), Ok(want));
    let body = [first, family("m", GAUGE, &[])].concat();
    assert_eq!(pushed("/j", &body).as_deref(), Ok(""));
}

#[test]
fn families_keep_apart_whose_names_text_would_fold() {
    // As text, `s_bucket` belongs to nobody, and neither does `m_sum`.
    let body = [
        family("m", GAUGE, &[metric(&[gauge(1.0)])]),
        family("m_sum", GAUGE, &[metric(&[gauge(2.0)])]),
        family("s", SUMMARY, &[metric(&[summary(&[])])]),
        family("s_bucket", GAUGE, &[metric(&[gauge(3.0)])]),
    ];
    assert_eq!(pushed("/j", &body.concat()).map(|text| text.lines().count()), Ok(9));
    let body = [body[2].clone(), family("s_sum", GAUGE, &[metric(&[gauge(1.0)])])].concat();
    let error = pushed("/j", &body).expect_err("s has that sample already");
    assert!(error.starts_with("refused: the name \"s_sum\""), "{error}");
}

#[test]
fn the_push_times_are_the_gateways_own() {
    let body = [
        family("push_time_seconds", HISTOGRAM, &[metric(&[label("9", ""), gauge(1.0)])]),
        family("push_failure_time_seconds", 77, &[metric(&[])]),
    ];
    assert_eq!(pushed("/j", &body.concat()).as_deref(), Ok(""));
}

#[test]
fn parts_of_a_value_that_stand_apart_are_one_value() {
    let metric = metric(&[histogram(&[bucket(1.0, 1)]), histogram(&[bucket(2.0, 2), uint(1, 3)])]);
    let text = pushed("/j", &family("h", HISTOGRAM, &[metric])).expect("is valid");
    assert_eq!(text.lines().filter(|line| line.starts_with("h_bucket")).count(), 3, "{text}");
    let gauge = message(2, &[double(1, 1.0), double(1, 2.0)]);
    let metric = super::encode::metric(&[gauge, message(2, &[double(1, 3.0)]), message(2, &[])]);
    let want = "# TYPE g gauge\ng{instance=\"\",job=\"j\"} 3\n";
    assert_eq!(
        pushed("/j", &family("g", GAUGE, &[metric])).as_deref(),
        Ok(want),
        "the last counts"
    );
}
