//! Who speaks when: requests before answers, expectations, and protocols that are asked for.

use crate::hostile::case::{Case, End, Expected, answered, cases, refused, several, stored};

const HEALTHY: &str = "GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n";
const PUSH: &str = "PUT /metrics/job/good HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nm 1\n";
const REFUSED: &str =
    "PUT /metrics/job/good HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nevil\n";
const LAST: &str = "GET /-/healthy HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
const EVIL: &str = "PUT /metrics/job/evil HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nm 1\n";

fn with(lines: &str) -> String {
    format!("PUT /metrics/job/good HTTP/1.1\r\nhost: x\r\n{lines}content-length: 4\r\n\r\nm 1\n")
}

pub(crate) fn table() -> Vec<Case> {
    let asked = |lines: &str| format!("GET /-/healthy HTTP/1.1\r\nhost: x\r\n{lines}\r\n");
    let all = |count: usize| -> Expected { several(&vec![200; count], End::Open, 0) };
    cases([
        ("two requests at once", HEALTHY.repeat(2), all(2)),
        ("1,000 requests at once", HEALTHY.repeat(1000), all(1000)),
        ("1,000 pushes at once", PUSH.repeat(1000), several(&vec![200; 1000], End::Open, 1)),
        ("a push, and its scrape at once", format!("{PUSH}{HEALTHY}"), several(&[200, 200], End::Open, 1)),
        ("a push that is refused, and one behind it", format!("{REFUSED}{PUSH}"), several(&[400, 200], End::Open, 1)),
        ("a request behind the last", format!("{LAST}{EVIL}"), refused(200)),
        ("a request behind one of HTTP/1.0", format!("GET /-/healthy HTTP/1.0\r\n\r\n{EVIL}"), refused(200)),
        ("a request behind one that is too large", format!("PUT /metrics/job/good HTTP/1.1\r\nhost: x\r\ncontent-length: 5000000\r\n\r\n{EVIL}"), refused(413)),
        ("a request behind one that is none", format!("evil\r\n\r\n{EVIL}"), refused(400)),
        ("a request behind a wrong length", format!("PUT /metrics/job/good HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n{EVIL}"), refused(400)),
        ("empty lines between requests", format!("{HEALTHY}\r\n\r\n{HEALTHY}"), all(2)),
        ("words between requests", format!("{HEALTHY}evil{HEALTHY}"), several(&[200, 405], End::Open, 0)),
        ("a request in the body of another", format!("PUT /metrics/job/good HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{EVIL}", EVIL.len()), answered(400)),
        ("a body that is not read to its end", format!("PUT /metrics/job HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{EVIL}", EVIL.len()), answered(404)),
        ("a body of a path that is none", format!("PUT /evil HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{EVIL}", EVIL.len()), answered(404)),
        ("a body of a path that is none, in chunks", format!("PUT /evil HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{EVIL}\r\n0\r\n\r\n", EVIL.len()), answered(404)),
        ("an expectation that is met", with("expect: 100-continue\r\n"), several(&[100, 200], End::Open, 1)),
        ("an expectation in capitals", with("Expect: 100-CONTINUE\r\n"), several(&[100, 200], End::Open, 1)),
        ("an expectation that nobody knows", with("expect: evil\r\n"), stored()),
        ("an expectation of two things", with("expect: 100-continue, evil\r\n"), stored()),
        ("an expectation of a push that is refused", "PUT /metrics/job/a/b HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n".to_owned(), refused(400)),
        ("an expectation of a push that is too large", "PUT /metrics/job/a HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5000000\r\n\r\n".to_owned(), refused(413)),
        ("an expectation of a scrape", asked("expect: 100-continue\r\n"), answered(200)),
        ("an expectation in HTTP/1.0", "PUT /metrics/job/good HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\nm 1\n".to_owned(), several(&[200], End::Closed, 1)),
        ("HTTP/2 in the clear", asked("connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"), answered(200)),
        ("HTTP/2 in the clear, with a body", with("connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"), stored()),
        ("a web socket", asked("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n"), answered(200)),
        ("an upgrade to a protocol that nobody knows", asked("connection: upgrade\r\nupgrade: evil/9\r\n"), answered(200)),
        ("an upgrade, and the other protocol at once", format!("{}{EVIL}", asked("connection: upgrade\r\nupgrade: evil\r\n").replace("healthy", "ready")).replace("job/evil", "job/good"), several(&[200, 200], End::Open, 1)),
    ])
}
