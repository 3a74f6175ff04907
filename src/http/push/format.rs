//! How the body of a push is written, as the head of its request says.

use hyper::HeaderMap;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};

use crate::exposition::MediaType;
use crate::push::{Allowance, Batch, Encoding, GroupingKey, Rejected, Rules};
use crate::push::{decode_protobuf_within, decode_within, expected, expected_of_protobuf};

/// Text or delimited protobuf, and how it is compressed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) is_protobuf: bool,
    pub(crate) encoding: Encoding,
}

impl Format {
    /// Text that is not compressed.
    pub(crate) const TEXT: Format = Format { is_protobuf: false, encoding: Encoding::Identity };

    pub(crate) fn of(headers: &HeaderMap) -> Format {
        let encoding = headers.get(CONTENT_ENCODING);
        let encoding =
            encoding.map_or(Encoding::Identity, |value| Encoding::parse(value.as_bytes()));
        Format { is_protobuf: is_protobuf(headers), encoding }
    }

    /// Decodes a body that is not compressed any more.
    pub(crate) fn decode(
        self,
        key: &GroupingKey,
        body: &[u8],
        rules: Rules,
        allowance: Allowance<'_>,
    ) -> Result<Batch, Rejected> {
        let decode = if self.is_protobuf { decode_protobuf_within } else { decode_within };
        decode(key, body, rules, allowance)
    }

    /// About how many bytes a body decodes to.
    pub(crate) fn expected_bytes(self, key: &GroupingKey, body: &[u8]) -> usize {
        if self.is_protobuf { expected_of_protobuf(key, body) } else { expected(key, body).0 }
    }
}

/// Whether the head announces delimited protobuf. As in the reference, any less precise type is read as text.
fn is_protobuf(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.and_then(MediaType::parse).is_some_and(|media| media.is_delimited_protobuf())
}
