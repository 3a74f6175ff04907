//! Bodies that are compressed or in protobuf: bombs, damage, and lengths that lie.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use crate::hostile::case::{Case, answered, cases, push, stored};

const PROTOBUF: &str = "content-type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited\r\n";

fn gzip(plain: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain.as_ref()).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn snappy(plain: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(plain.as_ref()).expect("memory takes all");
    encoder.into_inner().expect("memory takes all")
}

fn encoded(encoding: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    push("/metrics/job/good", &format!("content-encoding: {encoding}\r\n"), body)
}

/// These bytes with one of them changed.
fn changed(mut bytes: Vec<u8>, at: usize, to: u8) -> Vec<u8> {
    bytes[at] = to;
    bytes
}

pub(crate) fn table() -> Vec<Case> {
    [gzipped(), snapped(), protobuf()].into_iter().flatten().collect()
}

fn gzipped() -> Vec<Case> {
    let whole = || gzip("m 1\n".repeat(100) + "\n");
    let good = || gzip("m 1\n");
    let length = whole().len();
    let zlib = || {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(b"m 1\n").expect("memory takes all");
        encoder.finish().expect("memory takes all")
    };
    let deflate = || {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(b"m 1\n").expect("memory takes all");
        encoder.finish().expect("memory takes all")
    };
    let bomb = || gzip(vec![b'\n'; 20_000_000]);
    cases([
        ("gzip", encoded("gzip", good()), stored()),
        ("gzip in capitals", encoded("GZIP", good()), stored()),
        ("gzip twice in the header", encoded("gzip, gzip", good()), answered(415)),
        ("gzip of gzip", encoded("gzip", gzip(good())), answered(400)),
        ("a gzip bomb", encoded("gzip", bomb()), answered(413)),
        (
            "a gzip bomb in many members",
            encoded("gzip", gzip(vec![b'\n'; 1_000_000]).repeat(20)),
            answered(413),
        ),
        ("a gzip bomb in a gzip bomb", encoded("gzip", gzip(bomb())), answered(400)),
        ("1,000 empty members of gzip", encoded("gzip", gzip("").repeat(1000)), stored()),
        ("nothing said to be gzip", encoded("gzip", ""), answered(400)),
        ("text said to be gzip", encoded("gzip", "m 1\n"), answered(400)),
        ("gzip that is not said", push("/metrics/job/good", "", good()), answered(400)),
        ("gzip without its last byte", encoded("gzip", &whole()[..length - 1]), answered(400)),
        ("half of gzip", encoded("gzip", &whole()[..length / 2]), answered(400)),
        ("the head of gzip only", encoded("gzip", &whole()[..10]), answered(400)),
        (
            "gzip with a wrong sum",
            encoded("gzip", changed(good(), good().len() - 8, 0)),
            answered(400),
        ),
        (
            "gzip with a wrong length",
            encoded("gzip", changed(good(), good().len() - 1, 99)),
            answered(400),
        ),
        ("gzip with another method", encoded("gzip", changed(good(), 2, 7)), answered(400)),
        (
            "gzip with a name that never ends",
            encoded("gzip", [&changed(good(), 3, 8)[..10], &[b'x'; 100_000]].concat()),
            answered(400),
        ),
        (
            "gzip with words behind it",
            encoded("gzip", [good(), b"evil".to_vec()].concat()),
            answered(400),
        ),
        ("zlib said to be gzip", encoded("gzip", zlib()), answered(400)),
        ("deflate", encoded("deflate", deflate()), answered(415)),
        ("brotli", encoded("br", "m 1\n"), answered(415)),
        ("zstd", encoded("zstd", b"\x28\xb5\x2f\xfd\x04\x00"), answered(415)),
        ("an encoding that nobody knows", encoded("evil", "m 1\n"), answered(415)),
        ("an empty encoding", encoded("", "m 1\n"), stored()),
    ])
}

fn snapped() -> Vec<Case> {
    let good = || snappy("m 1\n");
    let length = good().len();
    cases([
        ("snappy", encoded("snappy", good()), stored()),
        ("text said to be snappy", encoded("snappy", "m 1\n"), answered(400)),
        ("a snappy bomb", encoded("snappy", snappy(vec![b'\n'; 8_000_000])), answered(413)),
        ("snappy without its last byte", encoded("snappy", &good()[..length - 1]), answered(400)),
        ("snappy with a wrong sum", encoded("snappy", changed(good(), 14, 0)), answered(400)),
        (
            "snappy of a chunk that nobody knows",
            encoded("snappy", changed(good(), 10, 0x7f)),
            answered(400),
        ),
        (
            "snappy with a chunk of 16 MiB told",
            encoded("snappy", [&good()[..10], b"\x00\xff\xff\xff"].concat()),
            answered(400),
        ),
        ("snappy without frames", encoded("snappy", b"\x04\x0cm 1\n"), answered(400)),
        ("snappy of gzip", encoded("snappy", snappy(gzip("m 1\n"))), answered(400)),
    ])
}

fn protobuf() -> Vec<Case> {
    let body = |bytes: &[u8]| push("/metrics/job/good", PROTOBUF, bytes);
    // A gauge m of 1.
    let family: &[u8] = b"\x0a\x01m\x18\x01\x22\x0b\x12\x09\x09\0\0\0\0\0\0\xf0\x3f";
    let framed = |length: u8, message: &[u8]| body(&[&[length], message].concat());
    let whole = family.len() as u8;
    cases([
        ("protobuf", framed(whole, family), stored()),
        ("no protobuf", body(b""), stored()),
        ("text said to be protobuf", body(b"m 1\n"), answered(400)),
        ("a length of protobuf that is missing", body(b"\x80"), answered(400)),
        ("a length of protobuf of eleven bytes", body(&[0xff; 11]), answered(400)),
        (
            "a length of protobuf of 2^63",
            body(b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
            answered(400),
        ),
        ("a length of protobuf one too small", framed(whole - 1, family), answered(400)),
        ("a length of protobuf one too large", framed(whole + 1, family), answered(400)),
        (
            "a length within protobuf that lies",
            framed(whole, &changed(family.to_vec(), 6, 0x7f)),
            answered(400),
        ),
        (
            "a string of protobuf that is not UTF-8",
            framed(whole, &changed(family.to_vec(), 2, 0xff)),
            answered(400),
        ),
        (
            "a type of protobuf that nobody knows",
            framed(whole, &changed(family.to_vec(), 4, 99)),
            answered(400),
        ),
        ("a field of protobuf numbered 0", framed(2, b"\0\0"), answered(400)),
        (
            "groups of protobuf in groups",
            body(&[&[0xe8, 0x07][..], &[0x5b; 1000]].concat()),
            answered(400),
        ),
        ("100,000 empty messages of protobuf", body(&vec![0; 100_000]), answered(400)),
        (
            "a field of protobuf that nobody knows",
            framed(whole + 3, &[family, b"\xf8\x07\x01"].concat()),
            stored(),
        ),
    ])
}
