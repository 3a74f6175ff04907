//! The answer to a scrape, put together from what is rendered.

use std::sync::Arc;

use bytes::Bytes;

use super::accept::Format;
use super::form::Form;
use super::gzip::{self, Checks};
use super::open_metrics;
use super::runs::{self, Runs};
use super::showing::Showing;
use crate::shard::Rendering;

/// Up to this many bytes, copying costs less than sending a chunk of its own.
const COPIED_BYTES_MAX: usize = 4 << 10;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its bytes, in chunks that may be shared with the shards.
    pub chunks: Vec<Bytes>,
    /// How many bytes it is without compression.
    pub plain_bytes: usize,
}

/// A family and how many of the renderings are its.
#[derive(Debug)]
pub(super) struct ShownSamples {
    pub(super) showing: Arc<Showing>,
    /// Escaped; empty when there is none.
    pub(super) help: Arc<str>,
    /// The samples of the gateway's own.
    pub(super) own: Vec<u8>,
    pub(super) pieces: usize,
}

/// Puts the families and the renderings of their pieces together.
pub(super) fn assemble(
    form: Form,
    families: &[ShownSamples],
    renderings: Vec<Rendering>,
    runs: &Runs,
) -> Answer {
    let mut writer = Writer::new(form.gzip.then_some(runs));
    let mut rest = renderings.into_iter();
    let mut own = Vec::new();
    for family in families {
        let renderings: Vec<Rendering> = rest.by_ref().take(family.pieces).collect();
        own.clear();
        family.showing.write_text(&mut own, &family.own);
        let samples_bytes =
            own.len() + renderings.iter().map(Rendering::plain_bytes).sum::<usize>();
        if samples_bytes == 0 {
            continue; // Nothing of it is in this part.
        }
        // What the gateway says about itself changes with every scrape; what stands around it does not.
        if own.is_empty() == writer.is_own {
            writer.end_run();
            writer.is_own = !own.is_empty();
        }
        family.showing.write_header(&mut writer.run, &family.help, samples_bytes);
        writer.run.extend_from_slice(&own);
        renderings.into_iter().for_each(|rendering| writer.push(rendering));
        writer.family_ends(family.showing.name());
    }
    if matches!(form.format, Format::OpenMetrics(_)) {
        writer.run.extend_from_slice(open_metrics::EOF);
    }
    writer.finish()
}

/// What has been put together so far.
struct Writer<'r> {
    chunks: Vec<Bytes>,
    plain_bytes: usize,
    /// What stands behind the chunks and is too small to be one.
    run: Vec<u8>,
    is_own: bool,
    /// For an answer that is compressed.
    gzip: Option<(&'r Runs, Checks)>,
}

impl<'r> Writer<'r> {
    fn new(runs: Option<&'r Runs>) -> Self {
        let chunks = runs.map(|_| Bytes::from_static(&gzip::HEADER)).into_iter().collect();
        let gzip = runs.map(|runs| (runs, Checks::default()));
        Writer { chunks, plain_bytes: 0, run: Vec::new(), is_own: false, gzip }
    }

    fn push(&mut self, rendering: Rendering) {
        let is_small = rendering.bytes.len() <= COPIED_BYTES_MAX;
        if rendering.deflated.is_none() && (is_small || self.gzip.is_some()) {
            return self.run.extend_from_slice(&rendering.bytes);
        }
        self.end_run();
        self.push_chunk(rendering);
    }

    fn push_chunk(&mut self, rendering: Rendering) {
        self.plain_bytes += rendering.plain_bytes();
        if let (Some((_, checks)), Some(deflated)) = (&mut self.gzip, rendering.deflated) {
            checks.add(deflated);
        }
        self.chunks.push(rendering.bytes);
    }

    fn family_ends(&mut self, name: &str) {
        if self.gzip.is_some() && runs::ends_behind(name, self.run.len()) {
            self.end_run();
        }
    }

    fn end_run(&mut self) {
        if self.run.is_empty() {
            return;
        }
        let run = std::mem::take(&mut self.run);
        let rendering = match &self.gzip {
            Some(_) if self.is_own => gzip::deflate(&run),
            Some((runs, _)) => runs.fragment(&run),
            None => Rendering::plain(run.into()),
        };
        self.push_chunk(rendering);
    }

    fn finish(mut self) -> Answer {
        self.end_run();
        if let Some((runs, checks)) = &self.gzip {
            self.chunks.push(checks.trailer());
            runs.forget_unused();
        }
        Answer { chunks: self.chunks, plain_bytes: self.plain_bytes }
    }
}
