//! Protobuf messages field by field: writes them, and reads well-formed ones back.

use std::borrow::Cow;

use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint,
    encoded_len_varint, skip_field,
};

use super::label;

/// Appends a field of bytes or text.
pub(crate) fn write_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    write_key(out, field, WireType::LengthDelimited);
    write_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a field that is an unsigned or enumerated number, also when it is 0.
pub(crate) fn write_varint(out: &mut Vec<u8>, field: u32, value: u64) {
    write_key(out, field, WireType::Varint);
    write_number(out, value);
}

/// Appends a field that is a double, also when it is 0.
pub(crate) fn write_double(out: &mut Vec<u8>, field: u32, value: f64) {
    write_key(out, field, WireType::SixtyFourBit);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a field that is the message which `write` appends.
pub(crate) fn write_message(out: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    write_key(out, field, WireType::LengthDelimited);
    // One byte for the length does most often; where it does not, the message moves.
    out.push(0);
    let start = out.len();
    write(out);
    let end = out.len();
    let length = (end - start) as u64;
    if length < 0x80 {
        out[start - 1] = length as u8;
        return;
    }
    let more = encoded_len_varint(length) - 1;
    out.resize(end + more, 0);
    out.copy_within(start..end, start + more);
    encode_varint(length, &mut &mut out[start - 1..start + more]);
}

/// Nearly all fields written here have numbers below 16, whose keys are one byte.
fn write_key(out: &mut Vec<u8>, field: u32, wire_type: WireType) {
    if field < 16 {
        out.push((field << 3) as u8 | wire_type as u8);
    } else {
        encode_key(field, wire_type, out);
    }
}

/// Appends a number. Nearly all are small.
fn write_number(out: &mut Vec<u8>, number: u64) {
    if number < 0x80 {
        out.push(number as u8);
    } else {
        encode_varint(number, out);
    }
}

/// One field of a message that is read back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    /// What is in it, if that is bytes, text or a message; else empty.
    pub(crate) bytes: &'a [u8],
    /// The whole field.
    pub(crate) whole: &'a [u8],
}

impl<'a> Field<'a> {
    /// The number in it; 0 if that is malformed.
    pub(crate) fn varint(&self) -> u64 {
        decode_varint(&mut self.behind_key()).unwrap_or_default()
    }

    /// The double in it; 0 if that is malformed.
    pub(crate) fn double(&self) -> f64 {
        self.behind_key().try_into().map_or(0.0, f64::from_le_bytes)
    }

    /// What is in a field that is a number. All of these have numbers below 16.
    pub(crate) fn behind_key(&self) -> &'a [u8] {
        self.whole.get(1..).unwrap_or_default()
    }
}

/// The name and the value in a `LabelPair` message.
pub(crate) fn label_of(message: &[u8]) -> (Cow<'_, str>, Cow<'_, str>) {
    let mut pair = (Cow::Borrowed(""), Cow::Borrowed(""));
    for field in fields(message) {
        let text = String::from_utf8_lossy(field.bytes);
        match field.number {
            label::NAME => pair.0 = text,
            label::VALUE => pair.1 = text,
            _ => {}
        }
    }
    pair
}

/// The fields of a message, up to the first that is malformed.
pub(crate) fn fields(message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        let start = rest;
        if rest.is_empty() {
            return None;
        }
        let (number, wire_type) = decode_key(&mut rest).ok()?;
        let mut bytes: &[u8] = &[];
        if wire_type == WireType::LengthDelimited {
            let length = decode_varint(&mut rest).ok()?;
            (bytes, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        } else {
            skip_field(wire_type, number, &mut rest, DecodeContext::default()).ok()?;
        }
        Some(Field { number, bytes, whole: &start[..start.len() - rest.len()] })
    })
}
