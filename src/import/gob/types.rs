//! The types that a file defines, by their ids.

use std::collections::HashMap;

use super::error::{Error, Reason};
use super::input::Input;

/// The id of a type: that of a type every stream knows, or one that the file gives.
pub(super) type Id = i64;

/// How values of a type are spelled.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    /// Of any kind, booleans and floats too: they are spelled alike, as far as their length goes.
    Number,
    Complex,
    Bytes,
    Text,
    Interface,
    /// An array or a slice.
    List(Id),
    Struct(Vec<Field>),
    Map {
        key: Id,
        element: Id,
    },
    /// What the type itself has made of a value, as bytes.
    Own,
}

/// A field of a struct, in their order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) id: Id,
}

/// The types that are defined.
#[derive(Debug)]
pub(super) struct Types(HashMap<Id, Type>);

impl Default for Types {
    /// What every stream knows.
    fn default() -> Types {
        let kinds = [
            Type::Number, // bool
            Type::Number, // int
            Type::Number, // uint
            Type::Number, // float
            Type::Bytes,
            Type::Text,
            Type::Complex,
            Type::Interface,
        ];
        Types((1..).zip(kinds).collect())
    }
}

impl Types {
    /// The type of an id that was read at `offset`.
    pub(super) fn get(&self, offset: usize, id: Id) -> Result<&Type, Error> {
        self.0.get(&id).ok_or(Error { offset, reason: Reason::Undefined(id) })
    }

    /// Reads the definition behind `negative`, which is the id that it is for, negated.
    pub(super) fn define(
        &mut self,
        offset: usize,
        negative: Id,
        input: &mut Input<'_>,
    ) -> Result<(), Error> {
        let defined = definition(input)?;
        let id = negative.checked_neg().ok_or(Error { offset, reason: Reason::Definition })?;
        match self.0.insert(id, defined) {
            None => Ok(()),
            Some(_) => Err(Error { offset, reason: Reason::DefinedTwice(id) }),
        }
    }
}

/// Reads a `wireType`: of its fields, which are the kinds of types, exactly one is there.
fn definition(input: &mut Input<'_>) -> Result<Type, Error> {
    let offset = input.offset();
    let malformed = || Error { offset, reason: Reason::Definition };
    let mut defined = None;
    input.fields(|input, kind| {
        let read = match kind {
            0 | 1 => list(input)?,
            2 => structure(input)?,
            3 => map(input)?,
            4..=6 => own(input)?,
            _ => return Err(malformed()),
        };
        if defined.replace(read).is_some() { Err(malformed()) } else { Ok(()) }
    })?;
    defined.ok_or_else(malformed)
}

fn list(input: &mut Input<'_>) -> Result<Type, Error> {
    let mut element = 0;
    input.fields(|input, number| match number {
        0 => common(input),
        1 => read_id(&mut element, input),
        // The length of an array: its values tell it once more.
        2 => input.int().map(drop),
        _ => Err(unknown(input, number)),
    })?;
    Ok(Type::List(element))
}

fn structure(input: &mut Input<'_>) -> Result<Type, Error> {
    let mut fields = Vec::new();
    input.fields(|input, number| match number {
        0 => common(input),
        1 => {
            for _ in 0..input.count()? {
                fields.push(field(input)?);
            }
            Ok(())
        }
        _ => Err(unknown(input, number)),
    })?;
    Ok(Type::Struct(fields))
}

fn field(input: &mut Input<'_>) -> Result<Field, Error> {
    let mut field = Field { name: String::new(), id: 0 };
    input.fields(|input, number| match number {
        0 => {
            field.name = input.text()?.to_owned();
            Ok(())
        }
        1 => read_id(&mut field.id, input),
        _ => Err(unknown(input, number)),
    })?;
    Ok(field)
}

fn map(input: &mut Input<'_>) -> Result<Type, Error> {
    let (mut key, mut element) = (0, 0);
    input.fields(|input, number| match number {
        0 => common(input),
        1 => read_id(&mut key, input),
        2 => read_id(&mut element, input),
        _ => Err(unknown(input, number)),
    })?;
    Ok(Type::Map { key, element })
}

fn own(input: &mut Input<'_>) -> Result<Type, Error> {
    input.fields(|input, number| match number {
        0 => common(input),
        _ => Err(unknown(input, number)),
    })?;
    Ok(Type::Own)
}

/// Passes by what all types tell: a name, which says nothing, and the id once more.
fn common(input: &mut Input<'_>) -> Result<(), Error> {
    input.fields(|input, number| match number {
        0 => input.bytes().map(drop),
        1 => input.int().map(drop),
        _ => Err(unknown(input, number)),
    })
}

fn read_id(id: &mut Id, input: &mut Input<'_>) -> Result<(), Error> {
    *id = input.int()?;
    Ok(())
}

fn unknown(input: &Input<'_>, number: u64) -> Error {
    Error { offset: input.offset(), reason: Reason::Field(number) }
}
