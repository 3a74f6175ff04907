//! Why a request got no answer.

use std::fmt;
use std::io;

/// The kinds of failure a run counts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Failure {
    Refused,
    Reset,
    /// The server closed the connection before its answer was complete.
    Closed,
    TimedOut,
    /// What came back is not an HTTP/1 response.
    Malformed,
    /// The tester's own machine ran out: of file descriptors, of ports.
    LocalLimit,
    /// No agreement on TLS, or a certificate that is not trusted.
    Tls,
    /// The target proves itself with the certificate of an authority.
    Authority,
    Other,
}

impl Failure {
    /// Whether the request may have reached the server: then a push may have been applied.
    pub(crate) const fn in_doubt(self) -> bool {
        !matches!(self, Self::Refused | Self::LocalLimit)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Refused => "connection refused",
            Self::Reset => "connection reset",
            Self::Closed => "closed before the answer",
            Self::TimedOut => "timed out",
            Self::Malformed => "malformed answer",
            Self::LocalLimit => "limit of this machine (descriptors, ports)",
            Self::Tls => {
                "TLS failed: no common version, or a certificate that --ca, or `[tls] ca_file`, does not vouch for"
            }
            Self::Authority => {
                "TLS failed: the certificate of the target is that of an authority (CA:TRUE); make one with basicConstraints=CA:FALSE"
            }
            Self::Other => "other network error",
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        /// `EMFILE`, for which `ErrorKind` has no name.
        const TOO_MANY_OPEN_FILES: i32 = 24;
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Reset,
            io::ErrorKind::UnexpectedEof => Self::Closed,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable => Self::LocalLimit,
            _ if matches!(error.get_ref(), Some(inner) if inner.is::<rustls::Error>()) => {
                // rustls has no kind of error for this one.
                let is_authority = format!("{error:?}").contains("CaUsedAsEndEntity");
                if is_authority { Self::Authority } else { Self::Tls }
            }
            _ if error.raw_os_error() == Some(TOO_MANY_OPEN_FILES) => Self::LocalLimit,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
