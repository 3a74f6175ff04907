//! Whose a request is: a match over the path and the method.

use std::borrow::Cow;

use hyper::Method;
use memchr::memchr;

use crate::http::ui;
use crate::percent;
use crate::shard::Mode;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) enum Route<'a> {
    /// A push; the tail is what follows `/metrics/job`, percent-decoded.
    Push {
        mode: Mode,
        tail: Cow<'a, [u8]>,
    },
    /// To forget a group.
    Delete {
        tail: Cow<'a, [u8]>,
    },
    Scrape,
    /// A page for people.
    Page(ui::Page),
    /// Something that one of them sends.
    Form(ui::Form),
    Healthy,
    Ready,
    Quit,
    /// GET of `/-/quit`, which the reference answers with words of its own.
    QuitByGet,
    Wipe,
    /// To put a group in its place, with its times; the tail is what follows `/job`.
    Place {
        tail: Cow<'a, [u8]>,
    },
    ApiStatus,
    ApiMetrics,
    ApiGroups,
    /// To forget the groups that a query is about.
    ApiDeleteGroups,
    ApiHistory,
    ApiCheck,
    ApiSd,
    ApiOptions,
    /// OPTIONS of a path that exists, with the methods it allows.
    Options(&'static str),
    MethodNotAllowed(&'static str),
    /// To the same path, spelled otherwise.
    Redirect(String),
    NotFound,
    /// The path is not percent-encoded properly.
    BadPath,
}

impl Route<'_> {
    /// Whether pages of other sites may read the answer: those of the query API, as in the reference, which leaves out
    /// the wipe and what is not there.
    pub(in crate::http) fn is_query(&self) -> bool {
        matches!(
            self,
            Route::ApiStatus
                | Route::ApiMetrics
                | Route::ApiGroups
                | Route::ApiDeleteGroups
                | Route::ApiHistory
                | Route::ApiCheck
                | Route::ApiSd
                | Route::ApiOptions
        )
    }
}

pub(in crate::http) const GET: &str = "GET, OPTIONS";
const PUSH: &str = "DELETE, OPTIONS, POST, PUT";
pub(in crate::http) const QUIT: &str = "GET, OPTIONS, POST, PUT";
const GROUPS: &str = "DELETE, GET, OPTIONS";
const CHECK: &str = "OPTIONS, POST";
const FORM: &str = "OPTIONS, POST";
const PAGE_AND_FORM: &str = "GET, OPTIONS, POST";
const WIPE: &str = "OPTIONS, PUT";
const PLACE: &str = "OPTIONS, PUT";

/// What the paths of groups begin with for who administers.
const PLACES: &[u8] = b"/api/v1/admin/groups/job";

/// Routes a request. `path` is as it came, without the query.
pub(in crate::http) fn route<'a>(
    method: &Method,
    path: &'a str,
    telemetry_path: &str,
    enable_admin_api: bool,
) -> Route<'a> {
    match percent::decode(path.as_bytes()) {
        Some(decoded) => route_decoded(method, decoded, telemetry_path, enable_admin_api),
        None => Route::BadPath,
    }
}

/// Routes a request whose path has no percent-encoding any more.
pub(in crate::http) fn route_decoded<'a>(
    method: &Method,
    decoded: Cow<'a, [u8]>,
    telemetry_path: &str,
    enable_admin_api: bool,
) -> Route<'a> {
    if let Some(tail) = push_tail(&decoded) {
        let start = decoded.len() - tail.len();
        let tail = match decoded {
            Cow::Borrowed(whole) => Cow::Borrowed(&whole[start..]),
            Cow::Owned(mut whole) => Cow::Owned(whole.split_off(start)),
        };
        return match *method {
            _ if has_dot_segment(&tail) => redirect_cleaned(&[b"/metrics/job", &tail[..]].concat()),
            Method::PUT => Route::Push { mode: Mode::Replace, tail },
            Method::POST => Route::Push { mode: Mode::Add, tail },
            Method::DELETE => Route::Delete { tail },
            // Without a job there is nothing here, which a push is told in words.
            _ if matches!(&tail[..], b"/" | b"@base64/") => Route::NotFound,
            Method::OPTIONS => Route::Options(PUSH),
            _ => Route::MethodNotAllowed(PUSH),
        };
    }
    if enable_admin_api
        && let Some(tail) = decoded.strip_prefix(PLACES)
        && names_job(tail)
    {
        return match *method {
            Method::OPTIONS => Route::ApiOptions,
            Method::PUT if has_dot_segment(tail) => redirect_cleaned(&decoded),
            Method::PUT => Route::Place { tail: tail.to_vec().into() },
            _ => Route::MethodNotAllowed(PLACE),
        };
    }
    if has_dot_segment(&decoded) || has_empty_segment(&decoded) {
        return redirect_cleaned(&decoded);
    }
    let get = |route: Route<'a>| match *method {
        Method::GET => route,
        Method::OPTIONS => Route::Options(GET),
        _ => Route::MethodNotAllowed(GET),
    };
    match &*decoded {
        path if path == telemetry_path.as_bytes() => get(Route::Scrape),
        b"/-/healthy" => get(Route::Healthy),
        b"/-/ready" => get(Route::Ready),
        b"/-/quit" => match *method {
            Method::PUT | Method::POST => Route::Quit,
            Method::GET => Route::QuitByGet,
            Method::OPTIONS => Route::Options(QUIT),
            _ => Route::MethodNotAllowed(QUIT),
        },
        b"/api/v1" => Route::Redirect("/api/v1/".to_owned()),
        path if path.starts_with(b"/api/v1/") && method == Method::OPTIONS => Route::ApiOptions,
        b"/api/v1/status" => get(Route::ApiStatus),
        b"/api/v1/metrics" => get(Route::ApiMetrics),
        b"/api/v1/groups" => match *method {
            Method::GET => Route::ApiGroups,
            Method::DELETE if enable_admin_api => Route::ApiDeleteGroups,
            Method::DELETE => Route::NotFound,
            _ => Route::MethodNotAllowed(if enable_admin_api { GROUPS } else { GET }),
        },
        b"/api/v1/history" => get(Route::ApiHistory),
        b"/api/v1/sd" => get(Route::ApiSd),
        b"/api/v1/check" => match *method {
            Method::POST => Route::ApiCheck,
            _ => Route::MethodNotAllowed(CHECK),
        },
        b"/api/v1/admin/wipe" if enable_admin_api => match *method {
            Method::PUT => Route::Wipe,
            _ => Route::MethodNotAllowed(WIPE),
        },
        path => page(method, path, telemetry_path),
    }
}

/// Pages for people, and those of everything that a slash too many is forgiven for.
fn page(method: &Method, path: &[u8], telemetry_path: &str) -> Route<'static> {
    match (ui::page(path), ui::form(path)) {
        (Some(page), _) if method == Method::GET => Route::Page(page),
        (_, Some(form)) if method == Method::POST => Route::Form(form),
        (Some(_), Some(_)) if method == Method::OPTIONS => Route::Options(PAGE_AND_FORM),
        (Some(_), Some(_)) => Route::MethodNotAllowed(PAGE_AND_FORM),
        (Some(_), None) if method == Method::OPTIONS => Route::Options(GET),
        (Some(_), None) => Route::MethodNotAllowed(GET),
        (None, Some(_)) if method == Method::OPTIONS => Route::Options(FORM),
        (None, Some(_)) => Route::MethodNotAllowed(FORM),
        (None, None) => match path.strip_suffix(b"/") {
            Some(path) if is_page(path, telemetry_path) && method == Method::GET => {
                Route::Redirect(String::from_utf8_lossy(path).into_owned())
            }
            _ => Route::NotFound,
        },
    }
}

/// The paths that a slash too many is forgiven for.
fn is_page(path: &[u8], telemetry_path: &str) -> bool {
    let pages: [&[u8]; 7] =
        [b"/status", b"/groups", b"/jobs", b"/check", b"/-/healthy", b"/-/ready", b"/-/quit"];
    path == telemetry_path.as_bytes() || pages.contains(&path)
}

/// What follows `/metrics/job` in a push path. Slashes too many are overlooked up to there; behind it
/// they matter, since they stand for empty values that somebody meant.
fn push_tail(path: &[u8]) -> Option<&[u8]> {
    fn segment<'p>(path: &'p [u8], name: &[u8]) -> Option<&'p [u8]> {
        let slashes = path.iter().take_while(|&&byte| byte == b'/').count();
        (slashes > 0).then(|| path[slashes..].strip_prefix(name))?
    }
    let tail = segment(segment(path, b"metrics")?, b"job")?;
    names_job(tail).then_some(tail)
}

/// Whether what follows `job` goes on to name one.
fn names_job(tail: &[u8]) -> bool {
    tail.starts_with(b"/") || tail.starts_with(b"@base64/")
}

pub(in crate::http) fn has_empty_segment(path: &[u8]) -> bool {
    path.windows(2).any(|pair| pair == b"//")
}

pub(in crate::http) fn has_dot_segment(path: &[u8]) -> bool {
    memchr(b'.', path).is_some() && path.split(|&byte| byte == b'/').any(is_dots)
}

fn is_dots(segment: &[u8]) -> bool {
    segment == b"." || segment == b".."
}

/// To the path without empty segments and dots, as the reference sends it.
pub(in crate::http) fn redirect_cleaned(path: &[u8]) -> Route<'static> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for segment in path.split(|&byte| byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let mut location = String::new();
    for segment in &kept {
        location.push('/');
        location += &percent::encode(segment);
    }
    if kept.is_empty() || path.ends_with(b"/") {
        location.push('/');
    }
    Route::Redirect(location)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(method: &str, path: &str) -> String {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        match route(&method, path, "/metrics", true) {
            Route::Push { mode, tail } => format!("{mode:?} {}", String::from_utf8_lossy(&tail)),
            Route::Delete { tail } => format!("Delete {}", String::from_utf8_lossy(&tail)),
            Route::Place { tail } => format!("Place {}", String::from_utf8_lossy(&tail)),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn pushes_are_told_by_their_path_and_method() {
        assert_eq!(at("PUT", "/metrics/job/a"), "Replace /a");
        assert_eq!(at("POST", "/metrics/job@base64/YQ/x/1"), "Add @base64/YQ/x/1");
        assert_eq!(at("DELETE", "/metrics/job/a%2Fb"), "Delete /a/b");
        assert_eq!(at("PUT", "/%6Detrics/job%40base64/YQ"), "Replace @base64/YQ");
        assert_eq!(
            at("GET", "/metrics/job/a"),
            r#"MethodNotAllowed("DELETE, OPTIONS, POST, PUT")"#
        );
        assert_eq!(at("PUT", "/metrics/jobs/a"), "NotFound");
        assert_eq!(at("PUT", "/metrics/job"), "NotFound");
        assert_eq!(at("PUT", "/metrics/job/"), "Replace /");
        assert_eq!(at("GET", "/metrics/job/"), "NotFound");
        for bad in ["/metrics/job/a%", "/metrics/job/a%4", "/metrics/job/a%zz", "/%"] {
            assert_eq!(at("PUT", bad), "BadPath");
        }
    }

    #[test]
    fn slashes_too_many_are_overlooked_before_the_job_only() {
        assert_eq!(at("PUT", "//metrics/job/a"), "Replace /a");
        assert_eq!(at("PUT", "/metrics///job/a"), "Replace /a");
        assert_eq!(at("PUT", "/metrics/job//a"), "Replace //a");
        assert_eq!(at("GET", "//metrics"), r#"Redirect("/metrics")"#);
    }

    #[test]
    fn paths_with_dots_are_redirected() {
        assert_eq!(at("PUT", "/metrics/job/a/../b%20c"), r#"Redirect("/metrics/job/b%20c")"#);
        assert_eq!(at("GET", "/./status"), r#"Redirect("/status")"#);
        assert_eq!(at("PUT", "/metrics/job/..a"), "Replace /..a");
    }

    #[test]
    fn everything_else_has_one_path() {
        assert_eq!(at("GET", "/metrics"), "Scrape");
        assert_eq!(at("HEAD", "/metrics"), r#"MethodNotAllowed("GET, OPTIONS")"#);
        assert_eq!(at("GET", "/metrics/"), r#"Redirect("/metrics")"#);
        assert_eq!(at("POST", "/-/quit"), "Quit");
        assert_eq!(at("GET", "/-/quit"), "QuitByGet");
        assert_eq!(at("OPTIONS", "/api/v1/anything"), "ApiOptions");
        assert_eq!(at("GET", "/api/v1/history"), "ApiHistory");
        assert_eq!(at("GET", "/api/v1/sd"), "ApiSd");
        assert_eq!(at("POST", "/api/v1/check"), "ApiCheck");
        assert_eq!(at("GET", "/api/v1/check"), r#"MethodNotAllowed("OPTIONS, POST")"#);
        assert_eq!(at("PUT", "/api/v1/admin/wipe"), "Wipe");
        assert_eq!(at("PUT", "/api/v1/admin/groups/job/a%2Fb"), "Place /a/b");
        assert_eq!(at("PUT", "/api/v1/admin/groups/job@base64/YQ/x/"), "Place @base64/YQ/x/");
        assert_eq!(at("POST", "/api/v1/admin/groups/job/a"), r#"MethodNotAllowed("OPTIONS, PUT")"#);
        assert_eq!(at("OPTIONS", "/api/v1/admin/groups/job/a"), "ApiOptions");
        assert_eq!(at("PUT", "/api/v1/admin/groups/jobs/a"), "NotFound");
        let place = "/api/v1/admin/groups/job/a";
        assert_eq!(route(&Method::PUT, place, "/metrics", false), Route::NotFound);
        assert_eq!(at("GET", "/api/v1/groups"), "ApiGroups");
        assert_eq!(at("DELETE", "/api/v1/groups"), "ApiDeleteGroups");
        assert_eq!(at("PUT", "/api/v1/groups"), r#"MethodNotAllowed("DELETE, GET, OPTIONS")"#);
        assert_eq!(route(&Method::DELETE, "/api/v1/groups", "/metrics", false), Route::NotFound);
        assert_eq!(route(&Method::PUT, "/api/v1/admin/wipe", "/metrics", false), Route::NotFound);
        assert_eq!(route(&Method::GET, "/m", "/m", false), Route::Scrape);
        assert_eq!(route(&Method::GET, "/metrics", "/m", false), Route::NotFound);
    }
}
