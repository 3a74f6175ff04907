use super::encode::*;
use super::{decoded, key, pushed};
use crate::exposition::{NameRules, write_header};
use crate::push::{Batch, Rejected, decode};

/// The reason why a body is malformed.
fn error(body: &[u8]) -> String {
    assert!(matches!(decoded("/j", body), Err(Rejected::Syntax(_))), "{body:?}");
    pushed("/j", body).expect_err("is malformed")
}

fn good() -> Vec<u8> {
    family("good", GAUGE, &[metric(&[gauge(1.0)])])
}

#[test]
fn a_malformed_message_is_named() {
    let in_family = |field: Vec<u8>| delimited([bytes(1, "m"), field].concat());
    let in_metric = |field: Vec<u8>| family("m", GAUGE, &[metric(&[gauge(1.0), field])]);
    for (message, reason) in [
        (vec![0x80], "a number is cut"),
        (vec![0xff; 11], "longer than 64 bits"),
        (vec![5, 1], "a field is longer than what is left"),
        (vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "a field is longer"),
        (in_family(vec![0]), "expected a field number"),
        (in_family(vec![0x0e]), "expected a field number"),
        (in_family(vec![0x80]), "expected a field number"),
        (in_family(vec![0x12, 9, b'x']), "a field is longer"),
        (in_family(vec![0x7d, 1, 2]), "a field is longer"),
        (in_family(vec![0x79, 1, 2]), "a field is longer"),
        (in_family(uint(1, 1)), "wire type of another"),
        (in_family(uint(4, 1)), "wire type of another"),
        (in_family(bytes(3, "x")), "wire type of another"),
        (in_family(vec![0x7b, 0x08, 0x01]), "a group"),
        (in_family(vec![0x7c]), "a group"),
        (in_family([0x7b].repeat(100_000)), "a group"),
        (in_family(bytes(2, b"\xff")), "not valid UTF-8"),
        (
            in_metric(
                label("x", "").iter().map(|&byte| if byte == b'x' { 0xff } else { byte }).collect(),
            ),
            "UTF-8",
        ),
        (in_metric(message(1, &[bytes(2, b"\xc3")])), "not valid UTF-8"),
        (in_metric(double(6, 1.0)), "wire type of another"),
        (in_metric(message(2, &[uint(1, 1)])), "wire type of another"),
        // In what the family's type does not need, and the text would not show.
        (
            in_metric(message(3, &[message(2, &[message(1, &[bytes(1, b"\xff")])])])),
            "not valid UTF-8",
        ),
        (in_metric(histogram(&[bytes(13, [0x80])])), "a number is cut"),
        (in_metric(histogram(&[bytes(14, [0; 7])])), "a field is longer"),
    ] {
        let error = error(&[good(), message].concat());
        let place = "protobuf parsing error in metric family 2: ";
        assert!(error.starts_with(place) && error.contains(reason), "{reason}: {error}");
    }
}

#[test]
fn a_malformed_message_counts_for_more_than_a_refused_one() {
    let refused = family("9", GAUGE, &[]);
    assert!(error(&[refused, vec![9]].concat()).contains("metric family 2"));
    let replaced = family("m", GAUGE, &[metric(&[uint(2, 1)])]);
    assert!(error(&[replaced, family("m", GAUGE, &[])].concat()).contains("metric family 1"));
}

#[test]
fn unknown_fields_are_passed_over() {
    let unknown = [
        uint(90, 1),
        double(91, 1.0),
        bytes(92, b"\xff"),
        vec![0xed, 0x05, 1, 2, 3, 4],
        vec![0xf3, 0x05, 0x08, 0x01, 0x13, 0x14, 0xf4, 0x05], // A group in a group.
    ]
    .concat();
    let label = message(1, &[bytes(1, "x"), bytes(2, "1"), unknown.clone()]);
    let gauge = message(2, &[double(1, 7.0), unknown.clone()]);
    let metric = metric(&[label, unknown.clone(), gauge]);
    let body = delimited([bytes(1, "m"), uint(3, GAUGE), unknown, metric].concat());
    let want = "# TYPE m gauge\nm{instance=\"\",job=\"j\",x=\"1\"} 7\n";
    assert_eq!(pushed("/j", &body).as_deref(), Ok(want));
}

#[test]
fn every_prefix_of_a_body_is_an_error_except_between_its_messages() {
    let native = [uint(1, 1), span(12, 0, 1), sint(13, 1), exemplar(16), bucket(1.0, 1)];
    let families = [
        good(),
        family("h", HISTOGRAM, &[metric(&[label("x", "é"), histogram(&native)])]),
        family("s", SUMMARY, &[metric(&[summary(&[quantile(0.5, 1.0)])])]),
    ];
    let body = families.concat();
    let ends: Vec<usize> = (0..=3).map(|count| families[..count].concat().len()).collect();
    for end in 0..=body.len() {
        let result = decoded("/j", &body[..end]);
        assert_eq!(result.is_ok(), ends.contains(&end), "{end}: {result:?}");
        assert!(result.is_ok() || matches!(result, Err(Rejected::Syntax(_))));
    }
}

#[test]
fn any_damaged_byte_does_no_harm() {
    let native = [uint(1, 1), span(12, 0, 1), sint(13, 1), exemplar(16), bucket(1.0, 1)];
    let body = family("h", HISTOGRAM, &[metric(&[label("x", "1"), histogram(&native)])]);
    for at in 0..body.len() {
        for byte in 0..=u8::MAX {
            let mut damaged = body.clone();
            damaged[at] = byte;
            if let Ok(batch) = decoded("/j", &damaged) {
                stays_the_same(&batch);
            }
        }
    }
}

/// Whatever is accepted is an exposition, and what is kept of it says the same again.
fn stays_the_same(batch: &Batch) {
    for family in &batch.families {
        let mut text = Vec::new();
        write_header(&mut text, batch.name(family), family.kind, "");
        text.extend_from_slice(batch.text(family));
        let read =
            decode(&key("/j"), &text, NameRules::Legacy).expect("what was rendered is valid");
        assert_eq!(read.text(&read.families[0]), batch.text(family));
        if let Some(native) = batch.native(family) {
            let head = [bytes(1, batch.name(family)), uint(3, HISTOGRAM)].concat();
            let again = decoded("/j", &delimited([&head, native].concat())).expect("is valid");
            assert_eq!(again.text(&again.families[0]), batch.text(family));
            assert_eq!(again.native(&again.families[0]), Some(native));
        }
    }
}

#[test]
fn a_small_body_under_a_long_url_stays_bounded() {
    let path = format!("/{}", "j".repeat(60_000));
    let buckets: Vec<Vec<u8>> = (0..6000).map(|at| bucket(f64::from(at), 1)).collect();
    let histogram = family("h", HISTOGRAM, &[metric(&[histogram(&buckets)])]);
    // Neither their text nor their protobuf form alone would be too large.
    let kept: Vec<Vec<u8>> = (0..3000)
        .map(|at| metric(&[label("x", &at.to_string()), message(3, &[exemplar(2)])]))
        .collect();
    for body in [histogram, family("c", COUNTER, &kept)] {
        assert_eq!(pushed(&path, &body), Err("too large".to_owned()));
    }
}
