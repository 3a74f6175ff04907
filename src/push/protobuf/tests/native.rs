use super::encode::*;
use super::{decoded, pushed};

/// A native histogram with five observations: one near zero, one below, three above.
fn sound() -> Vec<Vec<u8>> {
    vec![
        uint(1, 5),
        double(2, 4.5),
        sint(5, 3),
        double(6, 1e-128),
        uint(7, 1),
        span(9, -2, 1),
        sint(10, 1),
        span(12, 0, 1),
        span(12, 3, 1),
        sint(13, 2),
        sint(13, -1),
    ]
}

fn body(fields: &[Vec<u8>]) -> Vec<u8> {
    family("h", HISTOGRAM, &[metric(&[label("x", "1"), histogram(fields)])])
}

/// What is kept of the only family of a push.
fn kept(path: &str, body: &[u8]) -> Option<Vec<u8>> {
    let batch = decoded(path, body).expect("is valid");
    let [family] = &batch.families[..] else { panic!("one family") };
    batch.native(family).map(<[u8]>::to_vec)
}

#[test]
fn a_native_histogram_is_kept_beside_its_count_and_sum() {
    let want = "# TYPE h histogram\nh_bucket{instance=\"\",job=\"j\",x=\"1\",le=\"+Inf\"} 5\n\
        h_sum{instance=\"\",job=\"j\",x=\"1\"} 4.5\nh_count{instance=\"\",job=\"j\",x=\"1\"} 5\n";
    assert_eq!(pushed("/j", &body(&sound())).as_deref(), Ok(want));
    let labels = [label("instance", ""), label("job", "j"), label("x", "1")].concat();
    let want = metric(&[labels, histogram(&sound())]);
    assert_eq!(kept("/j", &body(&sound())), Some(want));
}

#[test]
fn what_the_text_says_is_not_kept() {
    let classic = [uint(1, 5), double(2, 4.5), bucket(1.0, 3), double(4, 5.0)];
    assert_eq!(kept("/j", &body(&classic)), None);
    assert_eq!(
        kept("/j", &family("s", SUMMARY, &[metric(&[summary(&[quantile(0.5, 1.0)])])])),
        None
    );
}

#[test]
fn exemplars_times_of_creation_and_unknown_fields_are_kept() {
    let created = message(4, &[uint(1, 1), uint(2, 2)]);
    let bucket = message(3, &[uint(1, 1), double(2, 1.0), exemplar(3)]);
    for (kind, value) in [
        (COUNTER, message(3, &[double(1, 1.0), exemplar(2)])),
        (COUNTER, message(3, &[double(1, 1.0), message(3, &[uint(1, 1)])])),
        (COUNTER, message(3, &[double(1, 1.0), bytes(999, "later")])),
        (SUMMARY, summary(&[created])),
        (HISTOGRAM, histogram(&[bucket])),
        (HISTOGRAM, histogram(&[message(15, &[uint(1, 1)]), exemplar(16)])),
    ] {
        let want = metric(&[label("instance", ""), label("job", "j"), value.clone()]);
        assert_eq!(kept("/j", &family("m", kind, &[metric(&[value])])), Some(want));
    }
}

#[test]
fn labels_are_merged_in_what_is_kept_without_escapes_and_the_rest_is_as_it_came() {
    let unknown = [uint(70, 1), vec![0xfb, 0x04, 0x08, 0x01, 0xfc, 0x04]].concat(); // A group.
    let fields = [
        unknown.clone(),
        label("z", "\"\\\n"),
        label("instance", "own"),
        counter(2.0),
        label("b", "own"),
    ];
    let body = family("c", COUNTER, &[metric(&fields), metric(&[counter(1.0)])]);
    let want = [
        metric(&[
            label("b", "1"),
            label("instance", "own"),
            label("job", "q\""),
            label("z", "\"\\\n"),
            unknown.clone(),
            counter(2.0),
        ]),
        metric(&[label("b", "1"), label("instance", ""), label("job", "q\""), counter(1.0)]),
    ];
    assert_eq!(kept("/q\"/b/1", &body), Some(want.concat()));
    let want = [
        metric(&[
            label("b", "own"),
            label("instance", "i"),
            label("job", "j"),
            label("z", "\"\\\n"),
            unknown,
            counter(2.0),
        ]),
        metric(&[label("instance", "i"), label("job", "j"), counter(1.0)]),
    ];
    assert_eq!(kept("/j/instance/i", &body), Some(want.concat()));
}

#[test]
fn only_the_families_that_need_it_are_kept() {
    let with = family("b", COUNTER, &[metric(&[message(3, &[exemplar(2)])])]);
    let without = |name| family(name, COUNTER, &[metric(&[counter(1.0)])]);
    let batch = decoded("/j", &[without("c"), with, without("a")].concat()).expect("is valid");
    let kept: Vec<_> = batch.families.iter().map(|family| batch.native(family).is_some()).collect();
    assert_eq!(kept, [false, true, false]);
}

#[test]
fn sound_native_histograms_are_taken() {
    let packed_deltas = [uint(1, 3), span(12, 7, 2), bytes(13, [4, 1])];
    let packed_counts = [1.5_f64, 0.5].map(f64::to_le_bytes).concat();
    for fields in [
        vec![span(12, 0, 0)],
        vec![uint(7, 4), uint(1, 4)],
        vec![double(6, 0.5)],
        vec![uint(1, 4), sint(5, 77)], // A schema alone is not a native histogram.
        vec![uint(1, 9), double(2, f64::NAN), uint(7, 4)],
        packed_deltas.to_vec(),
        vec![double(4, 2.0), span(12, 0, 2), bytes(14, packed_counts)],
        vec![double(4, 7.0), span(9, 0, 1), double(11, 2.5), double(8, 0.5)],
    ] {
        assert!(pushed("/j", &body(&fields)).is_ok(), "{:?}", pushed("/j", &body(&fields)));
    }
}

#[test]
fn native_histograms_that_contradict_themselves_are_refused() {
    let with = |field: Vec<u8>| [sound(), vec![field]].concat();
    let float = |fields: &[Vec<u8>]| [&[double(4, 2.0)], fields].concat();
    let many = i64::from(i32::MAX);
    for (fields, reason) in [
        (with(sint(5, 9)), "a schema outside"),
        (with(sint(5, -5)), "a schema outside"),
        (with(sint(5, -53)), "a schema outside"),
        (with(double(6, -1.0)), "a zero threshold"),
        (with(double(6, f64::NAN)), "a zero threshold"),
        (with(span(12, -1, 0)), "spans overlap"),
        (vec![span(12, many, 0), span(12, many, 0)], "lead too far"),
        (vec![span(12, 0, u64::from(u32::MAX))], "lead too far"),
        (with(span(12, 0, 1)), "more or fewer buckets"),
        (with(span(12, 0, 1 << 30)), "more or fewer buckets"),
        (with(sint(10, 1)), "more or fewer buckets"),
        (vec![sint(13, 0)], "more or fewer buckets"),
        (vec![span(12, 0, 2), sint(13, 1), sint(13, -2)], "a negative bucket"),
        (float(&[span(12, 0, 1), double(14, -1.0)]), "a negative bucket"),
        (float(&[double(8, -1.0)]), "a negative count"),
        (with(double(14, 1.0)), "both integers and floats"),
        (float(&[span(12, 0, 1), sint(13, 1)]), "both integers and floats"),
        (float(&[span(12, 0, 1)]), "more or fewer buckets"),
        (with(uint(1, 4)), "do not sum up"),
        (with(uint(1, 6)), "do not sum up"),
        (vec![uint(1, 3), double(2, f64::NAN), uint(7, 4)], "do not sum up"),
        (vec![span(12, 0, 3), sint(13, i64::MAX), sint(13, 0), sint(13, 0)], "do not sum up"),
    ] {
        let error = pushed("/j", &body(&fields)).expect_err(reason);
        assert!(error.starts_with("refused: metric family 1 (\"h\"): "), "{error}");
        assert!(error.contains(reason), "{reason}: {error}");
    }
}
