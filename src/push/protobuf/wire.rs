//! The wire format of protobuf: a message is a run of fields, each a number, a wire type and a value.

use prost::encoding::{DecodeContext, WireType, decode_varint, skip_field};

use crate::push::SyntaxErrorKind;

/// A field as it stands on the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) value: Value<'a>,
    /// All of it, from its key on.
    pub(crate) record: &'a [u8],
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    /// What no field of a `MetricFamily` is: 32 bits, or a group.
    Other,
}

/// Takes the field at the front of `rest`, which is not empty.
#[inline(always)]
pub(crate) fn field<'a>(rest: &mut &'a [u8]) -> Result<Field<'a>, SyntaxErrorKind> {
    let start = *rest;
    let key = varint(rest).ok().and_then(|key| u32::try_from(key).ok());
    let key = key.filter(|key| *key >= 1 << 3).ok_or(SyntaxErrorKind::FieldKey)?;
    let number = key >> 3;
    let value = match key & 7 {
        0 => Value::Varint(varint(rest)?),
        1 => {
            let (bytes, behind) = rest.split_first_chunk().ok_or(SyntaxErrorKind::Truncated)?;
            *rest = behind;
            Value::Fixed64(u64::from_le_bytes(*bytes))
        }
        2 => Value::Bytes(delimited(rest)?),
        5 => {
            *rest = rest.get(4..).ok_or(SyntaxErrorKind::Truncated)?;
            Value::Other
        }
        wire_type => skip_group(wire_type, number, rest)?,
    };
    Ok(Field { number, value, record: &start[..start.len() - rest.len()] })
}

#[cold]
fn skip_group<'a>(
    wire_type: u32,
    number: u32,
    rest: &mut &'a [u8],
) -> Result<Value<'a>, SyntaxErrorKind> {
    let wire_type = WireType::try_from(u64::from(wire_type));
    let wire_type = wire_type.map_err(|_| SyntaxErrorKind::FieldKey)?;
    skip_field(wire_type, number, rest, DecodeContext::default())
        .map_err(|_| SyntaxErrorKind::Group)?;
    Ok(Value::Other)
}

/// Takes a varint, which nearly always has one byte.
#[inline]
pub(crate) fn varint(rest: &mut &[u8]) -> Result<u64, SyntaxErrorKind> {
    match **rest {
        [byte @ ..0x80, ref behind @ ..] => {
            *rest = behind;
            Ok(u64::from(byte))
        }
        _ => long_varint(rest),
    }
}

#[cold]
fn long_varint(rest: &mut &[u8]) -> Result<u64, SyntaxErrorKind> {
    decode_varint(rest).map_err(|_| SyntaxErrorKind::Varint)
}

/// Takes what stands behind its length.
#[inline]
pub(crate) fn delimited<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], SyntaxErrorKind> {
    let len = usize::try_from(varint(rest)?).map_err(|_| SyntaxErrorKind::Truncated)?;
    let (bytes, behind) = rest.split_at_checked(len).ok_or(SyntaxErrorKind::Truncated)?;
    *rest = behind;
    Ok(bytes)
}
