//! Where in a body something is.

use std::fmt;

/// A part of a body, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line of text.
    Line(u32),
    /// A `MetricFamily` message of protobuf.
    Family(u32),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Family(family) => write!(f, "metric family {family}"),
        }
    }
}
