//! The number of connections, and the memory of the bodies of pushes.

use super::table::family;
use crate::scrape::OwnFamily;

/// The families of connections that are served and of how many may be, of those in reserve, and of those that were
/// refused.
pub fn connection_families(
    serving: usize,
    serving_max: usize,
    reserve: usize,
    refused: u64,
) -> [OwnFamily; 3] {
    let mut connections = family("shardgate_connections");
    for (state, count) in [("serving", serving), ("reserve", reserve)] {
        connections.sample("", &[("state", state)], count as f64);
    }
    let limit = family("shardgate_connections_limit").value(serving_max as f64);
    [connections, limit, family("shardgate_connections_refused_total").value(refused as f64)]
}

/// The families of the bytes of bodies that are in memory, and of how many may be.
pub fn body_families(taken: usize, bytes_max: usize) -> [OwnFamily; 2] {
    [
        family("shardgate_push_bytes_in_flight").value(taken as f64),
        family("shardgate_push_bytes_in_flight_limit").value(bytes_max as f64),
    ]
}
