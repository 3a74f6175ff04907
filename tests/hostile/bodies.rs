//! Bodies in text: what is not an exposition, and what is too much of one.

use crate::hostile::case::{Case, answered, cases, push, refused, stored};

fn text(body: impl AsRef<[u8]>) -> Vec<u8> {
    push("/metrics/job/good", "", body)
}

pub(crate) fn table() -> Vec<Case> {
    let mut table = cases([
        ("nothing", text(""), stored()),
        ("nothing but line ends", text("\n".repeat(100_000)), stored()),
        ("nothing but blanks", text(" ".repeat(100_000)), stored()),
        ("a NUL", text("\0"), answered(400)),
        ("a NUL in a name", text("m\0 1\n"), answered(400)),
        ("a NUL in a value", text("m 1\0\n"), answered(400)),
        ("a NUL in a label value", text("m{l=\"a\0b\"} 1\n"), stored()),
        ("a NUL in a HELP", text("# HELP m a\0b\nm 1\n"), stored()),
        ("a byte order mark", text("\u{feff}m 1\n"), stored()),
        ("what is not UTF-8 in a name", text(b"\xff 1\n"), answered(400)),
        ("what is not UTF-8 in a label value", text(b"m{l=\"\xff\"} 1\n"), answered(400)),
        ("what is not UTF-8 in a HELP", text(b"# HELP m \xc0\xaf\nm 1\n"), answered(400)),
        ("what is not UTF-8 in a comment", text(b"# \xff\nm 1\n"), stored()),
        ("a surrogate in a label value", text(b"m{l=\"\xed\xa0\x80\"} 1\n"), answered(400)),
        (
            "UTF-16",
            text("m 1\n".encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()),
            answered(400),
        ),
        ("JSON", text("{\"m\": 1}\n"), answered(400)),
        ("HTML", text("<html><body>m 1</body></html>\n"), answered(400)),
        ("an escape that is none", text("m{l=\"\\x\"} 1\n"), answered(400)),
        ("a quote that stays open", text("m{l=\"a} 1\n"), answered(400)),
        ("a quote that stays open over a line", text("m{l=\"a\n\"} 1\n"), answered(400)),
        ("a brace that stays open", text("m{l=\"a\" 1\n"), answered(400)),
        ("braces in braces", text("m{{l=\"a\"}} 1\n"), answered(400)),
        ("a label without quotes", text("m{l=a} 1\n"), answered(400)),
        ("a label twice", text("m{l=\"a\",l=\"b\"} 1\n"), answered(400)),
        ("a label that is the name", text("m{__name__=\"evil\"} 1\n"), answered(400)),
        ("another job", text("m{job=\"evil\"} 1\n"), stored()),
        ("a value without a name", text(" 1\n"), answered(400)),
        ("a name without a value", text("m\n"), answered(400)),
        ("a name without a value, without its line end", text("m"), answered(400)),
        ("a name that begins with a digit", text("1m 1\n"), answered(400)),
        ("a name with a dot", text("m.n 1\n"), answered(400)),
        ("three values", text("m 1 2 3\n"), answered(400)),
        ("a timestamp", text("m 1 1395066363000\n"), answered(400)),
        ("a timestamp beyond 64 bits", text("m 1 99999999999999999999999\n"), answered(400)),
        ("a type twice", text("# TYPE m gauge\n# TYPE m gauge\nm 1\n"), answered(400)),
        ("a type behind its samples", text("m 1\n# TYPE m gauge\n"), answered(400)),
        ("a type that nobody knows", text("# TYPE m evil\nm 1\n"), answered(400)),
        ("the same sample twice", text("m 1\nm 1\n"), answered(400)),
        (
            "families that are interleaved",
            text("# TYPE m counter\nm{a=\"1\"} 1\nn 1\nm{a=\"2\"} 1\n"),
            stored(),
        ),
        ("a bucket without its bound", text("# TYPE m histogram\nm_bucket 1\n"), stored()),
        (
            "a bucket whose bound is none",
            text("# TYPE m histogram\nm_bucket{le=\"evil\"} 1\n"),
            answered(400),
        ),
        ("a negative count", text("# TYPE m histogram\nm_count -1\n"), answered(400)),
        ("a quantile that is none", text("# TYPE m summary\nm{quantile=\"x\"} 1\n"), answered(400)),
        ("a count beyond 64 bits", text("# TYPE m histogram\nm_count 1e300\n"), stored()),
        ("the gateway's own name", text("push_time_seconds 1\n"), stored()),
        (
            "the gateway's own family as another kind",
            text("# TYPE pushgateway_build_info histogram\npushgateway_build_info_count 1\n"),
            answered(400),
        ),
    ]);
    let numbers = [
        ("1e999", answered(400)),
        ("-1e999", answered(400)),
        ("1e-999", stored()),
        ("1e99999999999999999999", answered(400)),
        ("nan", stored()),
        ("+Inf", stored()),
        ("infinity", stored()),
        ("0x1p-2", answered(400)),
        ("0x10", answered(400)),
        ("1_000", answered(400)),
        ("1e", answered(400)),
        ("e1", answered(400)),
        (".", answered(400)),
        ("--1", answered(400)),
        ("1,5", answered(400)),
        ("\u{661}", answered(400)),
    ];
    table.extend(cases(numbers.map(|(number, expected)| {
        (format!("the number {number}"), text(format!("m {number}\n")), expected)
    })));
    let long = |bytes: usize| "x".repeat(bytes);
    table.extend(cases([
        ("a number of 100 KB", text(format!("m {}\n", "1".repeat(100_000))), answered(400)),
        ("a number of 100 KB of zeros", text(format!("m 0.{}1\n", "0".repeat(100_000))), stored()),
        ("a name of 1 MB", text(format!("{} 1\n", long(1 << 20))), stored()),
        ("a line of 1 MB that is none", text(long(1 << 20)), answered(400)),
        ("a comment of 1 MB", text(format!("# {}\nm 1\n", long(1 << 20))), stored()),
        ("a HELP of 1 MB", text(format!("# HELP m {}\nm 1\n", long(1 << 20))), stored()),
        ("a label value of 60 KB", text(format!("m{{l=\"{}\"}} 1\n", long(60_000))), stored()),
        (
            "a label value of backslashes",
            text(format!("m{{l=\"{}\"}} 1\n", "\\\\".repeat(30_000))),
            stored(),
        ),
        (
            "1,000 labels",
            text(format!(
                "m{{{}}} 1\n",
                (0..1000).map(|at| format!("l{at}=\"v\"")).collect::<Vec<_>>().join(",")
            )),
            stored(),
        ),
        (
            "20,000 names",
            text((0..20_000).map(|at| format!("m{at} 1\n")).collect::<String>()),
            stored(),
        ),
        (
            "50,000 series of a name",
            text((0..50_000).map(|at| format!("m{{l=\"{at}\"}} 1\n")).collect::<String>()),
            stored(),
        ),
        (
            "20,000 types",
            text((0..20_000).map(|at| format!("# TYPE m{at} histogram\n")).collect::<String>()),
            stored(),
        ),
        (
            "100,000 names with a fault at the end",
            text(format!(
                "{}evil\n",
                (0..100_000).map(|at| format!("m{at} 1\n")).collect::<String>()
            )),
            answered(400),
        ),
        ("20,000 braces", text("{".repeat(20_000)), answered(400)),
        ("a body just at the bound", text("#".repeat(1_499_999) + "\n"), stored()),
        ("a body just above the bound", text("#".repeat(1_500_001)), refused(413)),
        (
            "a grouping label that makes each sample large",
            push(&format!("/metrics/job/{}", long(60_000)), "", "m 1\n".repeat(10)),
            answered(400),
        ),
    ]));
    table
}
