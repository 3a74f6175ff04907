//! Routes of a gateway that lives under a prefix, as the reference has them with `--web.route-prefix`.

use std::borrow::Cow;

use hyper::Method;

use crate::http::request::route::{
    GET, QUIT, Route, has_dot_segment, has_empty_segment, redirect_cleaned, route_decoded,
};
use crate::percent;

/// What `/-/quit` allows under a prefix, where GET has no words of its own.
const QUIT_BELOW: &str = "OPTIONS, POST, PUT";

/// Routes a request. `prefix` begins with a slash and does not end with one.
pub(in crate::http) fn route_under<'a>(
    prefix: &str,
    method: &Method,
    path: &'a str,
    telemetry_path: &str,
    enable_admin_api: bool,
) -> Route<'a> {
    let Some(decoded) = percent::decode(path.as_bytes()) else {
        return Route::BadPath;
    };
    if has_dot_segment(&decoded) {
        return redirect_cleaned(&decoded); // It may lead out of the prefix.
    }
    let below = match strip(decoded, prefix.as_bytes()) {
        Ok(below) => below,
        Err(whole) => return outside(method, &whole),
    };
    let prefix = || percent::encode(prefix.as_bytes());
    match *method {
        Method::GET if below.is_empty() => return Route::Redirect(prefix() + "/"),
        _ if below.is_empty() => return Route::NotFound,
        _ => {}
    }
    match route_decoded(method, below, telemetry_path, enable_admin_api) {
        Route::Redirect(below) => Route::Redirect(prefix() + &below),
        Route::QuitByGet | Route::MethodNotAllowed(QUIT) => Route::MethodNotAllowed(QUIT_BELOW),
        Route::Options(QUIT) => Route::Options(QUIT_BELOW),
        route => route,
    }
}

/// What follows the prefix; the whole path where it is not under it.
fn strip<'a>(path: Cow<'a, [u8]>, prefix: &[u8]) -> Result<Cow<'a, [u8]>, Cow<'a, [u8]>> {
    let end = prefix.len();
    let is_under = path.starts_with(prefix) && matches!(path.get(end), None | Some(b'/'));
    match path {
        whole if !is_under => Err(whole),
        Cow::Borrowed(whole) => Ok(Cow::Borrowed(&whole[end..])),
        Cow::Owned(mut whole) => Ok(Cow::Owned(whole.split_off(end))),
    }
}

/// What is not under the prefix: nothing, but that the reference has put one path in both places.
fn outside(method: &Method, path: &[u8]) -> Route<'static> {
    match *method {
        _ if has_empty_segment(path) => redirect_cleaned(path),
        _ if path != b"/-/quit" => Route::NotFound,
        Method::GET => Route::QuitByGet,
        Method::OPTIONS => Route::Options(GET),
        _ => Route::MethodNotAllowed(GET),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(method: &str, path: &str) -> String {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        match route_under("/a b/c", &method, path, "/metrics", true) {
            Route::Push { mode, tail } => format!("{mode:?} {}", String::from_utf8_lossy(&tail)),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn everything_lives_under_the_prefix() {
        assert_eq!(at("PUT", "/a%20b/c/metrics/job/x"), "Replace /x");
        assert_eq!(at("PUT", "/a%20b/%63//metrics/job/x"), "Replace /x");
        assert_eq!(at("GET", "/a%20b/c/"), "Page(Overview)");
        assert_eq!(at("GET", "/a%20b/c/-/healthy"), "Healthy");
        for path in ["/", "/a%20b", "/a%20b/", "/a%20b/cd", "/metrics", "/metrics/job/x"] {
            assert_eq!(at("GET", path), "NotFound", "{path}");
        }
        assert_eq!(at("GET", "/a%20b/c%"), "BadPath");
    }

    #[test]
    fn redirects_stay_under_it_but_for_dots_that_lead_out() {
        assert_eq!(at("GET", "/a%20b/c"), r#"Redirect("/a%20b/c/")"#);
        assert_eq!(at("PUT", "/a%20b/c"), "NotFound");
        assert_eq!(at("GET", "/a%20b/c/metrics/"), r#"Redirect("/a%20b/c/metrics")"#);
        assert_eq!(at("GET", "/a%20b/c//status"), r#"Redirect("/a%20b/c/status")"#);
        assert_eq!(at("GET", "//a%20b/c/status"), r#"Redirect("/a%20b/c/status")"#);
        assert_eq!(at("GET", "/a%20b/c/../x"), r#"Redirect("/a%20b/x")"#);
        assert_eq!(at("GET", "/a%20b/cd//x"), r#"Redirect("/a%20b/cd/x")"#);
    }

    #[test]
    fn quitting_by_get_is_refused_within_and_without() {
        assert_eq!(at("GET", "/-/quit"), "QuitByGet");
        assert_eq!(at("PUT", "/-/quit"), r#"MethodNotAllowed("GET, OPTIONS")"#);
        assert_eq!(at("GET", "/a%20b/c/-/quit"), r#"MethodNotAllowed("OPTIONS, POST, PUT")"#);
        assert_eq!(at("DELETE", "/a%20b/c/-/quit"), r#"MethodNotAllowed("OPTIONS, POST, PUT")"#);
        assert_eq!(at("OPTIONS", "/a%20b/c/-/quit"), r#"Options("OPTIONS, POST, PUT")"#);
        assert_eq!(at("PUT", "/a%20b/c/-/quit"), "Quit");
    }
}
