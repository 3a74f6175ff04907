use super::encode::*;
use super::pushed;

/// The message of a body that reads, but is refused.
fn refusal(path: &str, body: &[u8]) -> String {
    let error = pushed(path, body).expect_err("is refused");
    error.strip_prefix("refused: ").unwrap_or_else(|| panic!("malformed: {error}")).to_owned()
}

fn plain(name: &str, kind: u64, fields: &[Vec<u8>]) -> Vec<u8> {
    family(name, kind, &[metric(fields)])
}

#[test]
fn a_family_needs_a_name_and_a_known_type() {
    for (body, reason) in [
        (plain("", GAUGE, &[gauge(1.0)]), "(\"\"): no name"),
        (plain("9m", GAUGE, &[gauge(1.0)]), "(\"9m\"): no name, or an invalid one"),
        (plain("a.b", GAUGE, &[gauge(1.0)]), "(\"a.b\"): no name, or an invalid one"),
        (family("9m", GAUGE, &[]), "invalid"),
        (delimited([]), "(\"\"): no name"),
        (plain("m", 6, &[gauge(1.0)]), "(\"m\"): unknown metric type"),
        (plain("m", u64::MAX, &[gauge(1.0)]), "unknown metric type"),
    ] {
        let body = [plain("first", GAUGE, &[gauge(1.0)]), body].concat();
        let error = refusal("/j", &body);
        assert!(error.starts_with("metric family 2 (") && error.contains(reason), "{error}");
    }
}

#[test]
fn a_metric_needs_a_value_of_the_familys_type() {
    for (kind, value) in [
        (COUNTER, gauge(1.0)),
        (GAUGE, counter(1.0)),
        (UNTYPED, gauge(1.0)),
        (SUMMARY, histogram(&[])),
        (HISTOGRAM, summary(&[])),
        (GAUGE_HISTOGRAM, label("x", "")),
    ] {
        let error = refusal("/j", &plain("m", kind, &[value]));
        assert_eq!(error, "metric family 1 (\"m\"): a metric without a value of the family's type");
    }
    let both = plain("m", GAUGE, &[counter(1.0), gauge(2.0)]);
    assert!(pushed("/j", &both).is_ok_and(|text| text.ends_with(" 2\n")));
}

#[test]
fn labels_need_names_that_may_be_shown() {
    let gauge = gauge(1.0);
    for (labels, reason) in [
        (vec![message(1, &[bytes(2, "v")])], "without a name"),
        (vec![label("9", "v")], "invalid"),
        (vec![label("a.b", "v")], "invalid"),
        (vec![label("é", "v")], "invalid"),
        (vec![label("__x", "v")], "reserved"),
        (vec![label("__name__", "v")], "reserved"),
        (vec![label("a", "v"), label("b", "v"), label("a", "w")], "twice in one metric"),
        (vec![label("job", "v"), label("job", "v")], "twice in one metric"),
    ] {
        let error = refusal("/j", &plain("m", GAUGE, &[labels.concat(), gauge.clone()]));
        assert!(
            error.starts_with("metric family 1 (\"m\"): ") && error.contains(reason),
            "{error}"
        );
    }
    let many: Vec<u8> = (0..=1 << 20).flat_map(|at| label(&format!("l{at}"), "")).collect();
    assert!(refusal("/j", &plain("m", GAUGE, &[many, gauge])).contains("too many labels"));
}

#[test]
fn the_label_of_the_parts_is_taken() {
    let bodies = [("le", HISTOGRAM, histogram(&[])), ("quantile", SUMMARY, summary(&[]))];
    for (name, kind, value) in bodies {
        let error = refusal("/j", &plain("m", kind, &[label(name, "1"), value.clone()]));
        assert!(error.contains("which its type needs for itself"), "{error}");
        let error = refusal(&format!("/j/{name}/1"), &plain("m", kind, &[value]));
        assert!(error.contains("the grouping key names the label"), "{error}");
        assert!(pushed("/j", &plain("m", GAUGE, &[label(name, "1"), gauge(1.0)])).is_ok());
    }
}

#[test]
fn timestamps_are_refused_even_where_the_gateway_sets_its_own() {
    for name in ["m", "push_time_seconds"] {
        let error = refusal("/j", &plain(name, GAUGE, &[gauge(1.0), uint(6, 0)]));
        assert!(error.ends_with("pushed metrics must not have timestamps"), "{error}");
    }
}

#[test]
fn a_series_exists_once() {
    for (kind, value) in [(GAUGE, gauge(1.0)), (HISTOGRAM, histogram(&[])), (SUMMARY, summary(&[]))]
    {
        for (one, other) in [("x", "x"), ("job", "job")] {
            let metrics = |one: Vec<u8>, other: Vec<u8>| {
                family("m", kind, &[metric(&[one, value.clone()]), metric(&[other, value.clone()])])
            };
            // The job is the group's, whatever the metric says.
            let values = if one == "job" { ("1", "2") } else { ("1", "1") };
            let error = refusal("/j", &metrics(label(one, values.0), label(other, values.1)));
            assert!(error.contains("has the same series twice"), "{error}");
            assert!(pushed("/j", &metrics(label("x", "1"), label("x", "2"))).is_ok());
        }
        // A label with an empty value is the same as no label.
        let metrics =
            [metric(std::slice::from_ref(&value)), metric(&[label("x", ""), value.clone()])];
        let error = refusal("/j", &family("m", kind, &metrics));
        assert!(error.contains("the label \"x\" has an empty value"), "{error}");
    }
}

#[test]
fn bounds_are_numbers_and_differ() {
    let of_buckets = |buckets: &[Vec<u8>]| plain("h", HISTOGRAM, &[histogram(buckets)]);
    let of_quantiles = |quantiles: &[Vec<u8>]| plain("s", SUMMARY, &[summary(quantiles)]);
    for (body, reason) in [
        (of_buckets(&[bucket(f64::NAN, 1)]), "a bucket bound that is not a number"),
        (of_quantiles(&[quantile(f64::NAN, 1.0)]), "a quantile that is not a number"),
        (
            of_buckets(&[bucket(1.0, 1), bucket(2.0, 1), bucket(1.0, 1)]),
            "the same bucket or quantile",
        ),
        (of_buckets(&[bucket(0.0, 1), bucket(-0.0, 1)]), "the same bucket or quantile"),
        (of_quantiles(&[quantile(0.5, 1.0), quantile(0.5, 2.0)]), "the same bucket or quantile"),
    ] {
        let error = refusal("/j", &body);
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn counts_are_not_negative() {
    let bucket = message(3, &[double(2, 1.0), double(4, -0.5)]);
    for fields in [vec![bucket], vec![double(4, -1.0)], vec![double(4, f64::NEG_INFINITY)]] {
        let error = refusal("/j", &plain("h", HISTOGRAM, &[histogram(&fields)]));
        assert!(error.ends_with("a negative count"), "{error}");
    }
}
