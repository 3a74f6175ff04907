//! The messages that a push may hold, as `metrics.proto` of prometheus/client_model declares them, and
//! checked messages.

use super::wire::{self, Field, Value};
use crate::push::SyntaxErrorKind;

/// What the fields of a message hold, by number.
type Schema = [Entry];

/// What a field holds, and whether the text format shows it.
#[derive(Debug, Clone, Copy)]
struct Entry(Content, bool);

#[derive(Debug, Clone, Copy)]
enum Content {
    /// Not declared: anything goes.
    Unknown,
    /// An integer or an enum.
    Varint,
    Double,
    /// UTF-8.
    String,
    Message(&'static Schema),
    /// Repeated, packed or not.
    Varints,
    /// Repeated, packed or not.
    Doubles,
}

use Content::{Double, Doubles, Message as Of, String, Varint, Varints};

const UNKNOWN: Entry = Entry(Content::Unknown, false);

/// Its last field is the unit, which the reference drops too.
const FAMILY: &Schema = &[
    UNKNOWN,
    Entry(String, true),
    Entry(String, true),
    Entry(Varint, true),
    Entry(Of(METRIC), true),
    Entry(String, true),
];

const METRIC: &Schema = &[
    UNKNOWN,
    Entry(Of(LABEL), true),
    Entry(Of(GAUGE), true),
    Entry(Of(COUNTER), true),
    Entry(Of(SUMMARY), true),
    Entry(Of(GAUGE), true), // Untyped looks the same.
    Entry(Varint, true),
    Entry(Of(HISTOGRAM), true),
];

const LABEL: &Schema = &[UNKNOWN, Entry(String, true), Entry(String, true)];

const GAUGE: &Schema = &[UNKNOWN, Entry(Double, true)];
/// With an exemplar and the time of its creation.
const COUNTER: &Schema =
    &[UNKNOWN, Entry(Double, true), Entry(Of(EXEMPLAR), false), Entry(Of(TIMESTAMP), false)];

const SUMMARY: &Schema = &[
    UNKNOWN,
    Entry(Varint, true),
    Entry(Double, true),
    Entry(Of(QUANTILE), true),
    Entry(Of(TIMESTAMP), false),
];

const QUANTILE: &Schema = &[UNKNOWN, Entry(Double, true), Entry(Double, true)];

/// From the schema on, it is native; at the end stand the time of its creation and its exemplars.
const HISTOGRAM: &Schema = &[
    UNKNOWN,
    Entry(Varint, true),
    Entry(Double, true),
    Entry(Of(BUCKET), true),
    Entry(Double, true),
    Entry(Varint, false),
    Entry(Double, false),
    Entry(Varint, false),
    Entry(Double, false),
    Entry(Of(SPAN), false),
    Entry(Varints, false),
    Entry(Doubles, false),
    Entry(Of(SPAN), false),
    Entry(Varints, false),
    Entry(Doubles, false),
    Entry(Of(TIMESTAMP), false),
    Entry(Of(EXEMPLAR), false),
];

const BUCKET: &Schema = &[
    UNKNOWN,
    Entry(Varint, true),
    Entry(Double, true),
    Entry(Of(EXEMPLAR), false),
    Entry(Double, true),
];

const SPAN: &Schema = &[UNKNOWN, Entry(Varint, false), Entry(Varint, false)];

const EXEMPLAR: &Schema =
    &[UNKNOWN, Entry(Of(LABEL), false), Entry(Double, false), Entry(Of(TIMESTAMP), false)];
/// Seconds and nanoseconds.
const TIMESTAMP: &Schema = &[UNKNOWN, Entry(Varint, false), Entry(Varint, false)];

/// Checks `bytes` against `schema`, and answers whether the text format would show all of it.
fn check(bytes: &[u8], schema: &Schema) -> Result<bool, SyntaxErrorKind> {
    let mut rest = bytes;
    let mut is_all_shown = true;
    while !rest.is_empty() {
        let field = wire::field(&mut rest)?;
        let Entry(content, is_shown) = *schema.get(field.number as usize).unwrap_or(&UNKNOWN);
        is_all_shown &= is_shown;
        match (content, field.value) {
            (Content::Unknown, _)
            | (Varint | Varints, Value::Varint(_))
            | (Double | Doubles, Value::Fixed64(_)) => {}
            (Varints, Value::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    wire::varint(&mut packed)?;
                }
            }
            (Doubles, Value::Bytes(packed)) if packed.len() % 8 == 0 => {}
            (Doubles, Value::Bytes(_)) => return Err(SyntaxErrorKind::Truncated),
            (String, Value::Bytes(text)) => {
                std::str::from_utf8(text).map_err(|_| SyntaxErrorKind::Utf8)?;
            }
            (Of(schema), Value::Bytes(message)) => is_all_shown &= check(message, schema)?,
            _ => return Err(SyntaxErrorKind::WireType),
        }
    }
    Ok(is_all_shown)
}

/// A message that has been checked, with all messages in it.
///
/// **Invariant:** every field that the schema declares holds what is declared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    /// A `MetricFamily`, and whether the text format would show all of it.
    pub(super) fn family(bytes: &'a [u8]) -> Result<(Message<'a>, bool), SyntaxErrorKind> {
        let is_all_shown = check(bytes, FAMILY)?;
        Ok((Message(bytes), is_all_shown))
    }

    /// How many bytes it has.
    pub(super) fn bytes(self) -> usize {
        self.0.len()
    }

    /// Its fields, in the order of the wire.
    pub(super) fn fields(self) -> impl Iterator<Item = Field<'a>> + Clone {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            wire::field(&mut rest).ok()
        })
    }

    /// The messages in its fields of that number.
    pub(super) fn messages(self, number: u32) -> impl Iterator<Item = Message<'a>> + Clone {
        self.fields().filter(move |field| field.number == number).map(Field::message)
    }
}

impl<'a> Field<'a> {
    pub(super) fn message(self) -> Message<'a> {
        Message(self.bytes())
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        match self.value {
            Value::Bytes(bytes) => bytes,
            _ => b"",
        }
    }

    pub(super) fn varint(self) -> u64 {
        match self.value {
            Value::Varint(value) => value,
            _ => 0,
        }
    }

    pub(super) fn double(self) -> f64 {
        match self.value {
            Value::Fixed64(bits) => f64::from_bits(bits),
            _ => 0.0,
        }
    }

    /// Each number of a field that may be packed.
    pub(super) fn varints(self) -> impl Iterator<Item = u64> {
        let (single, mut packed) = match self.value {
            Value::Varint(value) => (Some(value), &b""[..]),
            _ => (None, self.bytes()),
        };
        let packed = std::iter::from_fn(move || wire::varint(&mut packed).ok());
        single.into_iter().chain(packed)
    }

    /// Each number of a field that may be packed.
    pub(super) fn doubles(self) -> impl Iterator<Item = f64> {
        let single = matches!(self.value, Value::Fixed64(_)).then(|| self.double());
        let packed = self.bytes().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
        single.into_iter().chain(packed)
    }
}
