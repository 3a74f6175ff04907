//! Reads the Pushgateway's persistence file. Pure: bytes in, groups out.
//!
//! The file is one value in the [encoding/gob](https://pkg.go.dev/encoding/gob) of Go, behind the definitions of its types:
//!
//! ```text
//! file    (definition)*, message (type id, 0, groups)
//! groups  map of string (the grouping key, as joined labels) to
//!         struct { Labels: map of string to string, Metrics: map of string (the family) to
//!         struct { Timestamp: time.Time, GobbableMetricFamily: a MetricFamily in protobuf } }
//! ```
//!
//! Start reading at [`read`]. `types` reads the definitions, `layout` finds the types of groups among them, `groups` reads
//! the values, and `skip` passes over all other values.
//!
//! **Invariant:** the reader checks a length before it allocates memory for it, and returns either all groups or an
//! error that names a byte.

mod error;
mod groups;
mod input;
mod layout;
mod skip;
#[cfg(test)]
mod tests;
mod time;
mod types;

pub use error::{Error, Reason};

use groups::Groups;
use input::Input;
use layout::Layout;
use types::Types;

/// A group as the Pushgateway kept it.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The grouping labels, name and value, sorted by name. `job` is not checked to be among them.
    pub labels: Vec<(String, String)>,
    /// The families, sorted by name; `push_time_seconds` and `push_failure_time_seconds` among them.
    pub families: Vec<Family>,
}

/// A metric family of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Its name, as the file tells it.
    pub name: String,
    /// When it was pushed, in seconds since 1970; `None` for Go's zero time.
    pub pushed: Option<f64>,
    /// One `io.prometheus.client.MetricFamily` in protobuf, without its length before it. The grouping labels are merged in. It is
    /// not checked to be well-formed.
    pub metrics: Vec<u8>,
}

/// Reads a whole file. The groups come sorted by their labels.
///
/// # Errors
/// Where the file stops being what the Pushgateway (0.10 or newer) writes, and why.
pub fn read(bytes: &[u8]) -> Result<Vec<Group>, Error> {
    let mut file = Input::new(bytes);
    let mut types = Types::default();
    let (id, mut message) = loop {
        let mut message = file.message()?;
        let offset = message.offset();
        let id = message.int()?;
        if id >= 0 {
            break (id, message);
        }
        types.define(offset, id, &mut message)?;
        message.end()?;
    };
    let layout = Layout::find(&types, message.offset(), id)?;
    // What is not a struct is sent as one with a single field, of which only the end is marked.
    message.expect_zero()?;
    let groups = Groups::new(&types, &layout).read(&mut message)?;
    message.end()?;
    file.end()?;
    Ok(groups)
}
