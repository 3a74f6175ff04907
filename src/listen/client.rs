//! The client of a connection: its address and its certificate.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

/// A client, as its connection shows it.
#[derive(Debug, Clone)]
pub struct Client {
    /// Where it connects from.
    pub source: Source,
    /// The certificate it has shown, if an authority that is trusted has signed it.
    pub certificate: Option<Arc<ClientCertificate>>,
}

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Another host, or this one.
    Ip(SocketAddr),
    /// A process on this host, through a unix socket.
    Unix,
    /// A virtual machine, or its host.
    Vsock {
        /// The machine's number.
        cid: u32,
        /// The client's port there.
        port: u32,
    },
}

impl Source {
    /// The host that it is.
    pub(crate) fn host(self) -> Option<IpAddr> {
        match self {
            Source::Ip(address) => Some(address.ip()),
            Source::Unix | Source::Vsock { .. } => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Ip(address) => address.fmt(f),
            Source::Unix => f.write_str("unix"),
            Source::Vsock { cid, port } => write!(f, "vsock://{cid}:{port}"),
        }
    }
}

/// Reads what [`Source`] is shown as.
impl FromStr for Source {
    type Err = ();

    fn from_str(text: &str) -> Result<Source, ()> {
        if text == "unix" {
            return Ok(Source::Unix);
        }
        let Some(vsock) = text.strip_prefix("vsock://") else {
            return text.parse().map(Source::Ip).map_err(drop);
        };
        let (cid, port) = vsock.split_once(':').ok_or(())?;
        let number = |text: &str| text.parse().map_err(drop);
        Ok(Source::Vsock { cid: number(cid)?, port: number(port)? })
    }
}

/// The names in the certificate of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The common name of its subject.
    pub common_name: Option<String>,
    /// Its alternative names: hosts, mail addresses, IP addresses and URIs, each as text.
    pub alternative_names: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_as_it_is_shown() {
        for text in ["127.0.0.1:80", "[::1]:9", "unix", "vsock://3:1024"] {
            assert_eq!(
                text.parse::<Source>().map(|source| source.to_string()).as_deref(),
                Ok(text)
            );
        }
        for text in ["", "127.0.0.1", "vsock://3", "vsock://a:1", "Unix"] {
            assert_eq!(text.parse::<Source>(), Err(()), "{text}");
        }
    }
}
