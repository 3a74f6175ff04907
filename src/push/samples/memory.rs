//! The memory that a push takes while it is decoded: asked for before it is taken, and bounded.

use super::Decoder;
use super::families::{FamilyInProgress, Segment};
use crate::push::allowance::TooLarge;
use crate::push::batch::series::Series;
use crate::push::error::Rejected;
use crate::push::place::Place;

/// How many lines, or metrics of protobuf, are read before it is asked again whether there is memory for them.
const LINES_PER_LOOK: u32 = 64;
/// What a family takes besides: where its messages lie, its place in the batch, its hash.
const FAMILY_BYTES: usize = 192;
/// Labels that take more than this are asked for by themselves.
pub(super) const LONG_LABELS_BYTES: usize = 4 << 10;

/// Why a push is not read to its end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stopped {
    TooLarge,
    NoRoom,
}

impl Decoder<'_, '_> {
    /// Whether what has been taken so far is within the bound, once rendered. A family counts for what it
    /// takes up meanwhile, since a few bytes make one that shows nothing.
    #[inline]
    pub(crate) fn check_size(&mut self, at: Place) -> Result<(), Rejected> {
        let families_bytes = self.families.list.len() * size_of::<FamilyInProgress<'_>>();
        let rendered_bytes = self.text.len() + self.native.len() + self.assembly.rendered_bytes();
        self.looks = self.looks.wrapping_add(1);
        let is_large = families_bytes + rendered_bytes > self.allowance.rendered_bytes_max;
        if is_large || self.looks.is_multiple_of(LINES_PER_LOOK) || self.stopped.is_some() {
            return self.look_at_size(is_large, at);
        }
        Ok(())
    }

    #[cold]
    fn look_at_size(&mut self, is_large: bool, at: Place) -> Result<(), Rejected> {
        if is_large {
            self.stopped = Some(Stopped::TooLarge);
        }
        if self.looks.is_multiple_of(LINES_PER_LOOK) {
            self.hold(0);
        }
        self.go_on(at)
    }

    /// Whether nothing has been left out.
    pub(super) fn go_on(&self, at: Place) -> Result<(), Rejected> {
        match self.stopped {
            None => Ok(()),
            Some(Stopped::NoRoom) => Err(Rejected::NoRoom),
            Some(Stopped::TooLarge) => Err(Rejected::TooLarge(TooLarge {
                bytes_max: self.allowance.rendered_bytes_max,
                at: Some(at),
                key_bytes: self.key.text().len(),
            })),
        }
    }

    /// How many bytes of memory are taken. Whatever grows twofold is there twice while it does; the text grows by
    /// [`Decoder::grow`], which counts for itself.
    pub(super) fn memory_bytes(&self) -> usize {
        let family_bytes = size_of::<FamilyInProgress<'_>>() + FAMILY_BYTES;
        let segments = self.segments + self.assembly.series_len();
        self.text.capacity()
            + self.native.capacity()
            + self.series.capacity() * size_of::<Series>()
            + 2 * self.families.list.len() * family_bytes
            + 2 * segments * size_of::<Segment>()
            + self.help_bytes
            + self.names.kept_bytes()
            + self.assembly.memory_bytes()
    }

    /// Asks for what is taken and `more` bytes, and answers whether there is so much.
    pub(super) fn hold(&mut self, more: usize) -> bool {
        let has_room = self.allowance.holds(self.memory_bytes().saturating_add(more));
        if !has_room {
            self.stopped.get_or_insert(Stopped::NoRoom);
        }
        has_room
    }

    /// Whether a sample of so many bytes, and its series, can be added to the text. Where not, the push goes no further.
    pub(super) fn has_room(&mut self, bytes: usize) -> bool {
        let is_there = self.text.capacity() - self.text.len() >= bytes
            && self.series.len() < self.series.capacity();
        is_there || self.grow(bytes)
    }

    #[cold]
    fn grow(&mut self, bytes: usize) -> bool {
        let (len, bytes_max) = (self.text.len(), self.allowance.rendered_bytes_max);
        if len + bytes > bytes_max {
            self.stopped.get_or_insert(Stopped::TooLarge);
            return false;
        }
        let (series, text) = (&self.series, &self.text);
        let more_series = if series.len() < series.capacity() { 0 } else { series.len().max(4) };
        let is_full = text.capacity() - len < bytes;
        let wanted = (2 * text.capacity()).min(bytes_max).max(len + bytes);
        let more_text = if is_full { wanted - text.capacity() } else { 0 };
        if !self.hold(more_text + more_series * size_of::<Series>()) {
            return false;
        }
        self.series.reserve_exact(more_series);
        if is_full {
            self.text.reserve_exact(wanted - len);
        }
        true
    }

    /// Whether a help text of so many bytes can be written anew.
    pub(crate) fn has_help_room(&mut self, bytes: usize) -> bool {
        self.help_bytes += 2 * bytes; // Each may need an escape.
        bytes <= LONG_LABELS_BYTES || self.hold(0)
    }

    /// Whether `bytes` more of protobuf can be kept; makes room for them.
    pub(crate) fn has_native_room(&mut self, bytes: usize) -> bool {
        if self.native.capacity() - self.native.len() >= bytes {
            return true;
        }
        let wanted = (2 * self.native.capacity()).max(self.native.len() + bytes);
        let has_room = self.hold(wanted - self.native.capacity());
        if has_room {
            self.native.reserve_exact(wanted - self.native.len());
        }
        has_room
    }
}
