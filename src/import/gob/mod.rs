//! The Pushgateway's persistence file, read: what of it shardgate takes over.
//!
//! The file is one value in the [encoding/gob](https://pkg.go.dev/encoding/gob) of Go, with the types that it is made of before it:
//!
//! ```text
//! file    (definition)*, message (type id, 0, groups)
//! groups  map of string (the grouping key, as joined labels) to
//!         struct { Labels: map of string to string, Metrics: map of string (the family) to
//!         struct { Timestamp: time.Time, GobbableMetricFamily: a MetricFamily in protobuf } }
//! ```
//!
//! - `input`: numbers and bytes, and where in the file they are. `error`: what can be wrong, and where.
//! - `types`: the types that the file defines. `layout`: where among them the groups are. `skip`: a value of any type.
//! - `groups`: the values themselves; `time`: those of Go's `time.Time`.
//!
//! **Invariants:** nothing is allocated for a length before so many bytes have been seen to be there. Time and memory are
//! linear in the file, whatever is in it, but for sorting. What is read is all the groups or an error.

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
