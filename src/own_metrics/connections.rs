//! How many connections there are.

use crate::exposition::Kind;
use crate::scrape::OwnFamily;

/// The families of connections that are served and of how many may be, of those in reserve, and of those that were
/// refused.
pub fn connection_families(
    serving: usize,
    serving_max: usize,
    reserve: usize,
    refused: u64,
) -> [OwnFamily; 3] {
    let help = "Connections that are served, and in reserve: told that there is no room.";
    let mut connections = OwnFamily::new("shardgate_connections", Kind::Gauge, help);
    for (state, count) in [("serving", serving), ("reserve", reserve)] {
        connections.sample("", &[("state", state)], count as f64);
    }
    let limit =
        OwnFamily::new("shardgate_connections_limit", Kind::Gauge, "Most connections served.");
    let help = "Connections answered with 503, since --web.max-connections were being served.";
    let refused_total = OwnFamily::new("shardgate_connections_refused_total", Kind::Counter, help);
    [connections, limit.value(serving_max as f64), refused_total.value(refused as f64)]
}
