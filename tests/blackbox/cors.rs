//! Pushes from pages of other sites: refused unless a flag names the site.

use crate::basic_auth::{credentials, users};
use crate::gateway::{start, start_with};

const PATH: &str = "/metrics/job/page";
const ORIGIN: &str = "origin: https://example.org";
const ASKS: &str = "access-control-request-method: PUT";

#[test]
fn without_the_flag_no_page_is_told_that_it_may_push() {
    let gateway = start(&[]);
    let preflight = gateway.send("OPTIONS", PATH, &[ORIGIN, ASKS], b"");
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (200, None));
    let push = gateway.send("PUT", PATH, &[ORIGIN], b"m 1\n");
    assert_eq!((push.status, push.header("access-control-allow-origin")), (200, None));
}

#[test]
fn pages_of_a_named_site_may_push_and_read_the_answer() {
    let flags =
        ["--push.cors-origin=https://Example.org", "--push.cors-origin=http://localhost:3000"];
    let gateway = start_with(&flags, |access| access.replace_web(&users(&["page"], 4)));
    for origin in ["https://example.org", "http://localhost:3000"] {
        let header = format!("origin: {origin}");
        // A browser asks without credentials.
        let preflight = gateway.send("OPTIONS", PATH, &[&header, ASKS], b"");
        assert_eq!(preflight.status, 204);
        for (name, value) in [
            ("access-control-allow-origin", origin),
            ("access-control-allow-methods", "POST, PUT"),
            ("vary", "Origin"),
        ] {
            assert_eq!(preflight.header(name), Some(value), "{name}");
        }
        let allowed = preflight.header("access-control-allow-headers").unwrap();
        assert!(allowed.contains("Authorization") && allowed.contains("Content-Type"), "{allowed}");
        assert!(allowed.contains("Idempotency-Key"), "a page may push increments: {allowed}");
        assert_eq!(preflight.header("access-control-allow-credentials"), None);
        let page = credentials("page", "page");
        for (headers, body, status) in [
            (&[&*header, &*page][..], "m 1\n", 200),
            (&[&header, &page], "m x\n", 400),
            (&[&header], "m 1\n", 401),
        ] {
            let push = gateway.send("PUT", PATH, headers, body.as_bytes());
            assert_eq!(push.status, status);
            assert_eq!(push.header("access-control-allow-origin"), Some(origin), "{status}");
        }
    }
    for (headers, path) in [
        (["origin: https://example.org.evil.example", ASKS], PATH),
        (["origin: http://example.org", ASKS], PATH),
        (["origin: null", ASKS], PATH),
        ([ORIGIN, "access-control-request-method: DELETE"], PATH),
        ([ORIGIN, ASKS], "/-/quit"),
        ([ORIGIN, "access-control-request-method: GET"], "/metrics"),
    ] {
        let answer = gateway.send("OPTIONS", path, &headers, b"");
        let told = answer.header("access-control-allow-origin");
        assert_eq!((answer.status, told), (401, None), "{headers:?} {path}");
    }
}

#[test]
fn a_star_is_any_site_and_what_is_no_site_is_refused_at_the_start() {
    let gateway = start(&["--push.cors-origin=*"]);
    let preflight = gateway.send("OPTIONS", PATH, &["origin: http://a.example", ASKS], b"");
    let told = preflight.header("access-control-allow-origin");
    assert_eq!((preflight.status, told), (204, Some("http://a.example")));
    for bad in ["example.org", "https://example.org/", "https://", "ftp://example.org", "null"] {
        let words = ["shardgate".into(), format!("--push.cors-origin={bad}").into()];
        let error = shardgate::config::Flags::from_command_line(words).unwrap_err().to_string();
        assert!(error.contains("--push.cors-origin") && error.contains(bad), "{error}");
    }
}
