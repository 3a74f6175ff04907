//! How many files and sockets may be open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is open besides the connections that are served: those that are told there is no room, listeners, files.
const DESCRIPTORS_BESIDE: u64 = 512;

/// Raises the bound as far as is allowed, since the usual one is for programs that wait with `select`, and says so if
/// that is not enough for so many connections.
pub fn raise(connections_max: usize) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = if raised.is_ok() { maximum } else { current };
    let needed = connections_max as u64 + DESCRIPTORS_BESIDE;
    if let Some(limit) = limit
        && limit < needed
    {
        tracing::warn!(
            limit,
            needed,
            "--web.max-connections is more than the limit of open files allows"
        );
    }
}
