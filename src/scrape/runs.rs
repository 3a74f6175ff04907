//! Runs: what is too small for a fragment of its own, compressed together.
//!
//! Between two large pages stand the header lines of families and the samples of small ones. A scrape
//! puts them into runs, and finds the fragment of a run that an earlier scrape has compressed by the
//! run's bytes. Where a run ends depends on the families in it, not on how many stand before them, so
//! that a family that comes or goes changes one run and not all behind it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use super::gzip::deflate;
use crate::shard::Rendering;

/// A run ends behind a family once it is this large,
const RUN_BYTES_MIN: usize = 8 << 10;
/// and the hash of the family's name is a multiple of this,
const RUN_ENDS_EVERY: u64 = 16;
/// or it is that large.
const RUN_BYTES_MAX: usize = 64 << 10;
/// A fragment is forgotten when this many scrapes have not used it.
const UNUSED_SCRAPES_MAX: u64 = 8;

/// The fragments of the runs that the last scrapes had.
#[derive(Debug)]
pub struct Runs {
    /// Keeps it secret which runs would meet.
    seed: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    scrapes: u64,
    fragments: HashMap<u128, (Rendering, u64), ahash::RandomState>,
}

impl Default for Runs {
    fn default() -> Runs {
        Runs { seed: ahash::RandomState::new().hash_one(0), kept: Mutex::default() }
    }
}

impl Runs {
    /// How many bytes of fragments are kept.
    pub fn kept_bytes(&self) -> usize {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.fragments.values().map(|(fragment, _)| fragment.bytes.len()).sum()
    }

    /// The fragment of a run.
    pub(super) fn fragment(&self, run: &[u8]) -> Rendering {
        let hash = xxh3_128_with_seed(run, self.seed);
        if let Some(found) = self.find(hash) {
            return found;
        }
        let made = deflate(run);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let scrapes = kept.scrapes;
        kept.fragments.insert(hash, (made.clone(), scrapes));
        made
    }

    fn find(&self, hash: u128) -> Option<Rendering> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let scrapes = kept.scrapes;
        let (fragment, used) = kept.fragments.get_mut(&hash)?;
        *used = scrapes;
        Some(fragment.clone())
    }

    /// Notes the end of a scrape.
    pub(super) fn scraped(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.scrapes += 1;
        let scrapes = kept.scrapes;
        kept.fragments.retain(|_, (_, used)| *used + UNUSED_SCRAPES_MAX > scrapes);
    }
}

/// Whether a run of so many bytes ends behind the family of that name.
pub(super) fn ends_behind(name: &str, run_bytes: usize) -> bool {
    run_bytes >= RUN_BYTES_MAX
        || (run_bytes >= RUN_BYTES_MIN && xxh3_64(name.as_bytes()).is_multiple_of(RUN_ENDS_EVERY))
}
