//! What a batch is besides its values, in 64 bits.

use std::num::NonZeroU64;

use crate::push::batch::series::SeriesHasher;

/// Stands for everything in a batch but the values of its samples and the labels of its group. Of two batches for one group that have
/// the same likeness, both bring the same families, with the same types, help texts and series. It is made with the secret of the fingerprints. It has
/// half of their bits, because it is compared with one other likeness and not with those of all groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Likeness(NonZeroU64);

impl Likeness {
    /// Of a batch that is fully said by these bytes. `None` for a few, so that one that may be missing takes no more room.
    pub(crate) fn of(said: &[u8]) -> Option<Likeness> {
        NonZeroU64::new(SeriesHasher::get().part(said).bits()).map(Likeness)
    }
}
