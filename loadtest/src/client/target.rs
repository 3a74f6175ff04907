//! The server under test, as its URL names it.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;

use super::tls::Tls;

/// A resolved target.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// `host:port`, for the Host field.
    pub(crate) authority: String,
    /// The path before `/metrics`: empty, or begins with a slash and does not end with one.
    pub(crate) prefix: String,
    pub(crate) address: SocketAddr,
    pub(super) tls: Option<Tls>,
}

/// Why a URL is no target.
#[derive(Debug)]
pub(crate) enum TargetError {
    Scheme(String),
    /// The authority's file, and why it cannot be used.
    Tls(String),
    Unresolved(String),
    /// Load may only be aimed at this machine, unless its user vouches for the other.
    NotLoopback(String),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme(url) => write!(
                f,
                "{url}: a target begins with http://, or with https:// if there is --ca, or [tls] in the profile"
            ),
            Self::Tls(problem) => f.write_str(problem),
            Self::Unresolved(url) => write!(f, "{url}: the host cannot be resolved"),
            Self::NotLoopback(url) => write!(
                f,
                "{url} is not on loopback: a load test can take a server down. \
                 If it is yours, say so with --i-own-this-target"
            ),
        }
    }
}

impl std::error::Error for TargetError {}

impl Target {
    pub(crate) fn parse(
        url: &str,
        ca_file: Option<&Path>,
        owned: bool,
    ) -> Result<Self, TargetError> {
        let (rest, default_port, ca_file) = match (url.split_once("://"), ca_file) {
            (Some(("http", rest)), _) => (rest, 80, None),
            (Some(("https", rest)), Some(ca_file)) => (rest, 443, Some(ca_file)),
            _ => return Err(TargetError::Scheme(url.to_owned())),
        };
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let with_port = if has_port(authority) {
            authority.to_owned()
        } else {
            format!("{authority}:{default_port}")
        };
        let addresses: Vec<SocketAddr> = with_port
            .to_socket_addrs()
            .map_err(|_| TargetError::Unresolved(url.to_owned()))?
            .collect();
        let address = *addresses.first().ok_or_else(|| TargetError::Unresolved(url.to_owned()))?;
        if !owned && !addresses.iter().all(|a| a.ip().to_canonical().is_loopback()) {
            return Err(TargetError::NotLoopback(url.to_owned()));
        }
        let host = with_port.rsplit_once(':').map_or(authority, |(host, _)| host);
        let tls = match ca_file.map(|file| (file, Tls::new(host, file))) {
            None => None,
            Some((_, Ok(tls))) => Some(tls),
            Some((file, Err(error))) => {
                return Err(TargetError::Tls(format!("{}: {error}", file.display())));
            }
        };
        Ok(Self {
            tls,
            authority: authority.to_owned(),
            prefix: prefix.trim_end_matches('/').to_owned(),
            address,
        })
    }
}

/// Whether a port follows the host; the colons of an IPv6 address stand in brackets.
fn has_port(authority: &str) -> bool {
    authority.rsplit(']').next().is_some_and(|tail| tail.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_accepted_unasked() {
        for url in ["http://127.0.0.1:9091", "http://[::1]:9091/", "http://127.3.2.1:80/prefix"] {
            assert!(Target::parse(url, None, false).is_ok(), "{url}");
        }
        for url in ["http://192.0.2.1:9091", "http://0.0.0.0:9091", "http://[2001:db8::1]:80"] {
            assert!(
                matches!(Target::parse(url, None, false), Err(TargetError::NotLoopback(_))),
                "{url}"
            );
            assert!(Target::parse(url, None, true).is_ok(), "{url}");
        }
        assert!(matches!(Target::parse("127.0.0.1:1", None, false), Err(TargetError::Scheme(_))));
    }

    #[test]
    fn the_prefix_loses_its_last_slash() {
        let target = Target::parse("http://127.0.0.1/a/b/", None, false).expect("valid");
        assert_eq!((target.prefix.as_str(), target.address.port()), ("/a/b", 80));
    }
}
