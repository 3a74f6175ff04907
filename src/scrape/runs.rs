//! Runs: what is too small for a fragment of its own, compressed together.
//!
//! Between two large pages stand the header lines of families and the samples of small ones. A scrape
//! puts them into runs, and finds the fragment of a run that an earlier scrape has compressed by the
//! run's bytes. Where a run ends depends on the families in it, not on how many stand before them, so
//! that a family that comes or goes changes one run and not all behind it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use super::gzip::deflate;
use crate::shard::Rendering;

/// A run ends behind a family once it is this large,
const RUN_BYTES_MIN: usize = 8 << 10;
/// and the hash of the family's name is a multiple of this,
const RUN_ENDS_EVERY: u64 = 16;
/// or it is that large.
const RUN_BYTES_MAX: usize = 64 << 10;
/// A fragment is forgotten once no scrape has used it for this long: a few intervals of a slow scraper.
const UNUSED_WAIT: Duration = Duration::from_secs(300);
/// More bytes of fragments than this are not kept.
const RUNS_BYTES_MAX: usize = 64 << 20;

/// The fragments of the runs that the last scrapes had.
#[derive(Debug)]
pub struct Runs {
    /// Keeps it secret which runs would meet.
    seed: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// By the hash of the run; each with when it was last used.
    fragments: HashMap<u128, (Rendering, Instant), ahash::RandomState>,
    bytes: usize,
}

impl Default for Runs {
    fn default() -> Runs {
        Runs { seed: ahash::RandomState::new().hash_one(0), kept: Mutex::default() }
    }
}

impl Runs {
    /// How many bytes of fragments are kept.
    pub fn kept_bytes(&self) -> usize {
        self.lock().bytes
    }

    /// The fragment of a run.
    pub(super) fn fragment(&self, run: &[u8]) -> Rendering {
        let hash = xxh3_128_with_seed(run, self.seed);
        if let Some((found, used)) = self.lock().fragments.get_mut(&hash) {
            *used = Instant::now();
            return found.clone();
        }
        let made = deflate(run);
        let mut kept = self.lock();
        if kept.bytes + made.bytes.len() <= RUNS_BYTES_MAX {
            let before = kept.fragments.insert(hash, (made.clone(), Instant::now()));
            kept.bytes += made.bytes.len() - before.map_or(0, |(before, _)| before.bytes.len());
        }
        made
    }

    /// Forgets what no scrape uses any more.
    pub(super) fn forget_unused(&self) {
        let mut kept = self.lock();
        kept.fragments.retain(|_, (_, used)| used.elapsed() < UNUSED_WAIT);
        kept.bytes = kept.fragments.values().map(|(fragment, _)| fragment.bytes.len()).sum();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a run of so many bytes ends behind the family of that name.
pub(super) fn ends_behind(name: &str, run_bytes: usize) -> bool {
    run_bytes >= RUN_BYTES_MAX
        || (run_bytes >= RUN_BYTES_MIN && xxh3_64(name.as_bytes()).is_multiple_of(RUN_ENDS_EVERY))
}
