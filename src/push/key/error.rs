//! Why the path of a push names no group.

use std::fmt;

use crate::exposition::Quoted;

/// Why a push URL names no group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyError {
    /// No job, or an empty one.
    NoJob,
    /// A label name without a value: this one, or none where the path ends with a slash too many.
    OddComponents(String),
    /// Two slashes in a row behind the job.
    EmptyComponent,
    /// Not a label name, or one that begins with `__`.
    LabelName(String),
    /// The value of a label marked `@base64` that is not.
    Base64 {
        /// The label.
        name: String,
        /// The value, as the path has it.
        value: String,
    },
    /// A value that is not UTF-8.
    NotUtf8(String),
    /// More labels than are allowed.
    TooManyLabels,
    /// A label whose name or value is longer than is allowed.
    LongLabel(String),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::NoJob => {
                write!(
                    f,
                    "job name is required: push to /metrics/job/NAME (an empty name is rejected as job@base64/= too)"
                )
            }
            KeyError::OddComponents(name) => {
                write!(
                    f,
                    "odd number of path components after the job: the label name {} has no value behind it; write /NAME/VALUE for each label, an empty value as /NAME@base64/=, and base64 with - and _ in place of + and /",
                    Quoted(name.as_bytes())
                )
            }
            KeyError::EmptyComponent => {
                write!(
                    f,
                    "empty path component after the job: write an empty value as NAME@base64/="
                )
            }
            KeyError::LabelName(name) => {
                write!(f, "improper label name {}", Quoted(name.as_bytes()))
            }
            KeyError::Base64 { name, value } => {
                let [name, quoted] = [name, value].map(|text| Quoted(text.as_bytes()));
                write!(f, "invalid base64 encoding for label {name}: {quoted}")?;
                match value.contains('+') {
                    true => write!(f, "; use - and _ in place of + and /"),
                    false => Ok(()),
                }
            }
            KeyError::NotUtf8(name) => {
                write!(f, "value of label {} is not valid UTF-8", Quoted(name.as_bytes()))
            }
            KeyError::TooManyLabels => {
                write!(f, "the path has more labels than --push.max-labels allows")
            }
            KeyError::LongLabel(name) => {
                write!(f, "label {name:?} is longer than --push.max-label-bytes in name or value")
            }
        }
    }
}

impl std::error::Error for KeyError {}
