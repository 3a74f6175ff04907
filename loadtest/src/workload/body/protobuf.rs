//! Writes families as delimited protobuf: `io.prometheus.client.MetricFamily` messages, each after
//! its length (metrics.proto of prometheus/client_model).

use super::family::{Family, Kind, Point, Series};
use super::values::Values;

/// The bytes, and the doubles in them that change from push to push.
pub(super) fn encode(families: &[Family]) -> (Vec<u8>, Values) {
    let mut bytes = Vec::new();
    let mut doubles = Vec::new();
    for family in families {
        let message = metric_family(family);
        varint(message.bytes.len() as u64, &mut bytes);
        doubles.extend(message.doubles.iter().map(|(at, value)| (at + bytes.len(), *value)));
        bytes.extend(message.bytes);
    }
    (bytes, Values::doubles(&doubles))
}

/// A message under construction; nested ones are put in with their doubles moved along.
#[derive(Default)]
struct Message {
    bytes: Vec<u8>,
    doubles: Vec<(usize, f64)>,
}

impl Message {
    fn varint_field(&mut self, number: u8, value: u64) {
        self.bytes.push(number << 3);
        varint(value, &mut self.bytes);
    }

    fn double_field(&mut self, number: u8, value: f64) {
        self.bytes.push(number << 3 | 1);
        self.bytes.extend(value.to_le_bytes());
    }

    /// A double that changes from push to push.
    fn value_field(&mut self, number: u8, value: &str) {
        let value = double(value);
        self.double_field(number, value);
        self.doubles.push((self.bytes.len() - size_of::<f64>(), value));
    }

    fn bytes_field(&mut self, number: u8, value: &[u8]) {
        self.bytes.push(number << 3 | 2);
        varint(value.len() as u64, &mut self.bytes);
        self.bytes.extend(value);
    }

    fn message_field(&mut self, number: u8, message: &Self) {
        self.bytes_field(number, &message.bytes);
        let at = self.bytes.len() - message.bytes.len();
        self.doubles.extend(message.doubles.iter().map(|(double, value)| (at + double, *value)));
    }
}

fn metric_family(family: &Family) -> Message {
    let mut message = Message::default();
    message.bytes_field(1, family.name.as_bytes());
    message.bytes_field(2, family.help.as_bytes());
    let kind = match family.kind {
        Kind::Counter => 0,
        Kind::Gauge => 1,
        Kind::Summary => 2,
        Kind::Histogram => 4,
    };
    message.varint_field(3, kind);
    for series in &family.series {
        message.message_field(4, &metric(family.kind, series));
    }
    message
}

fn metric(kind: Kind, series: &Series) -> Message {
    let mut metric = Message::default();
    for (name, value) in &series.labels {
        let mut pair = Message::default();
        pair.bytes_field(1, name.as_bytes());
        pair.bytes_field(2, value.as_bytes());
        metric.message_field(1, &pair);
    }
    let mut point = Message::default();
    let field = match &series.point {
        Point::Number(value) => {
            point.value_field(1, value);
            if kind == Kind::Counter { 3 } else { 2 }
        }
        Point::Summary { quantiles, sum, count } => {
            point.varint_field(1, *count);
            point.value_field(2, sum);
            for (quantile, value) in quantiles {
                let mut entry = Message::default();
                entry.double_field(1, double(quantile));
                entry.value_field(2, value);
                point.message_field(3, &entry);
            }
            4
        }
        Point::Histogram { buckets, sum, count } => {
            point.varint_field(1, *count);
            point.value_field(2, sum);
            for (bound, n) in buckets {
                let mut bucket = Message::default();
                bucket.varint_field(1, *n);
                bucket.double_field(2, double(bound));
                point.message_field(3, &bucket);
            }
            7
        }
    };
    metric.message_field(field, &point);
    metric
}

fn double(text: &str) -> f64 {
    text.parse().expect("generated numbers are numbers")
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::body::family;

    #[test]
    fn a_gauge_is_encoded_as_the_schema_says() {
        let (bytes, _) = encode(&[family::mark("a")]);
        let help = "Which push this is.";
        let mut expected = vec![0x0a, 1, b'a', 0x12, help.len() as u8];
        expected.extend(help.bytes());
        expected.extend([0x18, 1, 0x22, 11, 0x12, 9, 0x09]);
        expected.extend(1e9_f64.to_le_bytes());
        expected.insert(0, expected.len() as u8);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn numbers_are_varints_of_seven_bits() {
        let mut out = Vec::new();
        varint(300, &mut out);
        assert_eq!(out, [0xac, 0x02]);
    }
}
