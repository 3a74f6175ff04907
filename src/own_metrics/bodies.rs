//! How much memory the bodies of pushes take.

use crate::exposition::Kind;
use crate::scrape::OwnFamily;

/// The families of the bytes of bodies that are in memory, and of how many may be.
pub fn body_families(taken: usize, bytes_max: usize) -> [OwnFamily; 2] {
    let gauge = |name, help| OwnFamily::new(name, Kind::Gauge, help);
    let help = "Bytes of bodies in memory, and of what large ones were decoded to.";
    let limit = "Most bytes of bodies in memory.";
    [
        gauge("shardgate_push_bytes_in_flight", help).value(taken as f64),
        gauge("shardgate_push_bytes_in_flight_limit", limit).value(bytes_max as f64),
    ]
}
