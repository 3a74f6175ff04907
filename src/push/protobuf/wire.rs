//! The wire format of protobuf: a message is a run of fields, each a number, a wire type and a value.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::push::SyntaxErrorKind;

/// A field as it stands on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
    /// All of it, from its key on.
    pub(super) record: &'a [u8],
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    /// What no field of a `MetricFamily` is: 32 bits, or a group.
    Other,
}

/// Takes the field at the front of `rest`, which is not empty.
pub(super) fn field<'a>(rest: &mut &'a [u8]) -> Result<Field<'a>, SyntaxErrorKind> {
    let start = *rest;
    let (number, wire_type) = decode_key(rest).map_err(|_| SyntaxErrorKind::FieldKey)?;
    let value = match wire_type {
        WireType::Varint => Value::Varint(varint(rest)?),
        WireType::LengthDelimited => Value::Bytes(delimited(rest)?),
        WireType::SixtyFourBit => {
            let (bytes, behind) = rest.split_first_chunk().ok_or(SyntaxErrorKind::Truncated)?;
            *rest = behind;
            Value::Fixed64(u64::from_le_bytes(*bytes))
        }
        WireType::ThirtyTwoBit => {
            *rest = rest.get(4..).ok_or(SyntaxErrorKind::Truncated)?;
            Value::Other
        }
        WireType::StartGroup | WireType::EndGroup => {
            skip_field(wire_type, number, rest, DecodeContext::default())
                .map_err(|_| SyntaxErrorKind::Group)?;
            Value::Other
        }
    };
    Ok(Field { number, value, record: &start[..start.len() - rest.len()] })
}

/// Takes a varint.
pub(super) fn varint(rest: &mut &[u8]) -> Result<u64, SyntaxErrorKind> {
    decode_varint(rest).map_err(|_| SyntaxErrorKind::Varint)
}

/// Takes what stands behind its length.
pub(super) fn delimited<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], SyntaxErrorKind> {
    let len = usize::try_from(varint(rest)?).map_err(|_| SyntaxErrorKind::Truncated)?;
    let (bytes, behind) = rest.split_at_checked(len).ok_or(SyntaxErrorKind::Truncated)?;
    *rest = behind;
    Ok(bytes)
}
