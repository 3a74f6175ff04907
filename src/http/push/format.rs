//! How the body of a push is written, as the head of its request says.

use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, StatusCode};

use crate::exposition::{MediaType, Quoted};
use crate::http::failure::Failure;
use crate::push::{
    Allowance, Batch, Encoding, GroupingKey, Rejected, Rules, decode_open_metrics_within,
    decode_protobuf_within, decode_within, expected, expected_of_protobuf,
};

/// What a body is written in, and how it is compressed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    syntax: Syntax,
    pub(crate) encoding: Encoding,
}

#[derive(Debug, Clone, Copy)]
enum Syntax {
    /// The text format 0.0.4.
    Text,
    /// OpenMetrics in text.
    OpenMetrics,
    /// Delimited protobuf.
    Protobuf,
}

impl Format {
    /// Text that is not compressed.
    pub(crate) const TEXT: Format = Format { syntax: Syntax::Text, encoding: Encoding::Identity };

    /// What the head announces.
    ///
    /// # Errors
    /// When the body cannot be what the head says.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Format, Failure> {
        let encoding = match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            None => Encoding::Identity,
            Some(name) => Encoding::parse(name).ok_or_else(|| unknown_encoding(name))?,
        };
        Ok(Format { syntax: syntax(headers)?, encoding })
    }

    /// Decodes a body that is not compressed any more.
    pub(crate) fn decode(
        self,
        key: &GroupingKey,
        body: &[u8],
        rules: Rules,
        allowance: Allowance<'_>,
    ) -> Result<Batch, Rejected> {
        let decode = match self.syntax {
            Syntax::Text => decode_within,
            Syntax::OpenMetrics => decode_open_metrics_within,
            Syntax::Protobuf => decode_protobuf_within,
        };
        decode(key, body, rules, allowance)
    }

    /// About how many bytes a body decodes to.
    pub(crate) fn expected_bytes(self, key: &GroupingKey, body: &[u8]) -> usize {
        match self.syntax {
            Syntax::Protobuf => expected_of_protobuf(key, body),
            Syntax::Text | Syntax::OpenMetrics => expected(key, body).0,
        }
    }
}

fn unknown_encoding(name: &[u8]) -> Failure {
    let reason = format!(
        "Content-Encoding {} is not known: send gzip, snappy in frames, or no compression",
        Quoted(name)
    );
    Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason)
}

/// What a body is written in. As in the reference, any type is read as text that is not exactly that of delimited protobuf, but
/// for OpenMetrics.
fn syntax(headers: &HeaderMap) -> Result<Syntax, Failure> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some((text, media)) = content_type.and_then(|text| Some((text, MediaType::parse(text)?)))
    else {
        return Ok(Syntax::Text);
    };
    if media.is("application", "openmetrics-text") {
        return Ok(Syntax::OpenMetrics);
    }
    if !media.is("application", "vnd.google.protobuf") {
        return Ok(Syntax::Text);
    }
    if !media.is_well_formed() {
        return Err(Failure::bad_request(format_args!(
            "Content-Type {} is no media type: each parameter is NAME=VALUE, once; send application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            Quoted(text.as_bytes())
        )));
    }
    Ok(if media.is_delimited_protobuf() { Syntax::Protobuf } else { Syntax::Text })
}
