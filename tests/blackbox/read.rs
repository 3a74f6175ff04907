//! Reads expositions, naively: text line by line, protobuf field by field. The same samples read the
//! same from either.

use std::collections::BTreeMap;

/// The name of a metric and its labels.
pub(crate) type Series = (String, BTreeMap<String, String>);

/// Samples by their series, values as bits, so that NaN is itself.
pub(crate) type Samples = BTreeMap<Series, u64>;

/// The samples that were pushed: those with a job.
pub(crate) fn pushed(mut samples: Samples) -> Samples {
    samples.retain(|(_, labels), _| labels.contains_key("job"));
    samples
}

/// The names of the families of a text, as the TYPE lines have them.
pub(crate) fn families(text: &str) -> Vec<&str> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|rest| rest.split(' ').next().unwrap()).collect()
}

/// The samples of a text, in the text format or OpenMetrics.
pub(crate) fn text(text: &str) -> Samples {
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole");
    let mut samples = Samples::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = sample(line);
        assert_eq!(samples.insert(series, value.to_bits()), None, "twice: {line}");
    }
    samples
}

fn sample(line: &str) -> (Series, f64) {
    let (name, mut rest) = line.split_at(line.find(['{', ' ']).unwrap());
    let (mut name, mut labels) = (name.to_owned(), BTreeMap::new());
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let key;
            if rest.starts_with('"') {
                (key, rest) = quoted(rest);
            } else {
                let (name, behind) = rest.split_at(rest.find('=').unwrap());
                (key, rest) = (name.to_owned(), behind);
            }
            match rest.strip_prefix('=') {
                None => name = key, // A metric name in quotes.
                Some(value) => {
                    let (value, behind) = quoted(value);
                    rest = behind;
                    insert(&mut labels, key, value);
                }
            }
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        rest = &rest[1..];
    }
    ((name, labels), rest.strip_prefix(' ').unwrap().parse().unwrap())
}

/// What is in quotes, and what stands behind it.
fn quoted(text: &str) -> (String, &str) {
    let (mut out, mut rest) = (String::new(), &text[1..]);
    loop {
        let (until_quote, behind) = rest.split_once('"').unwrap();
        let Some((plain, _)) = until_quote.split_once('\\') else {
            return (out + until_quote, behind);
        };
        let escaped = rest[plain.len() + 1..].chars().next().unwrap();
        out.push_str(plain);
        out.push(if escaped == 'n' { '\n' } else { escaped });
        rest = &rest[plain.len() + 1 + escaped.len_utf8()..];
    }
}

/// Adds a label. Bounds and quantiles are numbers, which the formats spell each in their way.
fn insert(labels: &mut BTreeMap<String, String>, name: String, value: String) {
    let value = match &*name {
        "le" | "quantile" => format!("{:?}", value.parse::<f64>().unwrap()),
        _ => value,
    };
    assert_eq!(labels.insert(name, value), None, "a label twice");
}

/// A family in protobuf.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) help: String,
    /// The number of its type.
    pub(crate) kind: u64,
}

/// The families of delimited protobuf, and the samples that their text would have.
pub(crate) fn protobuf(mut rest: &[u8]) -> (Vec<Family>, Samples) {
    let (mut families, mut samples) = (Vec::new(), Samples::new());
    while !rest.is_empty() {
        let length = varint(&mut rest) as usize;
        let (message, behind) = rest.split_at(length);
        rest = behind;
        let mut family = Family::default();
        for (field, content) in fields(message) {
            match field {
                1 => family.name = content.text(),
                2 => family.help = content.text(),
                3 => family.kind = content.number() as u64,
                4 => metric(&family.name, content.bytes(), &mut samples),
                other => panic!("field {other} of a family"),
            }
        }
        families.push(family);
    }
    (families, samples)
}

fn metric(name: &str, message: &[u8], samples: &mut Samples) {
    let mut labels = BTreeMap::new();
    let mut add = |suffix: &str, labels: &BTreeMap<String, String>, value: f64| {
        let series = (format!("{name}{suffix}"), labels.clone());
        assert_eq!(samples.insert(series, value.to_bits()), None, "{name} twice");
    };
    for (field, content) in fields(message) {
        let content = fields(content.bytes());
        match field {
            1 => insert(&mut labels, content[0].1.text(), content[1].1.text()),
            2 | 3 | 5 => add("", &labels, content[0].1.number()),
            4 | 7 => {
                // A quantile and its value, but a bound and one of two counts.
                let (name, bound, suffix) =
                    if field == 4 { ("quantile", 1, "") } else { ("le", 2, "_bucket") };
                for (part, value) in content {
                    match part {
                        1 | 4 => add("_count", &labels, value.number()),
                        2 => add("_sum", &labels, value.number()),
                        3 => {
                            let mut pair = fields(value.bytes());
                            pair.sort_by_key(|(field, _)| *field != bound);
                            let mut labels = labels.clone();
                            insert(&mut labels, name.to_owned(), pair[0].1.number().to_string());
                            add(suffix, &labels, pair[1].1.number());
                        }
                        other => panic!("field {other} of a histogram or summary"),
                    }
                }
            }
            other => panic!("field {other} of a metric"),
        }
    }
}

/// What is in a field: a number of either type, or bytes.
enum Content<'a> {
    Number(f64),
    Bytes(&'a [u8]),
}

impl<'a> Content<'a> {
    fn bytes(&self) -> &'a [u8] {
        match self {
            Content::Bytes(bytes) => bytes,
            Content::Number(number) => panic!("a number: {number}"),
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes().to_vec()).unwrap()
    }

    fn number(&self) -> f64 {
        match self {
            Content::Number(number) => *number,
            Content::Bytes(bytes) => panic!("no number: {bytes:?}"),
        }
    }
}

fn fields(mut rest: &[u8]) -> Vec<(u64, Content<'_>)> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest);
        let content = match key & 7 {
            0 => Content::Number(varint(&mut rest) as f64),
            1 => {
                let (double, behind) = rest.split_first_chunk().unwrap();
                rest = behind;
                Content::Number(f64::from_le_bytes(*double))
            }
            2 => {
                let length = varint(&mut rest) as usize;
                let (bytes, behind) = rest.split_at(length);
                rest = behind;
                Content::Bytes(bytes)
            }
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, content));
    }
    fields
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first().unwrap();
        *rest = behind;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return number;
        }
    }
    panic!("a number without end");
}
