//! How many connections there are.

use crate::exposition::Kind;
use crate::scrape::OwnFamily;

/// The families of connections that are served, of those in reserve, and of those that were refused.
pub fn connection_families(serving: usize, reserve: usize, refused: u64) -> [OwnFamily; 2] {
    let help = "Connections that are served, and in reserve: told that there is no room.";
    let mut connections = OwnFamily::new("shardgate_connections", Kind::Gauge, help);
    for (state, count) in [("serving", serving), ("reserve", reserve)] {
        connections.sample("", &[("state", state)], count as f64);
    }
    let help = "Connections answered with 503, since --web.max-connections were being served.";
    let refused_total = OwnFamily::new("shardgate_connections_refused_total", Kind::Counter, help);
    [connections, refused_total.value(refused as f64)]
}
