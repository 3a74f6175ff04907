//! The messages that a push may hold, as `metrics.proto` of prometheus/client_model declares them, and
//! checked messages.

use super::wire::{self, Field, Value};
use crate::push::SyntaxErrorKind;

/// What the fields of a message hold, by number.
type Schema = [Entry];

/// What a field holds, and what its presence says.
#[derive(Debug, Clone, Copy)]
struct Entry(Content, Notes);

/// What the fields of a message say by being there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Notes {
    /// The text format does not show all of them.
    pub(super) are_hidden: bool,
    /// One is the time of a sample.
    pub(super) has_timestamp: bool,
}

/// The text format shows the field.
const SHOWN: Notes = Notes { are_hidden: false, has_timestamp: false };
const HIDDEN: Notes = Notes { are_hidden: true, has_timestamp: false };
const TIMESTAMP_OF_SAMPLE: Notes = Notes { are_hidden: false, has_timestamp: true };

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

const UNKNOWN: Entry = Entry(Content::Unknown, HIDDEN);

/// Its last field is the unit, which the reference drops too.
const FAMILY: &Schema = &[
    UNKNOWN,
    Entry(String, SHOWN),
    Entry(String, SHOWN),
    Entry(Varint, SHOWN),
    Entry(Of(METRIC), SHOWN),
    Entry(String, SHOWN),
];

const METRIC: &Schema = &[
    UNKNOWN,
    Entry(Of(LABEL), SHOWN),
    Entry(Of(GAUGE), SHOWN),
    Entry(Of(COUNTER), SHOWN),
    Entry(Of(SUMMARY), SHOWN),
    Entry(Of(GAUGE), SHOWN), // Untyped looks the same.
    Entry(Varint, TIMESTAMP_OF_SAMPLE),
    Entry(Of(HISTOGRAM), SHOWN),
];

const LABEL: &Schema = &[UNKNOWN, Entry(String, SHOWN), Entry(String, SHOWN)];

const GAUGE: &Schema = &[UNKNOWN, Entry(Double, SHOWN)];
/// With an exemplar and the time of its creation.
const COUNTER: &Schema =
    &[UNKNOWN, Entry(Double, SHOWN), Entry(Of(EXEMPLAR), HIDDEN), Entry(Of(TIMESTAMP), HIDDEN)];

const SUMMARY: &Schema = &[
    UNKNOWN,
    Entry(Varint, SHOWN),
    Entry(Double, SHOWN),
    Entry(Of(QUANTILE), SHOWN),
    Entry(Of(TIMESTAMP), HIDDEN),
];

const QUANTILE: &Schema = &[UNKNOWN, Entry(Double, SHOWN), Entry(Double, SHOWN)];

/// From the schema on, it is native; at the end stand the time of its creation and its exemplars.
const HISTOGRAM: &Schema = &[
    UNKNOWN,
    Entry(Varint, SHOWN),
    Entry(Double, SHOWN),
    Entry(Of(BUCKET), SHOWN),
    Entry(Double, SHOWN),
    Entry(Varint, HIDDEN),
    Entry(Double, HIDDEN),
    Entry(Varint, HIDDEN),
    Entry(Double, HIDDEN),
    Entry(Of(SPAN), HIDDEN),
    Entry(Varints, HIDDEN),
    Entry(Doubles, HIDDEN),
    Entry(Of(SPAN), HIDDEN),
    Entry(Varints, HIDDEN),
    Entry(Doubles, HIDDEN),
    Entry(Of(TIMESTAMP), HIDDEN),
    Entry(Of(EXEMPLAR), HIDDEN),
];

const BUCKET: &Schema = &[
    UNKNOWN,
    Entry(Varint, SHOWN),
    Entry(Double, SHOWN),
    Entry(Of(EXEMPLAR), HIDDEN),
    Entry(Double, SHOWN),
];

const SPAN: &Schema = &[UNKNOWN, Entry(Varint, HIDDEN), Entry(Varint, HIDDEN)];

const EXEMPLAR: &Schema =
    &[UNKNOWN, Entry(Of(LABEL), HIDDEN), Entry(Double, HIDDEN), Entry(Of(TIMESTAMP), HIDDEN)];
/// Seconds and nanoseconds.
const TIMESTAMP: &Schema = &[UNKNOWN, Entry(Varint, HIDDEN), Entry(Varint, HIDDEN)];

/// Takes the field at the front of `rest`, which is not empty, and checks it against `schema`.
#[inline]
fn checked<'a>(
    rest: &mut &'a [u8],
    schema: &Schema,
    notes: &mut Notes,
) -> Result<Field<'a>, SyntaxErrorKind> {
    let field = wire::field(rest)?;
    let Entry(content, said) = *schema.get(field.number as usize).unwrap_or(&UNKNOWN);
    notes.are_hidden |= said.are_hidden;
    notes.has_timestamp |= said.has_timestamp;
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
            if !text.is_ascii() && std::str::from_utf8(text).is_err() {
                return Err(SyntaxErrorKind::Utf8);
            }
        }
        (Of(schema), Value::Bytes(message)) => check(message, schema, notes)?,
        _ => return Err(SyntaxErrorKind::WireType),
    }
    Ok(field)
}

fn check(mut rest: &[u8], schema: &Schema, notes: &mut Notes) -> Result<(), SyntaxErrorKind> {
    while !rest.is_empty() {
        checked(&mut rest, schema, notes)?;
    }
    Ok(())
}

/// Takes and checks the field at the front of `rest`, which is not empty, of a `MetricFamily`.
pub(super) fn family_field<'a>(
    rest: &mut &'a [u8],
    notes: &mut Notes,
) -> Result<Field<'a>, SyntaxErrorKind> {
    checked(rest, FAMILY, notes)
}

/// A message that has been checked, with all messages in it.
///
/// **Invariant:** every field that the schema declares holds what is declared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    /// A message of which [`family_field`] has taken all fields.
    pub(super) fn family(checked: &'a [u8]) -> Message<'a> {
        Message(checked)
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
