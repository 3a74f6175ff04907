//! Bodies that have lost their line ends: an error that says so, where one long comment would empty the group.

use crate::gateway::{Running, start};
use crate::hostile::{gzip, snappy};

const GZIP: &str = "content-encoding: gzip";
const SNAPPY: &str = "content-encoding: snappy";
const PLAIN: &str = "content-encoding: identity";

const HELP_FIRST: &str = "# HELP m Some text.\n# TYPE m gauge\nm{a=\"1\"} 1\nn 2\n";
const TYPE_FIRST: &str = "# TYPE m gauge\nm 1\n# TYPE n counter\nn 2\n";
const NOTE_FIRST: &str = "# pushed by a script\nm 1\nn 2\n";
const SAMPLE_FIRST: &str = "m 1\nn 2\n";
const LABELS_FIRST: &str = "m{a=\"1\"} 1\nm{a=\"2\"} 2\n";
const COMMENT_LATER: &str = "m 1\n# TYPE n gauge\nn 2\n";
const LATER_FORMAT: &str = "# TYPE m gauge\nm 1\n# EOF\n";

/// What `curl -d @file` makes of a file.
fn joined(file: impl AsRef<[u8]>) -> Vec<u8> {
    file.as_ref().iter().copied().filter(|byte| !b"\r\n\0".contains(byte)).collect()
}

/// What a shell makes of it that does not know `\n`, with `end` behind it.
fn written(file: &str, line_end: &str, end: &str) -> Vec<u8> {
    (file.trim_end().replace('\n', line_end) + end).into_bytes()
}

fn utf_16(file: &str) -> Vec<u8> {
    file.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A form for the log, the header it is sent with, the body, and whether the answer names the line ends.
fn forms() -> Vec<(&'static str, &'static str, Vec<u8>, bool)> {
    let byte_order_mark = |body: Vec<u8>| [b"\xff\xfe".to_vec(), body].concat();
    let crlf = HELP_FIRST.replace('\n', "\r\n");
    vec![
        ("joined, HELP first", PLAIN, joined(HELP_FIRST), true),
        ("joined, TYPE first", PLAIN, joined(TYPE_FIRST), true),
        ("joined, a comment first", PLAIN, joined(NOTE_FIRST), true),
        ("joined, a sample first", PLAIN, joined(SAMPLE_FIRST), false),
        ("joined, a sample with labels first", PLAIN, joined(LABELS_FIRST), false),
        ("joined, a comment behind a sample", PLAIN, joined(COMMENT_LATER), false),
        ("joined, EOF at the end", PLAIN, joined(LATER_FORMAT), true),
        ("joined, CRLF before", PLAIN, joined(&crlf), true),
        ("joined, then gzip", GZIP, gzip(&joined(HELP_FIRST)), true),
        ("joined, then snappy", SNAPPY, snappy(&joined(NOTE_FIRST)), true),
        ("joined by blanks", PLAIN, written(HELP_FIRST, " ", "\n"), true),
        ("joined by blanks, without an end", PLAIN, written(NOTE_FIRST, " ", ""), true),
        ("\\n written out, HELP first", PLAIN, written(HELP_FIRST, "\\n", "\n"), true),
        ("\\n written out, TYPE first", PLAIN, written(TYPE_FIRST, "\\n", "\n"), true),
        ("\\n written out, a comment first", PLAIN, written(NOTE_FIRST, "\\n", "\\n\n"), true),
        ("\\n written out, a sample first", PLAIN, written(SAMPLE_FIRST, "\\n", "\n"), false),
        ("\\n written out, without an end", PLAIN, written(HELP_FIRST, "\\n", "\\n"), true),
        ("\\n written out, then gzip", GZIP, gzip(&written(HELP_FIRST, "\\n", "\r\n")), true),
        ("\\r\\n written out", PLAIN, written(NOTE_FIRST, "\\r\\n", "\r\n"), true),
        ("carriage returns alone", PLAIN, written(HELP_FIRST, "\r", "\r\n"), true),
        ("UTF-16", PLAIN, utf_16(HELP_FIRST), false),
        ("UTF-16 with its mark", PLAIN, byte_order_mark(utf_16(HELP_FIRST)), false),
        ("UTF-16, joined", PLAIN, joined(utf_16(HELP_FIRST)), true),
        ("UTF-16 with its mark, joined", PLAIN, joined(byte_order_mark(utf_16(NOTE_FIRST))), false),
        ("UTF-8 with its mark, joined", PLAIN, joined(format!("\u{feff}{HELP_FIRST}")), true),
        ("cut in a TYPE", PLAIN, b"m 1\n# TYPE n gau".to_vec(), true),
        ("cut in a HELP", PLAIN, b"m 1\n# HELP".to_vec(), true),
    ]
}

/// What is stored of the group, its push times included.
fn stored(gateway: &Running) -> Vec<String> {
    let scrape = gateway.scrape();
    scrape.text().lines().filter(|line| line.contains("job=\"a\"")).map(str::to_owned).collect()
}

#[test]
fn a_body_without_its_line_ends_is_an_error_in_every_form_and_leaves_the_group_as_it_is() {
    let gateway = start(&[]);
    assert_eq!(gateway.put("/metrics/job/a", "m 7\n").status, 200);
    let before = stored(&gateway);
    assert_eq!(before.len(), 3);
    for (form, header, body, names_line_ends) in forms() {
        for (method, path) in [
            ("PUT", "/metrics/job/a"),
            ("POST", "/metrics/job/a"),
            ("POST", "/api/v1/check?job=a&method=PUT"),
        ] {
            let answer = gateway.send(method, path, &[header], &body);
            assert_eq!(answer.status, 400, "{form}: {method} {path}: {answer:?}");
            let says = answer.text().contains("line ends are missing: send with --data-binary");
            assert_eq!(says, names_line_ends, "{form}: {answer:?}");
            assert!(answer.text().contains("parsing error in line "), "{form}: {answer:?}");
        }
        assert_eq!(stored(&gateway), before, "{form}");
    }
}

#[test]
fn bodies_that_are_whole_are_taken_as_before() {
    let gateway = start(&[]);
    for (body, samples) in [
        ("m 1", 1),
        ("# TYPE m gauge\nm 1", 1),
        (LATER_FORMAT, 1),
        ("# TYPE m gauge\nm 1\n# EOF", 1),
        ("m 1\r\nn 2", 2),
        ("", 0),
        ("# nothing to tell\n", 0),
        ("# HELP m Without\\nany sample.\n# TYPE m gauge\n", 0),
        ("# EOF", 0),
        ("# HELP m one\\nm 1\nn 2\n", 1),
    ] {
        assert_eq!(gateway.put("/metrics/job/a", body).status, 200, "{body}");
        assert_eq!(gateway.pushed().len(), samples, "{body}");
    }
}
