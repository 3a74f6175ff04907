//! The fingerprint of a series: 128 bits that stand for its name and labels.
//!
//! A fingerprint is the sum of the hashes of the name and of each label. The order of the labels does not matter, and
//! the labels of a group are hashed once for all samples of a push.

use std::sync::OnceLock;

use xxhash_rust::xxh3::xxh3_128_with_secret;

use crate::push::spelling::{kept_items, split_opening};

/// A family of so many series has them sorted in its batch.
pub(crate) const SORTED_LEN_MIN: usize = 4096;

/// The fingerprint of one series, made from its metric name and labels (for histograms and summaries without `le` and
/// `quantile`), without labels whose value is empty. Also that of a name or of some labels, which are the parts it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series(u64, u64);

impl Series {
    /// Bits that are as good as any hash of the series.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// All of it.
    pub(crate) fn bytes(self) -> [u8; 16] {
        (u128::from(self.0) << 64 | u128::from(self.1)).to_le_bytes()
    }

    /// The fingerprint of all that both stand for.
    pub(crate) fn with(self, part: Series) -> Series {
        Series(self.0.wrapping_add(part.0), self.1.wrapping_add(part.1))
    }

    /// The fingerprint without `part`.
    pub(crate) fn without(self, part: Series) -> Series {
        Series(self.0.wrapping_sub(part.0), self.1.wrapping_sub(part.1))
    }
}

/// Whether a series is there twice. Many are left sorted: a shard compares them with those there were.
pub(crate) fn has_duplicate(series: &mut [Series]) -> bool {
    if series.len() <= 16 {
        return series.iter().enumerate().any(|(at, one)| series[..at].contains(one));
    }
    let mut copied;
    let sorted = if series.len() < SORTED_LEN_MIN {
        copied = series.to_vec();
        &mut copied[..]
    } else {
        series
    };
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}

/// Makes fingerprints. One secret for the life of the process, drawn at random, so that nobody can
/// make up two series that meet.
#[derive(Debug, Clone, Copy)]
pub struct SeriesHasher(&'static [u8; SECRET_BYTES]);

const SECRET_BYTES: usize = 192;

impl SeriesHasher {
    /// The hasher of this process.
    pub fn get() -> SeriesHasher {
        static SECRET: OnceLock<[u8; SECRET_BYTES]> = OnceLock::new();
        SeriesHasher(SECRET.get_or_init(|| {
            let random = ahash::RandomState::new();
            let mut secret = [0; SECRET_BYTES];
            for (position, chunk) in secret.chunks_exact_mut(8).enumerate() {
                chunk.copy_from_slice(&random.hash_one(position).to_le_bytes());
            }
            secret
        }))
    }

    /// The fingerprint of the series with the canonical spelling `spelling`, which is `name{labels}`.
    pub fn series(self, spelling: &[u8]) -> Series {
        let (opening, items) = split_opening(spelling);
        let name = match opening {
            [] | [b'{'] => Series::default(), // The name is in quotes, and one of the items.
            [name @ .., _] => self.part(name),
        };
        kept_items(items).fold(name, |series, item| series.with(self.part(item)))
    }

    /// The fingerprint of a metric name, in quotes if it needs them, or of one label, spelled `name="value"`.
    pub(crate) fn part(self, spelling: &[u8]) -> Series {
        let hash = xxh3_128_with_secret(spelling, self.0);
        Series(hash as u64, (hash >> 64) as u64)
    }
}
