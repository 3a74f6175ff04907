//! Where a gateway is asked, as a person writes it.

use std::fmt;
use std::str::FromStr;

use super::Address;

const EXPECTED: &str = "expected a URL such as http://127.0.0.1:9091 or unix:///run/shardgate.sock";

/// A gateway, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayUrl {
    /// Where it listens: a TCP address with a host, or a unix socket.
    pub address: Address,
    /// What its paths begin with, without a slash at its end, as it stands in a request; empty for nothing.
    pub prefix: String,
}

impl FromStr for GatewayUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<GatewayUrl, String> {
        if text.starts_with("unix://") {
            return Ok(GatewayUrl { address: text.parse()?, prefix: String::new() });
        }
        let behind = text.strip_prefix("http://").ok_or(EXPECTED)?;
        let (authority, path) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let address =
            if has_port { authority.parse()? } else { format!("{authority}:80").parse()? };
        match address {
            Address::Tcp { host: Some(ref host), .. } if !host.contains(['@', '?', '#', ' ']) => {
                Ok(GatewayUrl { address, prefix: path.trim_end_matches('/').to_owned() })
            }
            _ => Err(EXPECTED.to_owned()),
        }
    }
}

impl fmt::Display for GatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Tcp { .. } => write!(f, "http://{}{}", self.address, self.prefix),
            other => write!(f, "{other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_shown() {
        for (text, shown) in [
            ("http://127.0.0.1:9091", "http://127.0.0.1:9091"),
            ("http://gateway", "http://gateway:80"),
            ("http://[::1]:9091/push/", "http://[::1]:9091/push"),
            ("http://[::1]", "http://[::1]:80"),
            ("unix:///run/shardgate.sock", "unix:///run/shardgate.sock"),
        ] {
            let url = text.parse::<GatewayUrl>().map(|url| url.to_string());
            assert_eq!(url.as_deref(), Ok(shown), "{text}");
        }
        for bad in [
            "",
            "127.0.0.1:9091",
            "https://gateway",
            "http://",
            "http://:9091",
            "http://a:99999",
            "http://u:p@a:1",
            "http://::1:9091",
            "unix://relative",
            "vsock://:1",
        ] {
            assert!(bad.parse::<GatewayUrl>().is_err(), "{bad}");
        }
    }
}
