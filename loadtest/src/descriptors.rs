//! Room for ten thousand connections: the usual soft limit of descriptors is about a thousand.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one; started targets inherit it.
pub(crate) fn allow_many() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If it is refused, connections beyond the limit fail and are counted as such.
    let _ = setrlimit(Resource::Nofile, limit);
}
