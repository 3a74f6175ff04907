//! Whether a form was sent from one of our pages, by the visitor that the page was made for.
//!
//! Two checks have to pass. The form brings the token of its sender, which no page of another site can read. And if the
//! browser says which site the form comes from, it names this one. The browsers of today need only the second check;
//! the first protects the users of any browser.

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderName, ORIGIN};

use crate::http::api::sd::external_url;
use crate::http::ui::error_page::PageError;
use crate::http::ui::site::Visitor;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl Visitor<'_> {
    /// Goes on only with a form that is ours.
    pub(super) fn must_be_ours(&self, token: &str) -> Result<(), PageError> {
        if !self.site.tokens.is_token(&self.name, token) {
            return Err(PageError::NotOurs);
        }
        if comes_from_here(self.headers, external_url(&self.site.config)) {
            return Ok(());
        }
        Err(other_host(self.headers).unwrap_or(PageError::NotOurs))
    }
}

/// A form with the right token whose browser names another host than the request: a proxy has probably changed `Host`.
fn other_host(headers: &HeaderMap) -> Option<PageError> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::to_owned);
    let origin = text(ORIGIN).filter(|origin| origin.contains("://"));
    let origin = origin.filter(|_| !headers.contains_key(SEC_FETCH_SITE))?;
    Some(PageError::OtherHost { origin, host: text(HOST)? })
}

/// Whether a form may come from one of our pages, by its headers. `external_url` is our URL as seen from outside.
pub(crate) fn comes_from_here(headers: &HeaderMap, external_url: &str) -> bool {
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
    fn a_host_that_a_proxy_has_changed_is_named_with_the_flag_that_helps() {
        let told = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            other_host(&pairs.collect())
        };
        let (host, origin) = (("host", "127.0.0.1:9091"), ("origin", "http://push.example.org"));
        assert!(matches!(
            told(&[host, origin]),
            Some(PageError::OtherHost { origin, host })
                if origin == "http://push.example.org" && host == "127.0.0.1:9091"
        ));
        assert!(told(&[host, origin, ("sec-fetch-site", "cross-site")]).is_none());
        assert!(told(&[host, ("origin", "null")]).is_none() && told(&[host]).is_none());
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
