//! A decoded push: rendered families, ready for a shard.

pub(crate) mod empty_labels;
pub(crate) mod likeness;
pub(crate) mod merged;
pub(crate) mod restored;
pub(crate) mod series;
pub(crate) mod strings;

use crate::exposition::Kind;
use crate::push::batch::likeness::Likeness;
use crate::push::batch::series::{Series, SeriesHasher};
use crate::push::batch::strings::Strings;
use crate::push::spelling::spellings;

/// The families of one push, sorted by name, each with its samples rendered.
#[derive(Debug, Default)]
pub struct Batch {
    /// The families; their names differ.
    pub families: Vec<BatchFamily>,
    /// The names and help texts of all families, one after the other.
    pub(crate) strings: Strings,
    /// The fingerprints of all series. Those of a family stand together.
    pub(crate) series: Vec<Series>,
    /// The rendered samples, likewise.
    pub(crate) text: Vec<u8>,
    /// The protobuf forms that are kept, likewise.
    pub(crate) native: Vec<u8>,
    /// What the batch is besides its values, where that is known.
    pub(crate) likeness: Option<Likeness>,
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
    pub(crate) strings: [u32; 3],
    /// Where the fingerprints of the family stand among those of the batch.
    pub(crate) series: [u32; 2],
    /// Where its samples stand in the text of the batch.
    pub(crate) text: [u32; 2],
    /// Where its protobuf form stands among those kept; empty when the text says all of it.
    pub(crate) native: [u32; 2],
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
            + self.strings.memory_bytes()
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

    /// How a series of the family `name` is spelled: its name, and its labels in braces.
    pub(crate) fn spelling(&self, name: &str, series: Series) -> Option<String> {
        let family = self.families.iter().find(|family| self.name(family) == name)?;
        let (hasher, mut found) = (SeriesHasher::get(), None);
        spellings(name, family.kind, self.text(family), |spelling| {
            if found.is_none() && hasher.series(spelling) == series {
                found = Some(String::from_utf8_lossy(spelling).into_owned());
            }
        });
        found
    }

    /// The fingerprints of the family's series: in the order of its text, or sorted where they are many.
    pub fn series(&self, family: &BatchFamily) -> &[Series] {
        &self.series[family.series[0] as usize..family.series[1] as usize]
    }
}
