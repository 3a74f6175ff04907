//! The prefixes of paths: of requests as the gateway gets them, and of its address as clients see it.

use std::net::Ipv6Addr;

use crate::percent;

/// Reads a prefix of all paths: it begins with a slash and does not end with one, and is empty where there is
/// none.
///
/// # Errors
/// When no request could have it.
pub(super) fn route_prefix(text: &str) -> Result<String, String> {
    let path = text.trim_matches('/');
    if path.is_empty() {
        return Ok(String::new());
    }
    if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err("expected a path such as /push, without empty segments and dots".to_owned());
    }
    Ok(format!("/{path}"))
}

/// The path of the URL under which the gateway is reached from outside, as a prefix. One that is a host
/// and a port only says nothing of a path.
///
/// # Errors
/// When it is not the URL of an HTTP server.
pub(super) fn external_prefix(url: &str) -> Result<String, String> {
    const EXPECTED: &str = "expected a URL such as https://example.org/push";
    let is_bare = || !url.contains('/') && has_port(url) && is_host(url);
    if url.is_empty() || is_bare() {
        return Ok(String::new());
    }
    let behind = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let behind = behind.ok_or(EXPECTED)?;
    let behind = behind.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    if !is_host(host) {
        return Err(EXPECTED.to_owned());
    }
    let path = percent::decode(path.as_bytes()).ok_or(EXPECTED)?;
    route_prefix(str::from_utf8(&path).map_err(|_| EXPECTED)?)
}

/// Whether a text is a host, with a port or without. An IPv6 address stands in brackets.
pub(super) fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(address) => {
            let Some((address, port)) = address.split_once(']') else { return false };
            if address.split('%').next().is_none_or(|address| address.parse::<Ipv6Addr>().is_err())
            {
                return false;
            }
            (address, port)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_port = |port: &str| {
        port.strip_prefix(':')
            .is_some_and(|digits| digits.is_empty() || digits.parse::<u16>().is_ok())
    };
    let is_odd = |char: char| char.is_whitespace() || "[]/\\?#@<>^`{|}\"".contains(char);
    !host.is_empty() && !host.contains(is_odd) && (port.is_empty() || is_port(port))
}

/// Whether a host has a port behind it.
fn has_port(text: &str) -> bool {
    let port = text.rsplit_once(':').map_or("", |(_, port)| port);
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_begins_with_a_slash_and_does_not_end_with_one() {
        for (text, prefix) in
            [("", ""), ("/", ""), ("a", "/a"), ("/a/", "/a"), ("/a/b//", "/a/b"), ("/..a", "/..a")]
        {
            assert_eq!(route_prefix(text).as_deref(), Ok(prefix), "{text}");
        }
        for bad in ["/a//b", "/a/./b", ".."] {
            assert!(route_prefix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_path_of_the_external_url_is_a_prefix() {
        for (url, prefix) in [
            ("", ""),
            ("http://h", ""),
            ("https://h:1/", ""),
            ("https://h/a/b/?q#f", "/a/b"),
            ("https://h/a%20%C3%a9", "/a \u{e9}"),
            ("http://u:p@[::1]:9/x", "/x"),
            ("localhost:9091", ""),
        ] {
            assert_eq!(external_prefix(url).as_deref(), Ok(prefix), "{url}");
        }
        for bad in [
            "/a",
            "h",
            "ftp://h/a",
            "http://",
            "http:///a",
            "http://:80/a",
            "h:80/a",
            ":80",
            "http://h/%",
            "http://h/%+f",
            "http://h/%ff",
            "http://[::1",
            "http://[::1/a",
            "http://[x]:1/a",
            "http://h:port/a",
            "http://h:65536",
            "http://a b/c",
            "[::1:9091",
        ] {
            assert!(external_prefix(bad).is_err(), "{bad}");
        }
    }
}
