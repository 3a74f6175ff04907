//! Where a body ends: lengths told twice, told wrongly, or told in two ways. What one server takes for the
//! end and another does not is how requests are smuggled; here each smuggles a push to the job `evil`.

use crate::hostile::case::{Case, End, answered, cases, refused, several, stored, waits};

const EVIL: &str = "PUT /metrics/job/evil HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nm 1\n";

/// A push with these lines about its length, and these bytes behind its head.
fn framed(lines: &str, rest: &str) -> String {
    format!("PUT /metrics/job/good HTTP/1.1\r\nhost: x\r\n{lines}\r\n{rest}")
}

fn chunked(rest: &str) -> String {
    framed("transfer-encoding: chunked\r\n", rest)
}

pub(crate) fn table() -> Vec<Case> {
    [lengths(), codings(), chunks(), trailers()].into_iter().flatten().collect()
}

fn lengths() -> Vec<Case> {
    let length =
        |value: &str| framed(&format!("content-length: {value}\r\n"), &format!("m 1\n{EVIL}"));
    cases([
        (
            "a length told twice alike",
            framed("content-length: 4\r\ncontent-length: 4\r\n", "m 1\n"),
            stored(),
        ),
        (
            "a length told twice, first shorter",
            framed("content-length: 0\r\ncontent-length: 4\r\n", EVIL),
            refused(400),
        ),
        (
            "a length told twice, first longer",
            framed("content-length: 4\r\ncontent-length: 0\r\n", EVIL),
            refused(400),
        ),
        (
            "a length told ten times, the last otherwise",
            framed(&format!("{}content-length: 5\r\n", "content-length: 4\r\n".repeat(9)), EVIL),
            refused(400),
        ),
        ("a length as a list of the same", length("4, 4"), refused(400)),
        ("a length as a list", length("4, 5"), refused(400)),
        ("a negative length", length("-4"), refused(400)),
        ("a length with a plus", length("+4"), refused(400)),
        ("a length with a fraction", length("4.0"), refused(400)),
        ("a length with an exponent", length("4e0"), refused(400)),
        ("a hexadecimal length", length("0x4"), refused(400)),
        ("a length with a letter behind it", length("4a"), refused(400)),
        ("a length with a blank in it", length("4 0"), refused(400)),
        ("a length in quotes", length("\"4\""), refused(400)),
        ("an empty length", length(""), refused(400)),
        ("a length of words", length("four"), refused(400)),
        ("a length in digits of another script", length("\u{664}"), refused(400)),
        (
            "a length with zeros before it",
            framed("content-length: 0000000000004\r\n", "m 1\n"),
            stored(),
        ),
        (
            "a length with blanks around it",
            framed("content-length: \t 4 \t\r\n", "m 1\n"),
            stored(),
        ),
        ("a length of 2^63", length("9223372036854775808"), refused(413)),
        ("a length of 2^64 - 1", length("18446744073709551615"), refused(431)),
        ("a length of 2^64 - 2", length("18446744073709551614"), refused(431)),
        ("a length of 2^64 + 4", length("18446744073709551620"), refused(400)),
        ("a length of a thousand digits", length(&"9".repeat(1000)), refused(400)),
        ("a length just above the bound", length("1500001"), refused(413)),
        (
            "a length of 0 and a body",
            framed("content-length: 0\r\n", "m 1\n\r\n\r\n"),
            several(&[200, 400], End::Closed, 1),
        ),
        ("no length and a body", framed("", "m 1\n\r\n\r\n"), several(&[200, 400], End::Closed, 1)),
        (
            "a length longer than the body",
            framed("content-length: 100\r\n", "m 1\n"),
            several(&[400], End::Waiting, 0),
        ),
        (
            "a length longer than the body of a delete",
            "DELETE /metrics/job/good HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx".to_owned(),
            several(&[400], End::Waiting, 0),
        ),
        (
            "a length of a scrape",
            "GET /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nm 1\n".to_owned(),
            answered(200),
        ),
        (
            "a length of a scrape, longer than its body",
            format!(
                "GET /-/healthy HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{EVIL}",
                EVIL.len()
            ),
            answered(200),
        ),
    ])
}

fn codings() -> Vec<Case> {
    let coding = |value: &str| {
        framed(
            &format!("transfer-encoding: {value}\r\n"),
            &format!("4\r\nm 1\n\r\n0\r\n\r\n{EVIL}"),
        )
    };
    let both = "4\r\nm 1\n\r\n0\r\n\r\n";
    let closed = || several(&[200], End::Closed, 1);
    cases([
        (
            "length, then chunked",
            framed("content-length: 4\r\ntransfer-encoding: chunked\r\n", both),
            closed(),
        ),
        (
            "chunked, then length",
            framed("transfer-encoding: chunked\r\ncontent-length: 4\r\n", both),
            closed(),
        ),
        (
            "length and chunked with a request behind",
            framed("content-length: 6\r\ntransfer-encoding: chunked\r\n", &format!("{both}{EVIL}")),
            closed(),
        ),
        (
            "a length that is none, and chunked",
            framed("content-length: x\r\ntransfer-encoding: chunked\r\n", both),
            refused(400),
        ),
        (
            "chunked, and a length that is none",
            framed("transfer-encoding: chunked\r\ncontent-length: x\r\n", both),
            closed(),
        ),
        (
            "chunked in two headers",
            framed("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", both),
            refused(501),
        ),
        ("chunked twice in one", coding("chunked, chunked"), refused(501)),
        ("chunked, identity", coding("chunked, identity"), refused(400)),
        (
            "identity, chunked",
            framed("transfer-encoding: identity, chunked\r\n", both),
            refused(501),
        ),
        ("gzip, chunked", framed("transfer-encoding: gzip, chunked\r\n", both), refused(501)),
        ("identity", coding("identity"), refused(400)),
        ("gzip", coding("gzip"), refused(400)),
        ("xchunked", coding("xchunked"), refused(400)),
        ("chunked with a letter behind it", coding("chunkedx"), refused(400)),
        ("chunked with a parameter", coding("chunked;q=1"), refused(400)),
        ("chunked in quotes", coding("\"chunked\""), refused(400)),
        ("chunked with a NUL", coding("chunked\0"), refused(400)),
        ("chunked behind a vertical tab", coding("\x0bchunked"), refused(400)),
        ("chunked and nothing", coding("chunked,"), refused(400)),
        ("no coding", coding(""), refused(400)),
        ("Chunked in capitals", framed("Transfer-Encoding: CHUNKED\r\n", both), stored()),
        (
            "chunked over two lines",
            framed("transfer-encoding:\r\n chunked\r\n", both),
            refused(400),
        ),
        (
            "chunked behind a blank name",
            framed("transfer-encoding : chunked\r\n", both),
            refused(400),
        ),
        (
            "chunked in HTTP/1.0",
            format!(
                "PUT /metrics/job/good HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n{both}{EVIL}"
            ),
            refused(400),
        ),
        (
            "chunked of a scrape",
            format!(
                "GET /-/healthy HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{both}"
            ),
            answered(200),
        ),
        (
            "chunked of a delete",
            format!(
                "DELETE /metrics/job/good HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{both}"
            ),
            answered(202),
        ),
    ])
}

fn chunks() -> Vec<Case> {
    let size = |size: &str| chunked(&format!("{size}\r\nm 1\n\r\n0\r\n\r\n"));
    let many = |count: usize| format!("{}0\r\n\r\n", "1\r\n\n\r\n".repeat(count));
    cases([
        ("a chunk", size("4"), stored()),
        ("a chunk size in capitals", chunked("A\r\nm 1\nnn 22\n\r\n0\r\n\r\n"), stored()),
        ("a chunk size with zeros before it", size("00000004"), stored()),
        ("a chunk size with a blank behind it", size("4 "), stored()),
        ("a chunk size with a blank before it", size(" 4"), refused(400)),
        ("a negative chunk size", size("-4"), refused(400)),
        ("a chunk size with a plus", size("+4"), refused(400)),
        ("a chunk size with 0x", size("0x4"), refused(400)),
        ("a chunk size of letters", size("xyz"), refused(400)),
        ("an empty chunk size", size(""), refused(400)),
        ("a chunk size of 2^63", size("8000000000000000"), several(&[400], End::Waiting, 0)),
        ("a chunk size of 2^64 - 1", size("ffffffffffffffff"), several(&[400], End::Waiting, 0)),
        ("a chunk size of 2^64 + 4", size("10000000000000004"), refused(400)),
        ("a chunk size of 1,000 digits", size(&format!("{}4", "0".repeat(1000))), stored()),
        (
            "a chunk above the bound",
            chunked(&format!("400000\r\n{}\r\n0\r\n\r\n", "\n".repeat(0x400000))),
            refused(413),
        ),
        ("a chunk size one too small", size("3"), refused(400)),
        ("a chunk size one too large", size("5"), refused(400)),
        ("a chunk without its line end", chunked("4\r\nm 1\n0\r\n\r\n"), refused(400)),
        ("chunks that end in line feeds", chunked("4\nm 1\n\n0\n\n"), refused(400)),
        ("a chunk that ends in line feed only", chunked("4\r\nm 1\n\n0\r\n\r\n"), refused(400)),
        ("chunks that never end", chunked("4\r\nm 1\n\r\n"), several(&[400], End::Waiting, 0)),
        ("a chunk that stops in its size", chunked("4"), several(&[400], End::Waiting, 0)),
        ("a chunk that stops in its data", chunked("9\r\nm 1\n"), several(&[400], End::Waiting, 0)),
        (
            "a last chunk without its empty line",
            chunked("4\r\nm 1\n\r\n0\r\n"),
            several(&[400], End::Waiting, 0),
        ),
        ("10,000 chunks of a byte", chunked(&many(10_000)), stored()),
        ("an extension", size("4;evil=1"), stored()),
        ("an extension in quotes", size("4;evil=\"1;2\""), stored()),
        ("an extension of 20 KB", size(&format!("4;evil={}", "x".repeat(20_000))), refused(400)),
        ("an extension with a line feed", chunked("4;evil=\nm 1\n\r\n0\r\n\r\n"), refused(400)),
        (
            "a smuggled request in an extension",
            chunked(&format!("4;{}\r\nm 1\n\r\n0\r\n\r\n", "GET /metrics/job/evil HTTP/1.1")),
            stored(),
        ),
    ])
}

fn trailers() -> Vec<Case> {
    let with = |lines: &str| chunked(&format!("4\r\nm 1\n\r\n0\r\n{lines}\r\n"));
    let flood: String = (0..2_000).map(|at| format!("x{at}: y\r\n")).collect();
    cases([
        ("a trailer", with("x: y\r\n"), stored()),
        ("a trailer that tells a length", with("content-length: 400\r\n"), stored()),
        ("a trailer that tells a coding", with("transfer-encoding: chunked\r\n"), stored()),
        ("a trailer that is not a header", with("evil\r\n"), refused(400)),
        ("a trailer of 20 KB", with(&format!("x: {}\r\n", "y".repeat(20_000))), refused(400)),
        ("2,000 trailers", with(&flood), refused(400)),
        (
            "a trailer that never ends",
            chunked("4\r\nm 1\n\r\n0\r\nx: y"),
            several(&[400], End::Waiting, 0),
        ),
        ("a head that never ends", framed("x: y\r\n", "").trim_end().to_owned(), waits()),
    ])
}
