//! The prefixes of paths: of requests as the gateway gets them, and of its address as clients see it.

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
    let is_bare = !url.contains('/')
        && url.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        });
    if url.is_empty() || is_bare {
        return Ok(String::new());
    }
    let behind = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let behind = behind.ok_or(EXPECTED)?;
    let behind = behind.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') || host.contains(char::is_whitespace) {
        return Err(EXPECTED.to_owned());
    }
    let path = percent::decode(path.as_bytes()).ok_or(EXPECTED)?;
    route_prefix(str::from_utf8(&path).map_err(|_| EXPECTED)?)
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
        ] {
            assert!(external_prefix(bad).is_err(), "{bad}");
        }
    }
}
