//! How a scrape shows one family: its name, its kind, its labels, in the form of the answer.

use std::sync::Arc;

use super::accept::Format;
use super::assign::ShownFamily;
use super::form::{Form, rendering_key};
use super::label_names::LabelNames;
use super::naming::Naming;
use super::{escaped_text, open_metrics, protobuf};
use crate::exposition::{self, Kind};
use crate::shard::{Block, RenderingKey};

/// How a scrape shows one family.
#[derive(Debug)]
pub(super) struct Showing {
    pub(super) form: Form,
    /// Its name in the texts of its pages.
    stored: Arc<str>,
    name: String,
    kind: Kind,
    labels: LabelNames,
    /// Names the renderings of its pages: the same for whatever shows them in the same bytes.
    pub(super) key: RenderingKey,
}

impl Showing {
    /// The family `stored`, shown as `shown` with its label names as `labels` has them.
    pub(super) fn new(
        form: Form,
        stored: &Arc<str>,
        shown: ShownFamily<'_>,
        labels: LabelNames,
    ) -> Showing {
        let ShownFamily { name, kind } = shown;
        let format = match form.format {
            Format::Text => 0,
            Format::OpenMetrics(_) => 1,
            Format::Protobuf => 2,
        };
        let key = rendering_key((format, form.gzip, form.part, &*name, kind, &labels));
        Showing { form, stored: Arc::clone(stored), name: name.into_owned(), kind, labels, key }
    }

    /// The name that it is shown under.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the samples are shown in the very bytes that are stored.
    pub(super) fn is_as_stored(&self) -> bool {
        self.naming().is_plain()
            && match self.form.format {
                Format::Text => true,
                Format::OpenMetrics(_) => !open_metrics::changes_samples(self.kind, &self.name),
                Format::Protobuf => false,
            }
    }

    /// Whether a block's native form is shown rather than its text.
    pub(super) fn shows_natives(&self) -> bool {
        self.form.format == Format::Protobuf
    }

    /// Writes samples, given as canonical text.
    pub(super) fn write_text(&self, out: &mut Vec<u8>, text: &[u8]) {
        let naming = self.naming();
        match self.form.format {
            _ if self.is_as_stored() => out.extend_from_slice(text),
            Format::Text => escaped_text::write_samples(out, text, &naming),
            Format::OpenMetrics(_) => open_metrics::write_samples(out, self.kind, text, &naming),
            Format::Protobuf => protobuf::write_metrics(out, self.kind, text, &naming),
        }
    }

    /// Writes what a group holds of the family.
    pub(super) fn write_block(&self, out: &mut Vec<u8>, block: Block<'_>) {
        match block.native.filter(|_| self.shows_natives()) {
            None => self.write_text(out, block.text),
            Some(native) if self.labels.is_plain() => out.extend_from_slice(native),
            Some(native) => protobuf::rewrite_labels(out, native, &self.naming()),
        }
    }

    /// Writes what stands before the samples, of which there are `samples_bytes`.
    pub(super) fn write_header(&self, out: &mut Vec<u8>, help: &str, samples_bytes: usize) {
        let (name, kind) = (&*self.name, self.kind);
        match self.form.format {
            Format::Text => exposition::write_header(out, name, kind, help),
            Format::OpenMetrics(_) => open_metrics::write_header(out, name, kind, help),
            Format::Protobuf => {
                let mut header = Vec::new();
                protobuf::write_header(&mut header, name, kind, help);
                protobuf::write_delimiter(out, header.len() + samples_bytes);
                out.extend_from_slice(&header);
            }
        }
    }

    fn naming(&self) -> Naming<'_> {
        Naming { stored: &self.stored, shown: &self.name, labels: &self.labels }
    }
}
