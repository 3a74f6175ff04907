//! Where the values stand in a body of protobuf. A body that says more than text can show has no shape.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::apart::{Apart, Form};
use crate::exposition::protobuf::{
    bucket, family, histogram, metric, quantile, summary, value, write_bytes, write_double,
    write_varint,
};
use crate::push::protobuf::wire::{self, Value};

/// The messages that have values, or messages with values, in them.
#[derive(Debug, Clone, Copy)]
enum Message {
    Family,
    Metric,
    Number,
    Summary,
    Quantile,
    Histogram,
    Bucket,
}

/// What a field is to a shape.
enum Content {
    Fixed,
    Value,
    In(Message),
}

/// What a field is, if a shape may have it.
fn content(message: Message, number: u32) -> Option<Content> {
    Some(match (message, number) {
        (Message::Family, family::NAME | family::HELP | family::TYPE) => Content::Fixed,
        (Message::Family, family::METRIC) => Content::In(Message::Metric),
        (Message::Metric, metric::LABEL) => Content::Fixed,
        (Message::Metric, metric::GAUGE | metric::COUNTER | metric::UNTYPED) => {
            Content::In(Message::Number)
        }
        (Message::Metric, metric::SUMMARY) => Content::In(Message::Summary),
        (Message::Metric, metric::HISTOGRAM) => Content::In(Message::Histogram),
        (Message::Number, value::VALUE) => Content::Value,
        (Message::Summary, summary::COUNT | summary::SUM) => Content::Value,
        (Message::Summary, summary::QUANTILE) => Content::In(Message::Quantile),
        (Message::Quantile, quantile::BOUND) => Content::Fixed,
        (Message::Quantile, quantile::VALUE) => Content::Value,
        (Message::Histogram, histogram::COUNT | histogram::SUM) => Content::Value,
        (Message::Histogram, histogram::BUCKET) => Content::In(Message::Bucket),
        (Message::Bucket, bucket::COUNT) => Content::Value,
        (Message::Bucket, bucket::BOUND) => Content::Fixed,
        _ => return None,
    })
}

/// Takes a body apart at its values, and answers it also with a marker in the place of each.
pub(super) fn apart(body: &[u8]) -> Option<(Apart, Vec<u8>)> {
    let mut walk = Walk { body, from: 0, apart: Apart::default() };
    let (mut marked, mut rest) = (Vec::new(), body);
    while !rest.is_empty() {
        let message = wire::delimited(&mut rest).ok()?;
        let mut inner = Vec::new();
        walk.message(Message::Family, message, body.len() - rest.len(), &mut inner)?;
        prost::encoding::encode_varint(inner.len() as u64, &mut marked);
        marked.extend_from_slice(&inner);
    }
    walk.apart.end(&body[walk.from..]);
    Some((walk.apart, marked))
}

struct Walk<'a> {
    body: &'a [u8],
    /// Where the last value ended.
    from: usize,
    apart: Apart,
}

impl Walk<'_> {
    /// Takes a message that ends at `end` in the body, and appends it with markers.
    fn message(
        &mut self,
        message: Message,
        bytes: &[u8],
        end: usize,
        marked: &mut Vec<u8>,
    ) -> Option<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let field = wire::field(&mut rest).ok()?;
            let end = end - rest.len();
            match (content(message, field.number)?, field.value) {
                (Content::Fixed, _) => marked.extend_from_slice(field.record),
                (Content::In(inner), Value::Bytes(bytes)) => {
                    let mut out = Vec::new();
                    self.message(inner, bytes, end, &mut out)?;
                    write_bytes(marked, field.number, &out);
                }
                (Content::Value, Value::Fixed64(_)) => {
                    let marker = self.value(end - size_of::<f64>(), end, Form::Double);
                    write_double(marked, field.number, marker as f64);
                }
                // The key of such a field has one byte.
                (Content::Value, Value::Varint(_)) if field.record[0] < 0x80 => {
                    let marker = self.value(end - field.record.len() + 1, end, Form::Varint);
                    write_varint(marked, field.number, marker as u64);
                }
                _ => return None,
            }
        }
        Some(())
    }

    /// Adds the value that stands from `start` to `end`, and answers its marker.
    fn value(&mut self, start: usize, end: usize, form: Form) -> usize {
        let before = &self.body[self.from..start];
        self.from = end;
        self.apart.push(before, form)
    }
}

/// A hash of the names and lengths of all families.
pub(super) fn outline(body: &[u8]) -> Option<u64> {
    let (mut rest, mut hash) = (body, 0);
    while !rest.is_empty() {
        let mut family = wire::delimited(&mut rest).ok()?;
        let len = family.len() as u64;
        // Libraries write the name first.
        let first = if family.is_empty() { b"" } else { wire::field(&mut family).ok()?.record };
        hash = xxh3_64_with_seed(first, hash ^ len);
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::exposition::NameRules;
    use crate::push::shapes::apart::MARKER;
    use crate::push::shapes::format::Format;
    use crate::push::{GroupingKey, decode_protobuf};

    fn field(key: u8, bytes: &[u8]) -> Vec<u8> {
        [&[key, bytes.len() as u8][..], bytes].concat()
    }

    fn double(key: u8, value: f64) -> Vec<u8> {
        [&[key][..], &value.to_le_bytes()].concat()
    }

    /// A gauge, a summary and a histogram with these values.
    fn body(gauge: f64, sum: f64, counts: [u8; 3]) -> Vec<u8> {
        let label = field(0x0a, &[field(0x0a, b"a"), field(0x12, b"b")].concat());
        let family = |name: &[u8], kind: u8, key: u8, value: &[u8]| {
            let metric = field(0x22, &[&label[..], &field(key, value)].concat());
            field(0x0a, name).into_iter().chain([0x18, kind]).chain(metric).collect::<Vec<u8>>()
        };
        let quantile = field(0x1a, &[double(0x09, 0.5), double(0x11, sum)].concat());
        let summary = [&[0x08, counts[0]][..], &double(0x11, sum), &quantile].concat();
        let bucket = field(0x1a, &[&[0x08, counts[1]][..], &double(0x11, 1.5)].concat());
        let histogram = [&[0x08, counts[2]][..], &double(0x11, sum), &bucket].concat();
        let families = [
            family(b"g", 1, 0x12, &double(0x09, gauge)),
            family(b"s", 2, 0x22, &summary),
            family(b"h", 4, 0x3a, &histogram),
        ];
        families
            .iter()
            .flat_map(|family| [vec![family.len() as u8], family.clone()].concat())
            .collect()
    }

    fn told(key: &GroupingKey, body: &[u8], is_anew: bool) -> String {
        let rules = NameRules::Legacy;
        let decoded = match is_anew {
            true => Format::Protobuf.decode_anew(key, body, rules.into()),
            false => decode_protobuf(key, body, rules),
        };
        match decoded {
            Err(rejected) => format!("{rejected:?}"),
            Ok(batch) => {
                let family = |family| {
                    let text = String::from_utf8_lossy(batch.text(family)).into_owned();
                    (batch.name(family), text, batch.series(family))
                };
                format!("{:?}", batch.families.iter().map(family).collect::<Vec<_>>())
            }
        }
    }

    proptest! {
        #[test]
        fn a_shape_makes_of_a_body_what_the_decoder_makes_of_it(
            values in prop::collection::vec((any::<f64>(), any::<f64>(), any::<[u8; 3]>()), 3..8),
            node in 0..3_u8,
        ) {
            for (gauge, sum, counts) in values {
                let path = format!("/j/instance/{node}");
                let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a path");
                let body = body(gauge, sum, counts.map(|count| count % 128));
                prop_assert_eq!(told(&key, &body, false), told(&key, &body, true));
            }
        }
    }

    #[test]
    fn each_value_gets_a_marker_and_all_else_stays() {
        let (apart, marked) = super::apart(&body(1.5, 2.5, [1, 2, 3])).expect("it has a shape");
        assert_eq!(apart.values_len(), 7);
        let key = GroupingKey::parse(b"/j", NameRules::Legacy).expect("a path");
        let told = told(&key, &marked, true);
        for marker in MARKER..MARKER + 7 {
            assert!(told.contains(&format!(" {marker}\\n")), "{marker}: {told}");
        }
        let other = body(-3.0, f64::NAN, [100, 0, 127]);
        let mut values = Vec::new();
        assert!(apart.read(&other, |value| {
            values.push(value.value());
            true
        }));
        assert_eq!(values[0], -3.0);
        assert!(!apart.read(&other[..other.len() - 1], |_| true));
        let created = [&[3, 0x22, 1][..], &[0x30]].concat();
        assert!(super::apart(&created).is_none());
    }
}
