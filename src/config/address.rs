//! Listen addresses: TCP addresses as Go programs write them, unix sockets and vsock.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Tcp {
        /// A host name or IP address; `None` for all of IPv4 and IPv6.
        host: Option<String>,
        /// The port; 0 for any that is free.
        port: u16,
    },
    /// A socket between a host and its virtual machines.
    Vsock {
        /// The number of this machine, where it has more than one; `None` for any.
        cid: Option<u32>,
        /// The port.
        port: u32,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        if let Some(path) = text.strip_prefix("unix://") {
            let is_absolute = path.starts_with('/') && !path.contains('\0');
            return if is_absolute {
                Ok(Address::Unix(path.into()))
            } else {
                Err(format!("{text:?} has no absolute path: write unix:///PATH"))
            };
        }
        if let Some(place) = text.strip_prefix("vsock://") {
            return vsock(place).ok_or_else(|| {
                format!("{text:?} is not a vsock address: write vsock://:PORT or vsock://CID:PORT")
            });
        }
        tcp(text)
    }
}

fn vsock(place: &str) -> Option<Address> {
    let (cid, port) = place.rsplit_once(':')?;
    let cid = if cid.is_empty() { None } else { Some(cid.parse().ok()?) };
    Some(Address::Vsock { cid, port: port.parse().ok()? })
}

fn tcp(text: &str) -> Result<Address, String> {
    let (host, port) = text
        .rsplit_once(':')
        .ok_or_else(|| format!("{text:?} has no port: write HOST:PORT or :PORT"))?;
    let port = port
        .parse()
        .map_err(|_| format!("{port:?} is not a port: expected a number from 0 to 65535"))?;
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) => inner,
        None if host.contains(':') => {
            return Err(format!("{text:?}: write an IPv6 address in brackets, as in [::1]:9091"));
        }
        None => host,
    };
    Ok(Address::Tcp { host: Some(host.to_owned()).filter(|host| !host.is_empty()), port })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host: None, port } => write!(f, ":{port}"),
            Address::Tcp { host: Some(host), port } if host.contains(':') => {
                write!(f, "[{host}]:{port}")
            }
            Address::Tcp { host: Some(host), port } => write!(f, "{host}:{port}"),
            Address::Vsock { cid: None, port } => write!(f, "vsock://:{port}"),
            Address::Vsock { cid: Some(cid), port } => write!(f, "vsock://{cid}:{port}"),
            Address::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_as_go_does() {
        for text in [
            ":9091",
            "localhost:0",
            "127.0.0.1:80",
            "[::1]:9091",
            "vsock://:9091",
            "vsock://3:4294967295",
            "unix:///run/shardgate.sock",
        ] {
            assert_eq!(
                text.parse::<Address>().map(|address| address.to_string()).as_deref(),
                Ok(text)
            );
        }
        assert_eq!(":9091".parse(), Ok(Address::Tcp { host: None, port: 9091 }));
        assert_eq!("vsock://:9".parse(), Ok(Address::Vsock { cid: None, port: 9 }));
        for bad in [
            "9091",
            "localhost",
            ":99999",
            ":http",
            "::1:9091",
            "",
            "vsock://9091",
            "vsock://:",
            "vsock://a:1",
            "vsock://:4294967296",
            "unix://",
            "unix://relative",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
