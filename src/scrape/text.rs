//! The text format 0.0.4, as a list of chunks.

use bytes::Bytes;

use super::merge::Exposition;
use crate::exposition::write_header;

/// Up to this many bytes, copying a page costs less than sending it as a chunk of its own.
const COPIED_BYTES_MAX: usize = 4 << 10;

impl Exposition<'_> {
    /// The chunks of the exposition. Concatenates the pages that are stale.
    pub fn text(&self) -> Vec<Bytes> {
        let mut chunks = Vec::new();
        let mut small = Vec::new();
        for family in &self.families {
            write_header(&mut small, family.name, family.kind, family.help);
            small.extend_from_slice(&family.own);
            for page in &family.pages {
                let text = page.text();
                if text.len() <= COPIED_BYTES_MAX {
                    small.extend_from_slice(text);
                    continue;
                }
                if !small.is_empty() {
                    chunks.push(Bytes::from(std::mem::take(&mut small)));
                }
                chunks.push(text.clone());
            }
        }
        if !small.is_empty() {
            chunks.push(Bytes::from(small));
        }
        chunks
    }
}
