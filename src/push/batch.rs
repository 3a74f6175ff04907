//! A decoded push: rendered families, ready for a shard.

use std::sync::OnceLock;

use xxhash_rust::xxh3::xxh3_128_with_secret;

use super::empty_labels::without_empty;
use crate::exposition::Kind;

/// The fingerprint of one series: a hash of its canonical spelling, `name{labels}` (for histograms
/// and summaries without `le` and `quantile`), without labels whose value is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series(u64, u64);

impl Series {
    /// Bits that are as good as any hash of the series.
    pub fn bits(self) -> u64 {
        self.0
    }
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

    /// The fingerprint of the series spelled `spelling`, for which labels with an empty value do not count.
    pub fn series(self, spelling: &[u8]) -> Series {
        self.as_spelled(&without_empty(spelling))
    }

    /// The same, at a lower cost where it is known whether any label but `instance` may be empty.
    pub(super) fn series_with(self, spelling: &[u8], has_empty: bool) -> Series {
        if has_empty { self.series(spelling) } else { self.as_spelled(spelling) }
    }

    fn as_spelled(self, spelling: &[u8]) -> Series {
        let hash = xxh3_128_with_secret(spelling, self.0);
        Series(hash as u64, (hash >> 64) as u64)
    }
}

/// The families of one push, sorted by name, each with its samples rendered.
#[derive(Debug, Default)]
pub struct Batch {
    /// The families; their names differ.
    pub families: Vec<BatchFamily>,
    /// The names and help texts of all families, one after the other.
    pub(super) strings: String,
    /// The fingerprints of all series. Those of a family stand together.
    pub(super) series: Vec<Series>,
    /// The rendered samples, likewise.
    pub(super) text: Vec<u8>,
    /// The protobuf forms that are kept, likewise.
    pub(super) native: Vec<u8>,
}

/// One family of a [`Batch`].
#[derive(Debug)]
pub struct BatchFamily {
    /// What the family is.
    pub kind: Kind,
    /// How many samples, which is how many lines, the family has.
    pub samples: u32,
    /// Whether any name in its samples may be in quotes.
    pub has_quoted_names: bool,
    /// Offsets into the batch's strings: where the name begins and ends, and where the help ends.
    pub(super) strings: [u32; 3],
    /// Where the fingerprints of the family stand among those of the batch.
    pub(super) series: [u32; 2],
    /// Where its samples stand in the text of the batch.
    pub(super) text: [u32; 2],
    /// Where its protobuf form stands among those kept; empty when the text says all of it.
    pub(super) native: [u32; 2],
}

impl BatchFamily {
    /// How many bytes its samples take, with their protobuf form where one is kept. What a batch holds is
    /// bounded well below what 32 bits can count.
    pub fn bytes(&self) -> u32 {
        let len = |[start, end]: [u32; 2]| end - start;
        len(self.text).saturating_add(len(self.native))
    }

    /// Whether its protobuf form is kept.
    pub fn has_native(&self) -> bool {
        self.native[0] < self.native[1]
    }
}

impl Batch {
    /// How many series it has.
    pub fn series_len(&self) -> usize {
        self.series.len()
    }

    /// How many bytes of memory the batch takes.
    pub fn memory_bytes(&self) -> usize {
        self.text.capacity()
            + self.native.capacity()
            + self.strings.capacity()
            + self.series.capacity() * size_of::<Series>()
            + self.families.capacity() * size_of::<BatchFamily>()
    }

    /// How many bytes the samples of all families take, with the protobuf forms that are kept.
    pub fn bytes(&self) -> usize {
        self.text.len() + self.native.len()
    }

    /// The family's name.
    pub fn name(&self, family: &BatchFamily) -> &str {
        &self.strings[family.strings[0] as usize..family.strings[1] as usize]
    }

    /// The family's help text, escaped as a `HELP` line shows it; empty when there is none.
    pub fn help(&self, family: &BatchFamily) -> &str {
        &self.strings[family.strings[1] as usize..family.strings[2] as usize]
    }

    /// The family's samples, rendered: each line ended by a line feed, without `HELP` and `TYPE`.
    pub fn text(&self, family: &BatchFamily) -> &[u8] {
        &self.text[family.text[0] as usize..family.text[1] as usize]
    }

    /// What the text cannot say of the family (native histograms, exemplars, created timestamps),
    /// with everything else: its metrics in the order of the text, each a `metric` field of a
    /// `MetricFamily` message (key, length, `Metric`), their labels merged with those of the group.
    /// `None` when the text says it all.
    pub fn native(&self, family: &BatchFamily) -> Option<&[u8]> {
        let [start, end] = family.native;
        family.has_native().then(|| &self.native[start as usize..end as usize])
    }

    /// The fingerprints of the family's series: in the order of its text, or sorted where they are many.
    pub fn series(&self, family: &BatchFamily) -> &[Series] {
        &self.series[family.series[0] as usize..family.series[1] as usize]
    }
}
