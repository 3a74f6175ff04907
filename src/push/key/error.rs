//! Why the path of a push names no group.

use std::fmt;

/// Why a push URL names no group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyError {
    /// No job, or an empty one.
    NoJob,
    /// A label name without a value.
    OddComponents,
    /// Two slashes in a row behind the job.
    EmptyComponent,
    /// Not a label name, or one that begins with `__`.
    LabelName(String),
    /// A value marked `@base64` that is not.
    Base64(String),
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
            KeyError::NoJob => write!(f, "job name is required"),
            KeyError::OddComponents => {
                write!(f, "odd number of path components after the job: a label name has no value")
            }
            KeyError::EmptyComponent => {
                write!(
                    f,
                    "empty path component after the job: write an empty value as NAME@base64/="
                )
            }
            KeyError::LabelName(name) => write!(f, "improper label name {name:?}"),
            KeyError::Base64(name) => write!(f, "invalid base64 encoding for label {name:?}"),
            KeyError::NotUtf8(name) => write!(f, "value of label {name:?} is not valid UTF-8"),
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
