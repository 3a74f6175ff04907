//! A naive reader of delimited `MetricFamily` messages.

use std::collections::BTreeMap;

use shardgate::exposition::Kind;

use super::model::{Sample, number};
use super::rules::Shown;

/// A field that was read: a number for the types of fixed and variable length, else bytes.
enum Content<'a> {
    Varint(u64),
    Double(f64),
    Bytes(&'a [u8]),
}

impl<'a> Content<'a> {
    fn bytes(&self) -> &'a [u8] {
        match self {
            Content::Bytes(bytes) => bytes,
            _ => panic!("is not of that type"),
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes().to_vec()).expect("is UTF-8")
    }

    fn double(&self) -> f64 {
        match self {
            Content::Double(double) => *double,
            _ => panic!("is not of that type"),
        }
    }

    /// A count, of either type.
    fn count(&self) -> f64 {
        match self {
            Content::Varint(count) => *count as f64,
            content => content.double(),
        }
    }
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = rest[0];
        *rest = &rest[1..];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> &'a [u8] {
    let (taken, tail) = rest.split_at(bytes);
    *rest = tail;
    taken
}

fn fields(mut rest: &[u8]) -> Vec<(u64, Content<'_>)> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest);
        let content = match key & 7 {
            0 => Content::Varint(varint(&mut rest)),
            1 => Content::Double(f64::from_le_bytes(
                take(&mut rest, 8).try_into().expect("eight bytes"),
            )),
            2 => {
                let length = varint(&mut rest) as usize;
                Content::Bytes(take(&mut rest, length))
            }
            other => panic!("a wire type {other}"),
        };
        fields.push((key >> 3, content));
    }
    fields
}

pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => KINDS[0],
        Kind::Gauge => KINDS[1],
        Kind::Summary => KINDS[2],
        Kind::Untyped => KINDS[3],
        Kind::Histogram => KINDS[4],
        Kind::GaugeHistogram => KINDS[5],
    }
}

const KINDS: [&str; 6] = ["counter", "gauge", "summary", "untyped", "histogram", "gaugehistogram"];

pub(crate) fn read(mut rest: &[u8]) -> Vec<Shown> {
    let mut families = Vec::new();
    while !rest.is_empty() {
        let length = varint(&mut rest) as usize;
        let mut shown = Shown::default();
        for (field, content) in fields(take(&mut rest, length)) {
            match field {
                1 => shown.name = content.text(),
                2 => shown.help = content.text(),
                3 => shown.kind = KINDS[content.count() as usize].to_owned(),
                4 => read_metric(content.bytes(), &mut shown),
                other => panic!("a field {other}"),
            }
        }
        families.push(shown);
    }
    families
}

fn read_metric(metric: &[u8], shown: &mut Shown) {
    let mut labels = BTreeMap::new();
    for (field, content) in fields(metric) {
        let content = content.bytes();
        match (field, &shown.kind[..]) {
            (1, _) => {
                let (name, value) = label(content);
                if labels.insert(name.clone(), value).is_some() {
                    shown.repeated_label = Some(name);
                }
            }
            (2, "gauge") | (3, "counter") | (5, "untyped") => {
                let value = fields(content)[0].1.double();
                shown.samples.push((shown.name.clone(), labels.clone(), value.to_bits()));
            }
            (4, "summary") => {
                shown.samples.extend(folded(&shown.name, "", "quantile", &labels, content));
            }
            (7, "histogram" | "gaugehistogram") => {
                shown.samples.extend(folded(&shown.name, "_bucket", "le", &labels, content));
            }
            other => panic!("a field {other:?}"),
        }
    }
}

fn label(content: &[u8]) -> (String, String) {
    let pair: BTreeMap<u64, String> =
        fields(content).iter().map(|(field, content)| (*field, content.text())).collect();
    (pair[&1].clone(), pair[&2].clone())
}

/// The labels and the `Histogram` of each metric of the family `name`, which is there once.
pub(crate) fn histograms<'a>(
    mut rest: &'a [u8],
    name: &str,
) -> Vec<(BTreeMap<String, String>, &'a [u8])> {
    let mut histograms = Vec::new();
    while !rest.is_empty() {
        let length = varint(&mut rest) as usize;
        let family = fields(take(&mut rest, length));
        if family[0].1.text() != name {
            continue;
        }
        for (_, metric) in family.iter().filter(|(field, _)| *field == 4) {
            let metric = fields(metric.bytes());
            let of = |number: u64| {
                let fields = metric.iter().filter(move |(field, _)| *field == number);
                fields.map(|(_, content)| content.bytes())
            };
            histograms.push((of(1).map(label).collect(), of(7).next().expect("has one")));
        }
    }
    histograms
}

/// A field of fewer than 128 bytes, whose number is below 16.
pub(crate) fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, content.len() as u8], content].concat()
}

fn folded(
    name: &str,
    suffix: &str,
    part_label: &str,
    labels: &BTreeMap<String, String>,
    message: &[u8],
) -> Vec<Sample> {
    let (mut samples, mut sum, mut count) = (Vec::new(), None, None);
    for (field, content) in fields(message) {
        match field {
            1 | 4 => assert_eq!(count.replace(content.count()), None),
            2 => assert_eq!(sum.replace(content.double()), None),
            3 => {
                let part: BTreeMap<u64, f64> = fields(content.bytes())
                    .iter()
                    .map(|(field, content)| (*field, content.count()))
                    .collect();
                // A quantile and its value, or a count in one of two types and its bound.
                let (bound, value) = match part_label {
                    "quantile" => (part[&1], part[&2]),
                    _ => (part[&2], *part.get(&1).unwrap_or_else(|| &part[&4])),
                };
                let mut labels = labels.clone();
                labels.insert(part_label.to_owned(), number(bound));
                samples.push((format!("{name}{suffix}"), labels, value.to_bits()));
            }
            other => panic!("a field {other}"),
        }
    }
    for (suffix, value) in [("_sum", sum), ("_count", count)] {
        let value: f64 = value.expect("is there");
        samples.push((format!("{name}{suffix}"), labels.clone(), value.to_bits()));
    }
    samples
}
