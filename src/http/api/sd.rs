//! HTTP service discovery: the targets that Prometheus scrapes.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::HOST;
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use serde_json::json;

use super::json::reply;
use crate::config::Config;
use crate::http::reply::{Reply, error};

/// One list of targets, all reached in the same way.
#[derive(Debug, PartialEq, Eq)]
struct Discovered {
    /// Each `HOST:PORT`.
    targets: Vec<String>,
    scheme: &'static str,
    /// What their paths begin with.
    prefix: String,
}

/// What service discovery needs.
#[derive(Debug)]
pub(crate) struct Discovery {
    pub(crate) config: Arc<Config>,
    pub(crate) is_tls: bool,
}

impl Discovery {
    /// The gateways that the flags name; else this one, under its external URL or as it was asked for.
    pub(crate) fn answer(&self, head: &Parts) -> Reply {
        let web = &self.config.web;
        let scheme = if self.is_tls { "https" } else { "http" };
        let named = Discovered {
            targets: web.sd_targets.clone(),
            scheme,
            prefix: web.route_prefix.clone(),
        };
        let external = || at_url(external_url(&self.config), scheme, &web.external_prefix);
        let found = Some(named).filter(|named| !named.targets.is_empty()).or_else(external);
        let Some(found) = found.or_else(|| as_asked(head, scheme, &web.route_prefix)) else {
            let reason = "the Host header is not one that Prometheus could scrape: name this gateway with --web.external-url or --web.sd-target";
            return error(StatusCode::BAD_REQUEST, reason);
        };
        let path = found.prefix + &web.telemetry_path;
        let labels = json!({ "__scheme__": found.scheme, "__metrics_path__": path });
        reply(StatusCode::OK, &json!([{ "targets": found.targets, "labels": labels }]))
    }
}

/// `--web.external-url`, under which the gateway is reached from outside; empty if it is not set.
pub(crate) fn external_url(config: &Config) -> &str {
    &config.web.external_url
}

/// A valid external URL; one without a scheme is reached as this gateway is.
fn at_url(url: &str, own_scheme: &'static str, prefix: &str) -> Option<Discovered> {
    let (scheme, behind) = match url.split_once("://") {
        Some(("https", behind)) => ("https", behind),
        Some((_, behind)) => ("http", behind),
        None => (own_scheme, url),
    };
    let authority = behind.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    Some(Discovered { targets: vec![target(host, scheme)?], scheme, prefix: prefix.to_owned() })
}

/// The host that a request is for.
fn as_asked(head: &Parts, scheme: &'static str, prefix: &str) -> Option<Discovered> {
    let host = match head.uri.authority() {
        Some(authority) => authority.as_str(),
        None => head.headers.get(HOST)?.to_str().ok()?,
    };
    Some(Discovered { targets: vec![target(host, scheme)?], scheme, prefix: prefix.to_owned() })
}

/// With the port that the scheme implies, where there is none.
fn target(host: &str, scheme: &str) -> Option<String> {
    let authority: Authority = host.parse().ok()?;
    if authority.host().is_empty() || authority.as_str().contains('@') {
        return None;
    }
    let implied = if scheme == "https" { 443 } else { 80 };
    let port = match authority.port() {
        Some(port) => Some(port.as_u16()),
        None => (authority.as_str() == authority.host()).then_some(implied),
    };
    Some(format!("{}:{}", authority.host(), port?))
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    #[test]
    fn an_external_url_says_where_and_how() {
        for (url, scheme, expected) in [
            ("https://push.example.org/gate", "https", "push.example.org:443"),
            ("http://u:p@[::1]:9?q", "http", "[::1]:9"),
            ("http://h", "http", "h:80"),
            ("h:9091", "https", "h:9091"),
        ] {
            let found = at_url(url, "https", "/gate").expect(url);
            assert_eq!((found.scheme, &*found.targets), (scheme, &[expected.to_owned()][..]));
            assert_eq!(found.prefix, "/gate");
        }
        assert_eq!(at_url("", "http", ""), None);
    }

    #[test]
    fn a_host_that_is_none_is_not_told() {
        let asked = |host: &str| {
            let request = Request::builder().uri("/api/v1/sd").header("host", host);
            let (head, ()) = request.body(()).expect("a request").into_parts();
            as_asked(&head, "http", "").map(|found| found.targets.concat())
        };
        assert_eq!(asked("node-1:9091").as_deref(), Some("node-1:9091"));
        assert_eq!(asked("node-1").as_deref(), Some("node-1:80"));
        for none in ["", "a b", "u@h", "h:port", "h:99999", "h/x", ":9091"] {
            assert_eq!(asked(none), None, "{none}");
        }
        let (head, ()) = Request::new(()).into_parts();
        assert_eq!(as_asked(&head, "http", ""), None);
    }
}
