//! What can be wrong with a file, and the byte at which it shows.

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {reason}")]
pub struct Error {
    /// The byte of the file, from 0 on, where it was noticed.
    pub offset: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Something goes on behind the end of the file, or of the message it is in.
    #[error("the file, or a message in it, ends here too early")]
    Cut,
    /// As many elements or bytes are announced as cannot be left, `1` of `0`.
    #[error("a length of {0} where {1} bytes are left")]
    Length(u64, usize),
    /// A number has more than eight bytes.
    #[error("a number of more than eight bytes")]
    Number,
    /// There is more where nothing more may be.
    #[error("more bytes where the value has ended")]
    More,
    /// The definition of a type is malformed.
    #[error("a malformed definition of a type")]
    Definition,
    /// A type is defined twice.
    #[error("type {0} is defined for the second time")]
    DefinedTwice(i64),
    /// A type is used that is not defined.
    #[error("type {0} is used but not defined")]
    Undefined(i64),
    /// A struct has no such field.
    #[error("field {0} of a struct that has no such field")]
    Field(u64),
    /// Values are nested too deep.
    #[error("values are nested too deep")]
    Nested,
    /// The first is not of the second type.
    #[error("{0} is not {1}: a Pushgateway did not write this")]
    Unlike(&'static str, &'static str),
    /// The groups are laid out as the Pushgateway did it before 0.10.
    #[error(
        "the groups are laid out as before Pushgateway 0.10: let a Pushgateway 0.10 start with the file and stop, which converts it"
    )]
    Old,
    /// A name or value is not UTF-8.
    #[error("a name or a value is not UTF-8")]
    Text,
    /// A time is not as Go writes them.
    #[error("a time that is not as Go writes it")]
    Time,
    /// Two groups have these labels, or two families or labels this name.
    #[error("{0} {1} for the second time")]
    Twice(&'static str, String),
}
