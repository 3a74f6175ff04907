//! What a body that cannot be read may be instead, from its first bytes.
//!
//! Only the text of an error depends on it: a body is never read in another way than its head says.

use std::fmt;

use memchr::{memchr, memmem};

use crate::exposition::is_metric_name;
use crate::push::protobuf::wire;

/// A block of snappy is unpacked to so many bytes at most, to see what is in it.
const UNPACKED_BYTES_MAX: usize = 64 << 10;

/// What a body looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// gzip.
    Gzip,
    /// Snappy in frames.
    FramedSnappy,
    /// A bare block of snappy.
    SnappyBlock,
    /// A write request of the remote write protocol.
    RemoteWrite,
    /// zstd.
    Zstd,
    /// Text of two bytes for each character.
    Utf16,
    /// `MetricFamily` messages, each behind its length.
    Protobuf,
    /// Such a message without its length.
    BareProtobuf,
    /// JSON.
    Json,
    /// HTML or XML.
    Markup,
    /// The fields of an HTML form.
    Form,
}

/// What `body` looks like, if it is none of what a gateway takes in that place.
pub fn guess(body: &[u8]) -> Option<Guess> {
    let trimmed = body.trim_ascii();
    match body {
        [0x1f, 0x8b, ..] => Some(Guess::Gzip),
        [0xff, 0x06, 0, 0, b's', b'N', b'a', b'P', b'p', b'Y', ..] => Some(Guess::FramedSnappy),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Guess::Zstd),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, 0, ..] | [_, 0, _, 0, ..] => {
            Some(Guess::Utf16)
        }
        _ if is_family(body) => Some(Guess::BareProtobuf),
        _ if wire::delimited(&mut &*body).is_ok_and(is_family) => Some(Guess::Protobuf),
        _ => match (trimmed.first()?, trimmed.last()?) {
            (b'{', b'}') | (b'[', b']') => Some(Guess::Json),
            (b'<', b'>') => Some(Guess::Markup),
            _ if is_form(trimmed) => Some(Guess::Form),
            _ => block_of_snappy(body),
        },
    }
}

/// Whether a message begins with the name of a family.
fn is_family(message: &[u8]) -> bool {
    let name = message.strip_prefix(b"\x0a").and_then(|mut rest| wire::delimited(&mut rest).ok());
    name.is_some_and(is_metric_name)
}

/// Of many parts, or `NAME=VALUE` with `&` between and all blanks encoded.
fn is_form(body: &[u8]) -> bool {
    let is_multipart = body.starts_with(b"--")
        && memmem::find(body, b"ontent-").is_some_and(|at| {
            body[at..].starts_with(b"ontent-Disposition:")
                || body[at..].starts_with(b"ontent-disposition:")
        });
    let is_encoded = memchr(b'=', body).is_some_and(|at| is_metric_name(&body[..at]))
        && !body.iter().any(|byte| byte.is_ascii_whitespace() || b"{\"".contains(byte));
    is_multipart || is_encoded
}

fn block_of_snappy(body: &[u8]) -> Option<Guess> {
    let length = snap::raw::decompress_len(body).ok()?;
    if length == 0 || length > UNPACKED_BYTES_MAX {
        return None;
    }
    let unpacked = snap::raw::Decoder::new().decompress_vec(body).ok()?;
    // A write request begins with a series, which begins with a label, which begins with its name.
    let mut rest = &unpacked[..];
    let series = rest.strip_prefix(b"\x0a").and_then(|behind| {
        rest = behind;
        wire::delimited(&mut rest).ok()
    });
    let label = series.and_then(|series| series.strip_prefix(b"\x0a"));
    let label = label.and_then(|mut label| wire::delimited(&mut label).ok());
    Some(if label.is_some_and(is_family) { Guess::RemoteWrite } else { Guess::SnappyBlock })
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Guess::Gzip => "gzip: send it with Content-Encoding: gzip, once for each time it was compressed",
            Guess::FramedSnappy => "snappy: send it with Content-Encoding: snappy",
            Guess::SnappyBlock => "a block of snappy: send the framed format, or gzip",
            Guess::RemoteWrite => "a remote write request: a gateway takes pushes in the text format or as protobuf; send remote write to Prometheus",
            Guess::Zstd => "zstd: send it as gzip, or uncompressed",
            Guess::Utf16 => "UTF-16: save it as UTF-8 (in PowerShell: Out-File -Encoding ascii)",
            Guess::Protobuf => "protobuf: send it with Content-Type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            Guess::BareProtobuf => "a MetricFamily message without its length: put the length of each message in front of it, as a varint",
            Guess::Json => "JSON: send lines of the text format, such as: m{a=\"b\"} 1",
            Guess::Markup => "HTML or XML: send lines of the text format, such as: m{a=\"b\"} 1",
            Guess::Form => "an HTML form: send the lines themselves, with curl --data-binary @FILE",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_body_is_what_its_first_bytes_say() {
        let mut framed = snap::write::FrameEncoder::new(Vec::new());
        framed.write_all(b"m 1\n").expect("it is memory");
        let framed = framed.into_inner().expect("it is memory");
        let block =
            |body: &[u8]| snap::raw::Encoder::new().compress_vec(body).expect("it is short");
        let utf16 =
            |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let family = b"\x0a\x01m\x18\x01\x22\x0b\x12\x09\x09\0\0\0\0\0\0\xf0\x3f";
        let delimited = [&[family.len() as u8][..], family].concat();
        // A series with the label `__name__`.
        let write_request = b"\x0a\x0f\x0a\x0d\x0a\x08__name__\x12\x01m";
        for (body, expected) in [
            (&b"\x1f\x8b\x08\0\0"[..], Guess::Gzip),
            (&framed, Guess::FramedSnappy),
            (&block(b"m 1\nn 2\n"), Guess::SnappyBlock),
            (&block(write_request), Guess::RemoteWrite),
            (b"\x28\xb5\x2f\xfd\x04", Guess::Zstd),
            (&utf16("m 1\n"), Guess::Utf16),
            (&utf16("\u{feff}m 1\n"), Guess::Utf16),
            (family, Guess::BareProtobuf),
            (&delimited, Guess::Protobuf),
            (b" {\"m\": 1}\n", Guess::Json),
            (b"[1]", Guess::Json),
            (b"<html></html>\n", Guess::Markup),
            (b"m=1&n=2", Guess::Form),
            (
                b"--x\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nm 1\r\n--x--\r\n",
                Guess::Form,
            ),
        ] {
            assert_eq!(guess(body), Some(expected), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn text_with_a_mistake_is_text() {
        for text in [
            "m 45%\n",
            "m{a=\"b\"} yes\n",
            "# TYPE a gaugeb 1\n",
            "{\"m\"} x\n",
            "\nm x\n",
            "m = 1\n",
            "-- m\n",
            "",
        ] {
            assert_eq!(guess(text.as_bytes()), None, "{text}");
        }
    }
}
