//! Whether a form is one of ours, sent from one of our pages by whom the page was made for.
//!
//! Two things have to be so: the form brings the token of its sender, which no page of another site can read, and
//! the browser, where it says from where a form comes, says from here. The second alone would do with the browsers of
//! today; the first does with any.

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderName, ORIGIN};

use super::Visitor;
use crate::http::Http;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl Http {
    /// Whether the form may be acted upon. `external_url` is where we are reached from outside.
    pub(super) fn is_ours(&self, visitor: &Visitor<'_>, token: &str) -> bool {
        comes_from_here(visitor.headers, self.external_url())
            && self.forms.tokens.is_token(&visitor.name, token)
    }
}

/// Whether the headers leave it open that one of our pages has sent the form.
fn comes_from_here(headers: &HeaderMap, external_url: &str) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    if let Some(site) = text(SEC_FETCH_SITE) {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(ORIGIN) else {
        return true; // No browser, or one of long ago: the token decides.
    };
    // Behind a proxy the host may be another than the browser knows.
    let authority = |url: &str| {
        let behind = url.split_once("://")?.1;
        Some(behind.split(['/', '?', '#']).next()?.to_ascii_lowercase())
    };
    let host = text(HOST).map(str::to_ascii_lowercase);
    let origin = authority(origin);
    origin.is_some() && (origin == host || origin == authority(external_url))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn from_here(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        comes_from_here(&headers, "https://push.example.org/gate/")
    }

    #[test]
    fn forms_of_other_sites_are_told_by_their_headers() {
        let host = ("host", "h:9091");
        for ours in [
            &[host][..],
            &[host, ("origin", "http://h:9091")],
            &[host, ("origin", "http://H:9091")],
            &[host, ("origin", "https://push.example.org")],
            &[host, ("origin", "null"), ("sec-fetch-site", "same-origin")],
            &[host, ("sec-fetch-site", "none")],
        ] {
            assert!(from_here(ours), "{ours:?}");
        }
        for others in [
            &[host, ("origin", "http://h")][..],
            &[host, ("origin", "http://h:9091.evil.example")],
            &[host, ("origin", "null")],
            &[host, ("origin", "")],
            &[("origin", "http://h:9091")],
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("origin", "http://h:9091"), ("sec-fetch-site", "same-site")],
        ] {
            assert!(!from_here(others), "{others:?}");
        }
    }
}
