//! Passes over a value of any type.

use super::error::{Error, Reason};
use super::input::Input;
use super::types::{Field, Id, Type, Types};

/// How deep values may be nested that are passed by.
const NESTED_MAX: usize = 64;

/// Passes by a value of the type `id`.
pub(super) fn skip(types: &Types, input: &mut Input<'_>, id: Id) -> Result<(), Error> {
    skip_within(types, input, id, NESTED_MAX)
}

/// The type of the field that was read to be the next.
pub(super) fn field_of(input: &Input<'_>, fields: &[Field], number: u64) -> Result<Id, Error> {
    let field = usize::try_from(number).ok().and_then(|number| fields.get(number));
    let offset = input.offset();
    field.map(|field| field.id).ok_or(Error { offset, reason: Reason::Field(number) })
}

fn skip_within(types: &Types, input: &mut Input<'_>, id: Id, depth: usize) -> Result<(), Error> {
    let offset = input.offset();
    let inside = depth.checked_sub(1).ok_or(Error { offset, reason: Reason::Nested })?;
    match types.get(offset, id)? {
        Type::Number => input.uint().map(drop),
        Type::Complex => input.uint().and_then(|_| input.uint()).map(drop),
        Type::Bytes | Type::Text | Type::Own => input.bytes().map(drop),
        Type::Interface => skip_interface(types, input),
        Type::List(element) => {
            for _ in 0..input.count()? {
                skip_within(types, input, *element, inside)?;
            }
            Ok(())
        }
        Type::Map { key, element } => {
            for _ in 0..input.count()? {
                skip_within(types, input, *key, inside)?;
                skip_within(types, input, *element, inside)?;
            }
            Ok(())
        }
        Type::Struct(fields) => input.fields(|input, number| {
            let id = field_of(input, fields, number)?;
            skip_within(types, input, id, inside)
        }),
    }
}

/// A name, which is empty if there is no value; then the type's id, and the value behind its length.
fn skip_interface(types: &Types, input: &mut Input<'_>) -> Result<(), Error> {
    if input.bytes()?.is_empty() {
        return Ok(());
    }
    let offset = input.offset();
    types.get(offset, input.int()?)?;
    input.bytes().map(drop)
}
