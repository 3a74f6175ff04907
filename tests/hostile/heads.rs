//! Headers: floods of them, names and values that are none, and lines that hide in lines.

use crate::hostile::case::{Case, answered, cases, refused, stored, waits};

const HEALTHY: &str = "GET /-/healthy HTTP/1.1\r\nhost: x\r\n";

fn head(lines: &str) -> String {
    format!("{HEALTHY}{lines}\r\n")
}

fn flood(count: usize, line: impl Fn(usize) -> String) -> String {
    head(&(0..count).map(line).collect::<String>())
}

pub(crate) fn table() -> Vec<Case> {
    let mut table = cases([
        ("99 headers", flood(99, |at| format!("x{at}: y\r\n")), answered(200)),
        ("101 headers", flood(100, |at| format!("x{at}: y\r\n")), refused(431)),
        ("10,000 headers", flood(10_000, |at| format!("x{at}: y\r\n")), refused(431)),
        ("10,000 times the same header", flood(10_000, |_| "x: y\r\n".to_owned()), refused(431)),
        ("a header of 60 KB", head(&format!("x: {}\r\n", "y".repeat(60_000))), answered(200)),
        ("a header of 1 MB", head(&format!("x: {}\r\n", "y".repeat(1 << 20))), refused(431)),
        ("a header name of 60 KB", head(&format!("{}: y\r\n", "x".repeat(60_000))), answered(200)),
        (
            "a header name of 65,536 bytes",
            format!("GET / HTTP/1.1\r\n{}: y\r\n\r\n", "x".repeat(65_536)),
            refused(431),
        ),
        ("a header name of 1 MB", head(&format!("{}: y\r\n", "x".repeat(1 << 20))), refused(431)),
        ("a header that never ends", format!("{HEALTHY}x: {}", "y".repeat(1 << 20)), refused(431)),
        (
            "a header of nothing but blanks",
            head(&format!("x:{}\r\n", " ".repeat(60_000))),
            answered(200),
        ),
        (
            "99 headers of 7,000 bytes",
            flood(99, |at| format!("x{at}: {}\r\n", "y".repeat(7_000))),
            refused(431),
        ),
    ]);
    table.extend(cases([
        ("a header folded over two lines", head("x: a\r\n b\r\n"), refused(400)),
        ("a header folded with a tab", head("x: a\r\n\tb\r\n"), refused(400)),
        ("a first header that is folded", "GET /-/healthy HTTP/1.1\r\n host: x\r\n\r\n".to_owned(), refused(400)),
        ("a blank before the colon", head("x : a\r\n"), refused(400)),
        ("a tab before the colon", head("x\t: a\r\n"), refused(400)),
        ("a blank before the colon of the length", "PUT /metrics/job/evil HTTP/1.1\r\nhost: x\r\ncontent-length : 4\r\n\r\nm 1\n".to_owned(), refused(400)),
        ("a line without a colon", head("evil\r\n"), refused(400)),
        ("a header without a name", head(": a\r\n"), refused(400)),
        ("a name with a blank", head("x y: a\r\n"), refused(400)),
        ("a name with a NUL", head("x\0y: a\r\n"), refused(400)),
        ("a name with a carriage return", head("x\ry: a\r\n"), refused(400)),
        ("a name in brackets", head("x[y]: a\r\n"), refused(400)),
        ("a name in quotes", head("\"x\": a\r\n"), refused(400)),
        ("a name that is not ASCII", head("h\u{f6}st: a\r\n"), refused(400)),
        ("a value with a NUL", head("x: a\0b\r\n"), refused(400)),
        ("a value with a carriage return", head("x: a\rb\r\n"), refused(400)),
        ("a value with a control character", head("x: a\x01b\r\n"), refused(400)),
        ("a value with a delete", head("x: a\x7fb\r\n"), refused(400)),
        ("a value that is not ASCII", head("x: \u{f6}\u{1f980}\r\n"), answered(200)),
        ("a value that is empty", head("x:\r\n"), answered(200)),
        ("a carriage return twice", head("x: a\r\r\n"), refused(400)),
        ("a line feed without a carriage return", "GET /-/healthy HTTP/1.1\nhost: x\n\n".to_owned(), answered(200)),
        ("a carriage return without a line feed", "GET /-/healthy HTTP/1.1\rhost: x\r\r".to_owned(), refused(400)),
        ("line feeds and carriage returns by turns", "GET /-/healthy HTTP/1.1\nhost: x\r\nx: y\n\r\n".to_owned(), answered(200)),
        ("a head that ends in line feed, carriage return", "GET /-/healthy HTTP/1.1\r\nhost: x\n\r".to_owned(), waits()),
        ("no host", "GET /-/healthy HTTP/1.1\r\n\r\n".to_owned(), refused(400)),
        ("a push without a host", "PUT /metrics/job/evil HTTP/1.1\r\ncontent-length: 4\r\n\r\nm 1\n".to_owned(), refused(400)),
        ("two hosts", head("host: y\r\n"), refused(400)),
        ("the same host twice", head("Host: x\r\n"), refused(400)),
        ("an empty host", "GET /-/healthy HTTP/1.1\r\nhost:\r\n\r\n".to_owned(), answered(200)),
        ("a host that is none", "GET /-/healthy HTTP/1.1\r\nhost: ../../etc/passwd\r\n\r\n".to_owned(), answered(200)),
        ("a host of 10 KB", format!("GET /-/healthy HTTP/1.1\r\nhost: {}\r\n\r\n", "x".repeat(10_000)), answered(200)),
        ("a redirect to the host of the request", "GET /metrics/ HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_owned(), answered(301)),
        ("a connection that is to be closed and kept", head("connection: close, keep-alive\r\n"), refused(200)),
        ("a header named as hop by hop that is not", head("connection: content-length, host\r\n"), answered(200)),
        ("an Accept of 50 KB", format!("GET /metrics HTTP/1.1\r\nhost: x\r\naccept: {}\r\n\r\n", "text/plain;q=0.1,".repeat(3_000)), answered(200)),
        ("an Accept with weights that are none", "GET /metrics HTTP/1.1\r\nhost: x\r\naccept: text/plain;q=nan,*/*;q=1e999,a/b;q=-1,;;;,/\r\n\r\n".to_owned(), answered(200)),
        ("an Accept-Encoding of nothing but signs", "GET /metrics HTTP/1.1\r\nhost: x\r\naccept-encoding: ,;q=,gzip;q=x,;\r\n\r\n".to_owned(), answered(200)),
        ("a Range", "GET /metrics HTTP/1.1\r\nhost: x\r\nrange: bytes=0-0,5-2,-9999999999999999999\r\n\r\n".to_owned(), answered(200)),
        ("conditions", "GET /metrics HTTP/1.1\r\nhost: x\r\nif-match: \"x\"\r\nif-modified-since: yesterday\r\n\r\n".to_owned(), answered(200)),
        ("credentials that nobody asked for", head("authorization: Basic \u{ff}\u{fe}:%%%\r\n"), answered(200)),
    ]));
    let put = |headers: &str| {
        format!(
            "PUT /metrics/job/good HTTP/1.1\r\nhost: x\r\n{headers}content-length: 4\r\n\r\nm 1\n"
        )
    };
    table.extend(cases([
        ("a method to take instead", put("x-http-method-override: DELETE\r\n"), stored()),
        (
            "a path to take instead",
            put("x-original-url: /metrics/job/evil\r\nx-rewrite-url: /metrics/job/evil\r\n"),
            stored(),
        ),
        ("a length in an underscore", put("content_length: 0\r\n"), stored()),
        ("100 encodings", put(&"content-encoding: identity\r\n".repeat(90)), stored()),
        (
            "two content types",
            put("content-type: text/plain\r\ncontent-type: application/json\r\n"),
            stored(),
        ),
        ("a content type that is none", put("content-type: ;;=\"\\\"; proto=\r\n"), stored()),
    ]));
    table.extend(cases([("nothing but bytes of 255", vec![255; 1000], refused(400))]));
    table
}
