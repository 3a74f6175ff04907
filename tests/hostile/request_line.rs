//! Request lines: methods, versions and targets that are not, or that mean something else.

use crate::hostile::case::{Case, answered, cases, cut, refused, waits};

pub(crate) fn table() -> Vec<Case> {
    let mut table = cases([
        ("no version at all, HTTP/0.9", "GET /metrics\r\n\r\n", refused(400)),
        ("only a method", "GET\r\n\r\n", refused(400)),
        ("only a target", "/metrics\r\n\r\n", refused(400)),
        ("a target that is missing", "GET  HTTP/1.1\r\nhost: x\r\n\r\n", refused(400)),
        ("two blanks before the target", "GET  /metrics HTTP/1.1\r\nhost: x\r\n\r\n", refused(400)),
        (
            "two blanks before the version",
            "GET /-/healthy  HTTP/1.1\r\nhost: x\r\n\r\n",
            refused(400),
        ),
        ("a tab before the target", "GET\t/metrics HTTP/1.1\r\nhost: x\r\n\r\n", refused(400)),
        ("a tab before the version", "GET /metrics\tHTTP/1.1\r\nhost: x\r\n\r\n", refused(400)),
        ("a blank before the method", " GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n", refused(400)),
        ("a blank behind the version", "GET /metrics HTTP/1.1 \r\nhost: x\r\n\r\n", refused(400)),
        ("words behind the version", "GET /metrics HTTP/1.1 evil\r\nhost: x\r\n\r\n", refused(400)),
        (
            "empty lines before the request",
            "\r\n\r\nGET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n",
            answered(200),
        ),
        ("HTTP/1.0", "GET /-/healthy HTTP/1.0\r\n\r\n", refused(200)),
        (
            "HTTP/1.0 that asks to be kept",
            "GET /-/healthy HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
            answered(200),
        ),
        ("HTTP/1.2", "GET /-/healthy HTTP/1.2\r\nhost: x\r\n\r\n", refused(400)),
        ("HTTP/2.0", "GET /-/healthy HTTP/2.0\r\nhost: x\r\n\r\n", refused(400)),
        ("HTTP/9.9", "GET / HTTP/9.9\r\nhost: x\r\n\r\n", refused(400)),
        ("HTTP/1.10", "GET / HTTP/1.10\r\nhost: x\r\n\r\n", refused(400)),
        ("HTTP/01.1", "GET / HTTP/01.1\r\nhost: x\r\n\r\n", refused(400)),
        ("http/1.1 in small letters", "GET / http/1.1\r\nhost: x\r\n\r\n", refused(400)),
        ("HTTP 1.1", "GET / HTTP 1.1\r\nhost: x\r\n\r\n", refused(400)),
        ("another protocol's version", "GET / ICY/1.1\r\nhost: x\r\n\r\n", refused(400)),
        ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", cut()),
        ("the first bytes of TLS", "\x16\x03\x01\x02\0\x01\0\x01\u{7c}\x03\x03", refused(400)),
        ("mail", "EHLO example.com\r\n", refused(400)),
        (
            "a proxy's protocol",
            "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n",
            refused(400),
        ),
        ("redis", "*1\r\n$4\r\nPING\r\n", refused(400)),
        ("nothing but NUL", "\0\0\0\0\r\n\r\n", refused(400)),
        ("nothing but line ends", "\r\n\r\n\r\n\r\n", waits()),
        ("nothing at all", "", waits()),
        ("a request that stops in its method", "GE", waits()),
        ("a request that stops in its target", "GET /metr", waits()),
        (
            "a request that stops before its last line end",
            "GET /-/healthy HTTP/1.1\r\nhost: x\r\n",
            waits(),
        ),
        ("a method in small letters", "get /metrics HTTP/1.1\r\nhost: x\r\n\r\n", answered(405)),
        ("a method of WebDAV", "PROPFIND /metrics HTTP/1.1\r\nhost: x\r\n\r\n", answered(405)),
        (
            "a method that nobody knows",
            "EVIL!#$%&'*+-.^_`|~ /metrics HTTP/1.1\r\nhost: x\r\n\r\n",
            answered(405),
        ),
        ("TRACE", "TRACE /metrics HTTP/1.1\r\nhost: x\r\n\r\n", answered(405)),
        (
            "PATCH of a group",
            "PATCH /metrics/job/evil HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nm 1\n",
            answered(405),
        ),
        (
            "GET of a group with a body",
            "GET /metrics/job/evil HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nm 1\n",
            answered(405),
        ),
        ("HEAD of the scrape", "HEAD /metrics HTTP/1.1\r\nhost: x\r\n\r\n", answered(405)),
        (
            "CONNECT to a host",
            "CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n\r\n",
            answered(404),
        ),
        ("CONNECT to a path", "CONNECT /metrics HTTP/1.1\r\nhost: x\r\n\r\n", answered(405)),
        (
            "a method with a control character",
            "G\x01T /metrics HTTP/1.1\r\nhost: x\r\n\r\n",
            refused(400),
        ),
        ("a method in quotes", "\"GET\" /metrics HTTP/1.1\r\nhost: x\r\n\r\n", refused(400)),
        ("a method with a colon", "GET: /metrics HTTP/1.1\r\nhost: x\r\n\r\n", refused(400)),
        ("OPTIONS of everything", "OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", answered(404)),
        ("GET of everything", "GET * HTTP/1.1\r\nhost: x\r\n\r\n", answered(404)),
        (
            "a target with its scheme and host",
            "GET http://evil.example/-/healthy HTTP/1.1\r\nhost: x\r\n\r\n",
            answered(200),
        ),
        (
            "a scheme without a host",
            "GET http:///metrics HTTP/1.1\r\nhost: x\r\n\r\n",
            refused(400),
        ),
        ("another scheme", "GET file:///etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n", refused(400)),
        (
            "a host with a user",
            "GET http://user:pw@x/-/healthy HTTP/1.1\r\nhost: x\r\n\r\n",
            answered(200),
        ),
        ("a target without a slash", "GET metrics HTTP/1.1\r\nhost: x\r\n\r\n", answered(404)),
        (
            "a target with a fragment",
            "GET /-/healthy#evil HTTP/1.1\r\nhost: x\r\n\r\n",
            answered(404),
        ),
        ("a target with a NUL", "GET /met\0rics HTTP/1.1\r\nhost: x\r\n\r\n", refused(400)),
        (
            "a target with a carriage return",
            "GET /met\rrics HTTP/1.1\r\nhost: x\r\n\r\n",
            refused(400),
        ),
        ("a target with a line feed", "GET /met\nrics HTTP/1.1\r\nhost: x\r\n\r\n", refused(400)),
        ("a target with a delete", "GET /met\x7frics HTTP/1.1\r\nhost: x\r\n\r\n", refused(400)),
        ("a target with a backslash", "GET \\metrics HTTP/1.1\r\nhost: x\r\n\r\n", refused(400)),
        ("a target in angle brackets", "GET </metrics> HTTP/1.1\r\nhost: x\r\n\r\n", refused(400)),
        (
            "a query of nothing but signs",
            "GET /-/healthy?&&==&%=%%zz HTTP/1.1\r\nhost: x\r\n\r\n",
            answered(200),
        ),
    ]);
    let long = |bytes: usize| "x".repeat(bytes);
    table.extend(cases([
        (
            "a method of 8 KiB",
            format!("{} / HTTP/1.1\r\nhost: x\r\n\r\n", long(8 << 10)),
            answered(405),
        ),
        (
            "a method of 1 MB",
            format!("{} / HTTP/1.1\r\nhost: x\r\n\r\n", long(1 << 20)),
            refused(431),
        ),
        (
            "a target of 60 KB",
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", long(60_000)),
            answered(404),
        ),
        (
            "a target of 65,535 bytes",
            format!("GET /{} HTTP/1.1\r\n\r\n", long(65_534)),
            refused(414),
        ),
        (
            "a target of 1 MB",
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", long(1_000_000)),
            refused(431),
        ),
        (
            "a query of 60 KB",
            format!("GET /-/healthy?{} HTTP/1.1\r\nhost: x\r\n\r\n", long(60_000)),
            answered(200),
        ),
        (
            "a version of 100 KiB",
            format!("GET / HTTP/1.{}\r\nhost: x\r\n\r\n", "1".repeat(100 << 10)),
            refused(400),
        ),
    ]));
    table
}
