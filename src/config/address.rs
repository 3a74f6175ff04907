//! Listen addresses as Go programs write them.

use std::fmt;
use std::str::FromStr;

/// Where to listen: a host, or every address of the machine, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A host name or IP address; `None` for all of IPv4 and IPv6.
    pub host: Option<String>,
    /// The port; 0 for any that is free.
    pub port: u16,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| format!("{text:?} has no port: write HOST:PORT or :PORT"))?;
        let port = port
            .parse()
            .map_err(|_| format!("{port:?} is not a port: expected a number from 0 to 65535"))?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inner) => inner,
            None if host.contains(':') => {
                return Err(format!(
                    "{text:?}: write an IPv6 address in brackets, as in [::1]:9091"
                ));
            }
            None => host,
        };
        Ok(Address { host: Some(host.to_owned()).filter(|host| !host.is_empty()), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            None => write!(f, ":{}", self.port),
            Some(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            Some(host) => write!(f, "{host}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_as_go_does() {
        for text in [":9091", "localhost:0", "127.0.0.1:80", "[::1]:9091"] {
            assert_eq!(
                text.parse::<Address>().map(|address| address.to_string()).as_deref(),
                Ok(text)
            );
        }
        assert_eq!(":9091".parse::<Address>().map(|address| address.host), Ok(None));
        for bad in ["9091", "localhost", ":99999", ":http", "::1:9091", ""] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
