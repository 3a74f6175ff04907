//! Hints for a client whose URL is nearly that of a push.

use hyper::Method;

/// How much of a path is quoted, in characters.
const PATH_SHOWN_MAX: usize = 64;

/// The reason for 404, with what the client probably meant. `prefix` is what all paths begin with.
pub(crate) fn not_found(method: &Method, path: &str, prefix: &str) -> String {
    match meant(method, path, prefix) {
        Some(hint) => format!("404 page not found: {hint}"),
        None => "404 page not found".to_owned(),
    }
}

/// The same for 405.
pub(crate) fn not_allowed(method: &Method) -> &'static str {
    if is_push(method) {
        "Method Not Allowed: pushes go to /metrics/job/NAME"
    } else {
        "Method Not Allowed"
    }
}

fn is_push(method: &Method) -> bool {
    *method == Method::PUT || *method == Method::POST
}

fn meant(method: &Method, path: &str, prefix: &str) -> Option<String> {
    let place =
        |start: &str| path.rfind(&format!("{start}/")).or_else(|| path.rfind(&format!("{start}@")));
    if let Some(at) = place("/metrics/job") {
        let (before, push) = (shown(&path[..at]), shown(&path[at..]));
        return Some(if before.is_empty() {
            format!(
                "all paths begin with {prefix} here (--web.route-prefix): push to {prefix}{push}"
            )
        } else {
            format!(
                "push to {prefix}{push}, without {before} before it; the URL of the gateway in the client ends before /metrics"
            )
        });
    }
    if !is_push(method) && *method != Method::DELETE {
        return None;
    }
    Some(match place("/job") {
        Some(at) => format!("pushes go to {prefix}/metrics{}", shown(&path[at..])),
        None => format!("pushes go to {prefix}/metrics/job/NAME"),
    })
}

fn shown(path: &str) -> String {
    let mut shown: String = path.chars().take(PATH_SHOWN_MAX).collect();
    if shown.len() < path.len() {
        shown += "...";
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_nearly_that_of_a_push_is_answered_with_the_right_one() {
        for (method, path, prefix, hint) in [
            (
                Method::PUT,
                "/metrics/metrics/job/a/x/1",
                "",
                "push to /metrics/job/a/x/1, without /metrics before",
            ),
            (
                Method::POST,
                "/metrics/metrics/job@base64/YQ",
                "",
                "push to /metrics/job@base64/YQ, without",
            ),
            (
                Method::POST,
                "/gateway/metrics/job/a",
                "",
                "push to /metrics/job/a, without /gateway",
            ),
            (Method::PUT, "/metrics/job/a", "/push", "push to /push/metrics/job/a"),
            (Method::PUT, "/job/a", "", "pushes go to /metrics/job/a"),
            (Method::PUT, "/metrics/jobs/a", "", "pushes go to /metrics/job/NAME"),
            (Method::DELETE, "/", "/push", "pushes go to /push/metrics/job/NAME"),
        ] {
            let said = not_found(&method, path, prefix);
            assert!(
                said.starts_with("404 page not found: ") && said.contains(hint),
                "{path}: {said}"
            );
        }
        assert_eq!(not_found(&Method::GET, "/nothing", ""), "404 page not found");
        let long = not_found(&Method::PUT, &format!("/a/metrics/job/{}", "x".repeat(9999)), "");
        assert!(long.len() < 300, "{long}");
    }
}
