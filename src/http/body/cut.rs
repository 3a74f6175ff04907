//! Why an answer is cut before its end, and the bounds that cut it.

use std::fmt;
use std::time::Duration;

/// How long an answer may take to be read. Prometheus gives up after its own timeout, ten seconds by default.
pub(crate) const SCRAPE_SEND_WAIT: Duration = Duration::from_secs(60);

/// How many bytes unread answers may pin together, unless one answer alone is larger.
pub(crate) const UNREAD_BYTES_MAX: usize = 128 << 20;

/// Why an answer is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Its time is over.
    Expired,
    /// Unread answers pin too much, and this one has waited for the longest time.
    Slowest,
    /// It is written while it is sent, and its writer has given up.
    GivenUp,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::Expired => {
                write!(f, "the client took more than {SCRAPE_SEND_WAIT:?} to read its answer")
            }
            Cut::GivenUp => f.write_str("the answer could not be written to its end"),
            Cut::Slowest => write!(
                f,
                "unread answers keep more than {UNREAD_BYTES_MAX} bytes in memory, and the client of this one has read nothing for the longest time"
            ),
        }
    }
}

impl std::error::Error for Cut {}
