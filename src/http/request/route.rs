//! The route of a request: the endpoint that its method and path name. Start at [`Paths::route`].

use std::borrow::Cow;
use std::collections::BTreeSet;

use hyper::Method;

use crate::access::Right;
use crate::http::endpoints::{Call, ENDPOINTS, Endpoint, Exists, Path, Readers};
use crate::http::request::path::{
    Paths, cleaned, from, has_dot_segment, has_empty_segment, has_job, place_tail, push_tail,
    strip_prefix,
};
use crate::own_metrics::Verb;
use crate::percent;

/// What a request asks for.
pub(crate) enum Route<'a> {
    /// An endpoint, and what follows the fixed part of its path, percent-decoded.
    Endpoint(&'static Endpoint, Cow<'a, [u8]>),
    /// OPTIONS of a path that exists, with the methods it allows.
    Options(String),
    MethodNotAllowed(String),
    /// The same path in its usual spelling.
    Redirect(String),
    NotFound,
    /// The path is not percent-encoded properly.
    BadPath,
}

impl Route<'_> {
    /// The right that the request needs, whatever it is about.
    pub(crate) fn right(&self) -> Option<Right> {
        if let Route::Endpoint(endpoint, _) = self { endpoint.right } else { None }
    }

    /// Whether it is a push.
    pub(crate) fn is_push(&self) -> bool {
        matches!(self, Route::Endpoint(endpoint, _) if matches!(endpoint.call, Call::Push(_)))
    }

    /// Whether pages of other sites may read the answer.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Route::Endpoint(endpoint, _) if endpoint.readers == Readers::AnySite)
    }
}

/// Where a path stands as to the prefix.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// There is no prefix.
    Whole,
    Below,
    Outside,
}

impl Paths {
    /// Routes a request. `path` is as it came, without the query.
    pub(crate) fn route<'a>(&self, method: &Method, path: &'a str) -> Route<'a> {
        let Some(decoded) = percent::decode(path.as_bytes()) else { return Route::BadPath };
        if self.prefix.is_empty() {
            return self.find(Scope::Whole, method, decoded);
        }
        if has_dot_segment(&decoded) {
            return Route::Redirect(cleaned(&decoded)); // It may lead out of the prefix.
        }
        let below = match strip_prefix(decoded, self.prefix.as_bytes()) {
            Ok(below) => below,
            Err(whole) if has_empty_segment(&whole) => return Route::Redirect(cleaned(&whole)),
            Err(whole) => {
                return self
                    .pick(Scope::Outside, method, |path| self.tail(path, &whole).is_some())
                    .map_or_else(
                        |route| route,
                        |endpoint| Route::Endpoint(endpoint, Cow::default()),
                    );
            }
        };
        let prefix = || percent::encode(self.prefix.as_bytes());
        if below.is_empty() {
            return if method == Method::GET {
                Route::Redirect(prefix() + "/")
            } else {
                Route::NotFound
            };
        }
        match self.find(Scope::Below, method, below) {
            Route::Redirect(below) => Route::Redirect(prefix() + &below),
            route => route,
        }
    }

    fn find<'a>(&self, scope: Scope, method: &Method, path: Cow<'a, [u8]>) -> Route<'a> {
        // In the paths of groups empty segments mean something.
        let tail = push_tail(&path).map(|tail| (Path::Push, tail.len()));
        let place = || place_tail(&path).filter(|_| self.enable_admin_api);
        if let Some((group, tail_len)) =
            tail.or_else(|| place().map(|tail| (Path::Place, tail.len())))
        {
            return self.find_group(scope, method, group, path.len() - tail_len, path);
        }
        if has_dot_segment(&path) || has_empty_segment(&path) {
            return Route::Redirect(cleaned(&path));
        }
        if &*path == b"/api/v1" {
            return Route::Redirect("/api/v1/".to_owned());
        }
        match self.pick(scope, method, |candidate| self.tail(candidate, &path).is_some()) {
            Ok(endpoint) => {
                let tail_len = self.tail(endpoint.path, &path).map_or(0, <[u8]>::len);
                let start = path.len() - tail_len;
                Route::Endpoint(endpoint, from(path, start))
            }
            Err(Route::NotFound) if method == Method::GET => self.without_slash(&path),
            Err(route) => route,
        }
    }

    fn find_group<'a>(
        &self,
        scope: Scope,
        method: &Method,
        group: Path,
        start: usize,
        path: Cow<'a, [u8]>,
    ) -> Route<'a> {
        let tail = from(path, start);
        if has_dot_segment(&tail) {
            let start =
                if group == Path::Push { "/metrics/job" } else { "/api/v1/admin/groups/job" };
            return Route::Redirect(cleaned(&[start.as_bytes(), &tail].concat()));
        }
        let is_there = |path| path == group || (path == Path::Preflight && group == Path::Place);
        match self.pick(scope, method, is_there) {
            Ok(endpoint) => Route::Endpoint(endpoint, tail),
            // Without a job there is nothing here, but a push gets an error that says so.
            Err(_) if group == Path::Push && !has_job(&tail) => Route::NotFound,
            Err(route) => route,
        }
    }

    /// The endpoint of this method among those at this path; the answer if there is none.
    fn pick(
        &self,
        scope: Scope,
        method: &Method,
        is_there: impl Fn(Path) -> bool,
    ) -> Result<&'static Endpoint, Route<'static>> {
        let (verb, is_head) = (verb(method), *method == Method::HEAD);
        let is_asked = |endpoint: &Endpoint| {
            Some(endpoint.verb) == verb || (is_head && endpoint.answers_head())
        };
        let exists = |endpoint: &Endpoint| match endpoint.exists {
            Exists::Always => scope != Scope::Outside,
            Exists::WithAdminApi => scope != Scope::Outside && self.enable_admin_api,
            Exists::AtRoot => scope != Scope::Below,
        };
        let mut allowed = BTreeSet::new();
        for endpoint in ENDPOINTS.iter().filter(|endpoint| is_there(endpoint.path)) {
            match (is_asked(endpoint), exists(endpoint)) {
                (true, true) => return Ok(endpoint),
                (true, false) if endpoint.exists == Exists::WithAdminApi => {
                    return Err(Route::NotFound);
                }
                (false, true) if endpoint.path != Path::Preflight => {
                    allowed.insert(endpoint.verb.label().to_ascii_uppercase());
                }
                _ => {}
            }
        }
        if allowed.is_empty() {
            return Err(Route::NotFound);
        }
        allowed.insert("OPTIONS".to_owned());
        let allowed = allowed.into_iter().collect::<Vec<_>>().join(", ");
        let is_options = verb == Some(Verb::Options);
        Err(if is_options { Route::Options(allowed) } else { Route::MethodNotAllowed(allowed) })
    }

    /// What follows the fixed part of an endpoint's path, if this path is there. The paths of groups are found before.
    fn tail<'p>(&self, endpoint: Path, path: &'p [u8]) -> Option<&'p [u8]> {
        match endpoint {
            Path::Is(whole) => (path == whole.as_bytes()).then_some(&[]),
            Path::Telemetry => (path == self.telemetry_path.as_bytes()).then_some(&[]),
            Path::Names(start) => path.strip_prefix(start.as_bytes()).filter(|tail| {
                tail.starts_with(b"@base64/") || (tail.starts_with(b"/") && *tail != b"/")
            }),
            Path::Below(start) => path.strip_prefix(start.as_bytes()),
            Path::Preflight => path.starts_with(b"/api/v1/").then_some(&[]),
            Path::Push | Path::Place => None,
        }
    }

    /// Pages and probes are found with a slash too many.
    fn without_slash(&self, path: &[u8]) -> Route<'static> {
        let is_forgiven = |path: &[u8]| {
            let mut rows = ENDPOINTS.iter().filter(|endpoint| endpoint.verb == Verb::Get);
            rows.any(|endpoint| match endpoint.path {
                Path::Is(whole) => path == whole.as_bytes() && !path.starts_with(b"/api/"),
                Path::Telemetry => path == self.telemetry_path.as_bytes(),
                _ => false,
            })
        };
        match path.strip_suffix(b"/") {
            Some(path) if is_forgiven(path) => {
                Route::Redirect(String::from_utf8_lossy(path).into_owned())
            }
            _ => Route::NotFound,
        }
    }
}

fn verb(method: &Method) -> Option<Verb> {
    match *method {
        Method::GET => Some(Verb::Get),
        Method::PUT => Some(Verb::Put),
        Method::POST => Some(Verb::Post),
        Method::DELETE => Some(Verb::Delete),
        Method::OPTIONS => Some(Verb::Options),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::endpoints::Call;

    /// What a request asks for, in a word and the tail of its path.
    fn shown(route: Route<'_>) -> String {
        match route {
            Route::Endpoint(endpoint, tail) => {
                let tail = String::from_utf8_lossy(&tail);
                match endpoint.call {
                    Call::Push(mode) => format!("{mode:?} {tail}"),
                    _ => format!("{:?} {:?} {tail}", endpoint.verb, endpoint.path),
                }
            }
            Route::Options(allowed) => format!("Options({allowed:?})"),
            Route::MethodNotAllowed(allowed) => format!("MethodNotAllowed({allowed:?})"),
            Route::Redirect(path) => format!("Redirect({path:?})"),
            Route::NotFound => "NotFound".to_owned(),
            Route::BadPath => "BadPath".to_owned(),
        }
    }

    fn with(
        prefix: &str,
        telemetry_path: &str,
        is_admin: bool,
        method: &str,
        path: &str,
    ) -> String {
        let (prefix, telemetry_path) = (prefix.to_owned(), telemetry_path.to_owned());
        let paths = Paths { prefix, telemetry_path, enable_admin_api: is_admin };
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        shown(paths.route(&method, path))
    }

    fn at(method: &str, path: &str) -> String {
        with("", "/metrics", true, method, path)
    }

    fn below(method: &str, path: &str) -> String {
        with("/a b/c", "/metrics", true, method, path)
    }

    #[test]
    fn pushes_are_told_by_their_path_and_method() {
        assert_eq!(at("PUT", "/metrics/job/a"), "Replace /a");
        assert_eq!(at("POST", "/metrics/job@base64/YQ/x/1"), "Add @base64/YQ/x/1");
        assert_eq!(at("DELETE", "/metrics/job/a%2Fb"), "Delete Push /a/b");
        assert_eq!(at("PUT", "/%6Detrics/job%40base64/YQ"), "Replace @base64/YQ");
        assert_eq!(
            at("GET", "/metrics/job/a"),
            r#"MethodNotAllowed("DELETE, OPTIONS, POST, PUT")"#
        );
        assert_eq!(at("OPTIONS", "/metrics/job/a"), r#"Options("DELETE, OPTIONS, POST, PUT")"#);
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
        assert_eq!(at("GET", "/metrics"), "Get Telemetry ");
        assert_eq!(at("HEAD", "/metrics"), r#"MethodNotAllowed("GET, OPTIONS")"#);
        assert_eq!(at("HEAD", "/-/healthy"), r#"Get Is("/-/healthy") "#);
        assert_eq!(at("HEAD", "/status"), r#"Get Is("/status") "#);
        assert_eq!(at("HEAD", "/metrics/"), "NotFound");
        assert_eq!(at("HEAD", "/-/quit"), r#"MethodNotAllowed("GET, OPTIONS, POST, PUT")"#);
        assert_eq!(at("HEAD", "/api/v1/groups"), r#"MethodNotAllowed("DELETE, GET, OPTIONS")"#);
        // `Allow` is as in the reference, which answers no HEAD.
        assert_eq!(at("PUT", "/-/ready"), r#"MethodNotAllowed("GET, OPTIONS")"#);
        assert_eq!(at("GET", "/metrics/"), r#"Redirect("/metrics")"#);
        assert_eq!(at("POST", "/-/quit"), r#"Post Is("/-/quit") "#);
        assert_eq!(at("GET", "/-/quit"), r#"Get Is("/-/quit") "#);
        assert_eq!(at("OPTIONS", "/-/quit"), r#"Options("GET, OPTIONS, POST, PUT")"#);
        assert_eq!(at("OPTIONS", "/api/v1/anything"), "Options Preflight ");
        assert_eq!(at("GET", "/api/v1/anything"), "NotFound");
        assert_eq!(at("GET", "/api/v1"), r#"Redirect("/api/v1/")"#);
        assert_eq!(at("GET", "/api/v1/history"), r#"Get Is("/api/v1/history") "#);
        assert_eq!(at("GET", "/api/v1/sd"), r#"Get Is("/api/v1/sd") "#);
        assert_eq!(at("POST", "/api/v1/check"), r#"Post Is("/api/v1/check") "#);
        assert_eq!(at("GET", "/api/v1/check"), r#"MethodNotAllowed("OPTIONS, POST")"#);
        assert_eq!(at("PUT", "/api/v1/admin/wipe"), r#"Put Is("/api/v1/admin/wipe") "#);
        assert_eq!(at("PUT", "/api/v1/admin/groups/job/a%2Fb"), "Put Place /a/b");
        assert_eq!(at("PUT", "/api/v1/admin/groups/job@base64/YQ/x/"), "Put Place @base64/YQ/x/");
        assert_eq!(at("POST", "/api/v1/admin/groups/job/a"), r#"MethodNotAllowed("OPTIONS, PUT")"#);
        assert_eq!(at("OPTIONS", "/api/v1/admin/groups/job/a"), "Options Preflight /a");
        assert_eq!(at("PUT", "/api/v1/admin/groups/jobs/a"), "NotFound");
        assert_eq!(at("GET", "/api/v1/groups"), r#"Get Is("/api/v1/groups") "#);
        assert_eq!(at("DELETE", "/api/v1/groups"), r#"Delete Is("/api/v1/groups") "#);
        assert_eq!(at("PUT", "/api/v1/groups"), r#"MethodNotAllowed("DELETE, GET, OPTIONS")"#);
    }

    #[test]
    fn the_admin_api_and_the_telemetry_path_are_as_configured() {
        let at = |method, path| with("", "/metrics", false, method, path);
        assert_eq!(at("PUT", "/api/v1/admin/groups/job/a"), "NotFound");
        assert_eq!(at("PUT", "/api/v1/admin/wipe"), "NotFound");
        assert_eq!(at("DELETE", "/api/v1/groups"), "NotFound");
        assert_eq!(at("PUT", "/api/v1/groups"), r#"MethodNotAllowed("GET, OPTIONS")"#);
        assert_eq!(with("", "/m", false, "GET", "/m"), "Get Telemetry ");
        assert_eq!(with("", "/m", false, "GET", "/metrics"), "NotFound");
    }

    #[test]
    fn groups_and_jobs_are_where_their_paths_say() {
        assert_eq!(at("GET", "/groups/job/a/x/1"), r#"Get Names("/groups/job") /a/x/1"#);
        assert_eq!(at("GET", "/groups/job@base64/YQ"), r#"Get Names("/groups/job") @base64/YQ"#);
        assert_eq!(at("GET", "/jobs/a"), r#"Get Names("/jobs") /a"#);
        assert_eq!(at("GET", "/jobs@base64/YQ"), r#"Get Names("/jobs") @base64/YQ"#);
        assert_eq!(at("GET", "/static/app.css"), r#"Get Below("/static/") app.css"#);
        for nothing in ["/groups/x", "/groups/jobs/a", "/jobsx", "/x"] {
            assert_eq!(at("GET", nothing), "NotFound", "{nothing}");
        }
        assert_eq!(at("GET", "/groups/delete"), r#"MethodNotAllowed("OPTIONS, POST")"#);
        assert_eq!(at("GET", "/jobs/"), r#"Redirect("/jobs")"#);
        assert_eq!(at("PUT", "/check"), r#"MethodNotAllowed("GET, OPTIONS, POST")"#);
    }

    #[test]
    fn everything_lives_under_the_prefix() {
        assert_eq!(below("PUT", "/a%20b/c/metrics/job/x"), "Replace /x");
        assert_eq!(below("PUT", "/a%20b/%63//metrics/job/x"), "Replace /x");
        assert_eq!(below("GET", "/a%20b/c/"), r#"Get Is("/") "#);
        assert_eq!(below("GET", "/a%20b/c/-/healthy"), r#"Get Is("/-/healthy") "#);
        for path in ["/", "/a%20b", "/a%20b/", "/a%20b/cd", "/metrics", "/metrics/job/x"] {
            assert_eq!(below("GET", path), "NotFound", "{path}");
        }
        assert_eq!(below("GET", "/a%20b/c%"), "BadPath");
    }

    #[test]
    fn redirects_stay_under_it_but_for_dots_that_lead_out() {
        assert_eq!(below("GET", "/a%20b/c"), r#"Redirect("/a%20b/c/")"#);
        assert_eq!(below("PUT", "/a%20b/c"), "NotFound");
        assert_eq!(below("GET", "/a%20b/c/metrics/"), r#"Redirect("/a%20b/c/metrics")"#);
        assert_eq!(below("GET", "/a%20b/c//status"), r#"Redirect("/a%20b/c/status")"#);
        assert_eq!(below("GET", "//a%20b/c/status"), r#"Redirect("/a%20b/c/status")"#);
        assert_eq!(below("GET", "/a%20b/c/../x"), r#"Redirect("/a%20b/x")"#);
        assert_eq!(below("GET", "/a%20b/cd//x"), r#"Redirect("/a%20b/cd/x")"#);
    }

    #[test]
    fn quitting_by_get_is_refused_within_and_without() {
        assert_eq!(below("GET", "/-/quit"), r#"Get Is("/-/quit") "#);
        assert_eq!(below("PUT", "/-/quit"), r#"MethodNotAllowed("GET, OPTIONS")"#);
        let refused = r#"MethodNotAllowed("OPTIONS, POST, PUT")"#;
        assert_eq!(below("GET", "/a%20b/c/-/quit"), refused);
        assert_eq!(below("DELETE", "/a%20b/c/-/quit"), refused);
        assert_eq!(below("OPTIONS", "/a%20b/c/-/quit"), r#"Options("OPTIONS, POST, PUT")"#);
        assert_eq!(below("PUT", "/a%20b/c/-/quit"), r#"Put Is("/-/quit") "#);
    }
}
