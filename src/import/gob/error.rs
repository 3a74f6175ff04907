//! What can be wrong with a file, and the byte at which it shows.

use std::fmt;

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The byte of the file, from 0 on, where it was noticed.
    pub offset: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Something goes on behind the end of the file, or of the message it is in.
    Cut,
    /// As many elements or bytes are announced as cannot be left, `1` of `0`.
    Length(u64, usize),
    /// A number has more than eight bytes.
    Number,
    /// There is more where nothing more may be.
    More,
    /// The definition of a type is malformed.
    Definition,
    /// A type is defined twice.
    DefinedTwice(i64),
    /// A type is used that is not defined.
    Undefined(i64),
    /// A struct has no such field.
    Field(u64),
    /// Values are nested too deep.
    Nested,
    /// The first is not of the second type.
    Unlike(&'static str, &'static str),
    /// The groups are laid out as the Pushgateway did it before 0.10.
    Old,
    /// A name or value is not UTF-8.
    Text,
    /// A time is not as Go writes them.
    Time,
    /// Two groups have these labels, or two families or labels this name.
    Twice(&'static str, String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Cut => write!(f, "the file, or a message in it, ends here too early"),
            Reason::Length(length, left) => {
                write!(f, "a length of {length} where {left} bytes are left")
            }
            Reason::Number => write!(f, "a number of more than eight bytes"),
            Reason::More => write!(f, "more bytes where the value has ended"),
            Reason::Definition => write!(f, "a malformed definition of a type"),
            Reason::DefinedTwice(id) => write!(f, "type {id} is defined for the second time"),
            Reason::Undefined(id) => write!(f, "type {id} is used but not defined"),
            Reason::Field(number) => write!(f, "field {number} of a struct that has no such field"),
            Reason::Nested => write!(f, "values are nested too deep"),
            Reason::Unlike(what, expected) => {
                write!(f, "{what} is not {expected}: a Pushgateway did not write this")
            }
            Reason::Old => write!(
                f,
                "the groups are laid out as before Pushgateway 0.10: let a Pushgateway 0.10 start with the file \
                 and stop, which converts it"
            ),
            Reason::Text => write!(f, "a name or a value is not UTF-8"),
            Reason::Time => write!(f, "a time that is not as Go writes it"),
            Reason::Twice(what, name) => write!(f, "{what} {name} for the second time"),
        }
    }
}

impl std::error::Error for Error {}
