//! Makes batches of families that were rendered before, perhaps before the gateway was restarted.
//!
//! Nothing is checked or rendered again. Only the fingerprints are made again, because their secret is not stored.

use crate::exposition::{Kind, has_quoted_names};
use crate::push::batch::empty_labels::duplicate;
use crate::push::batch::series::{SORTED_LEN_MIN, Series, SeriesHasher, has_duplicate};
use crate::push::batch::strings::Strings;
use crate::push::batch::{Batch, BatchFamily};
use crate::push::error::Refusal;
use crate::push::spelling::{has_empty, spellings};
use memchr::memchr_iter;

/// A family as it was rendered.
#[derive(Debug)]
pub struct RenderedFamily<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is.
    pub kind: Kind,
    /// Its help text, escaped as a `HELP` line shows it; empty when there is none.
    pub help: &'a str,
    /// Its samples, each line ended by a line feed.
    pub text: &'a [u8],
    /// What [`Batch::native`] was.
    pub native: &'a [u8],
}

impl Batch {
    /// Adds a family whose name is behind those of the others. Answers whether it fits: the batch holds as much
    /// as 32 bits can count.
    pub fn add_rendered(&mut self, family: &RenderedFamily<'_>) -> bool {
        self.add_with_series(family, |series| {
            add_series(series, family.name, family.kind, family.text);
        })
    }

    /// The same, without its fingerprints and the number of its samples: they are missing until [`Batch::hash_series`].
    pub(crate) fn add_unhashed(&mut self, family: &RenderedFamily<'_>) -> bool {
        self.add_counted(family, 0, |_| {})
    }

    /// Makes the fingerprints of all series, and counts the samples.
    pub(crate) fn hash_series(&mut self) {
        let Batch { families, strings, series, text, .. } = self;
        series.clear();
        for family in families {
            let first = series.len() as u32;
            let [start, end] = family.text.map(|at| at as usize);
            let name = &strings[family.strings[0] as usize..family.strings[1] as usize];
            add_series(series, name, family.kind, &text[start..end]);
            family.series = [first, series.len() as u32];
            family.samples = lines(&text[start..end]);
        }
    }

    /// Room for so many families, and for about so many bytes of samples, names and help texts.
    pub(crate) fn with_room(families: usize, bytes: usize) -> Batch {
        Batch {
            families: Vec::with_capacity(families),
            strings: Strings::Own(String::with_capacity(bytes / 4)),
            text: Vec::with_capacity(bytes),
            ..Batch::default()
        }
    }

    /// The same as [`Batch::add_rendered`], when the fingerprints of its series are known, in the order of its text.
    pub(crate) fn add_known(&mut self, family: &RenderedFamily<'_>, known: &[Series]) -> bool {
        self.add_with_series(family, |series| {
            let first = series.len();
            series.extend_from_slice(known);
            if known.len() >= SORTED_LEN_MIN {
                series[first..].sort_unstable();
            }
        })
    }

    fn add_with_series(
        &mut self,
        family: &RenderedFamily<'_>,
        add_series: impl FnOnce(&mut Vec<Series>),
    ) -> bool {
        self.add_counted(family, lines(family.text), add_series)
    }

    fn add_counted(
        &mut self,
        family: &RenderedFamily<'_>,
        samples: u32,
        add_series: impl FnOnce(&mut Vec<Series>),
    ) -> bool {
        let strings = self.strings.len() + family.name.len() + family.help.len();
        let bytes =
            [strings, self.text.len() + family.text.len(), self.native.len() + family.native.len()];
        if bytes.iter().any(|bytes| u32::try_from(*bytes).is_err()) {
            return false;
        }
        self.likeness = None;
        let name_start = self.strings.len() as u32;
        self.strings.push_str(family.name);
        let name_end = self.strings.len() as u32;
        self.strings.push_str(family.help);
        let first = self.series.len() as u32;
        add_series(&mut self.series);
        self.families.push(BatchFamily {
            kind: family.kind,
            samples,
            has_quoted_names: has_quoted_names(family.text),
            strings: [name_start, name_end, self.strings.len() as u32],
            series: [first, self.series.len() as u32],
            text: append(&mut self.text, family.text),
            native: append(&mut self.native, family.native),
        });
        true
    }

    /// Why the batch cannot be stored, if two of its series are the same but for labels with an empty value. Whatever
    /// rendered it may not have known that.
    pub fn repeated_series(&self) -> Option<Refusal> {
        let repeats = |family: &&BatchFamily| {
            let series = self.series(family);
            series.len() > 1 && has_empty(self.text(family)) && has_duplicate(&mut series.to_vec())
        };
        let family = self.families.iter().find(repeats)?;
        let mut series = self.series(family).to_vec();
        Some(duplicate(self.name(family), family.kind, self.text(family), &mut series))
    }
}

/// How many lines a text has.
fn lines(text: &[u8]) -> u32 {
    memchr_iter(b'\n', text).count() as u32
}

fn append(all: &mut Vec<u8>, bytes: &[u8]) -> [u32; 2] {
    let start = all.len() as u32;
    all.extend_from_slice(bytes);
    [start, all.len() as u32]
}

fn add_series(series: &mut Vec<Series>, name: &str, kind: Kind, text: &[u8]) {
    let hasher = SeriesHasher::get();
    spellings(name, kind, text, |spelling| {
        series.push(hasher.series(spelling));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::NameRules;
    use crate::push::{GroupingKey, decode};

    /// Decodes a push and restores what it was rendered to.
    fn both(body: &str) -> (Batch, Batch) {
        let key = GroupingKey::parse(b"/j/instance/i", NameRules::Utf8).expect("a valid path");
        let batch = decode(&key, body.as_bytes(), NameRules::Utf8).expect("a valid push");
        let mut restored = Batch::default();
        for family in &batch.families {
            assert!(restored.add_rendered(&RenderedFamily {
                name: batch.name(family),
                kind: family.kind,
                help: batch.help(family),
                text: batch.text(family),
                native: batch.native(family).unwrap_or_default(),
            }));
        }
        (batch, restored)
    }

    #[test]
    fn a_restored_batch_has_the_series_and_samples_of_the_one_that_was_rendered() {
        let bodies = [
            "a 1\na{b=\"c d\"} 2\n# TYPE g gauge\n# HELP g Some help.\ng{x=\"} 1\"} NaN\n",
            "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 2\nh_count 3\nh_bucket{a=\"b\",le=\"2\"} 4\n",
            "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns{a=\"_count\"} 2\n",
            "# TYPE h_count counter\nh_count 1\n# TYPE i histogram\ni_count 3\n",
            "{\"a.b\"} 1\n# TYPE \"h \\\"x\" histogram\n{\"h \\\"x_bucket\",le=\"+Inf\"} 4\n",
            "# TYPE q summary\nq{\"é\"=\"1\",quantile=\"0.5\"} 1\n",
            "m{z=\"\"} 1\n# TYPE h histogram\nh_count{z=\"\"} 3\n{\"a.b\",\"x y\"=\"\"} 1\n",
        ];
        for body in bodies {
            let (batch, restored) = both(body);
            assert!(!batch.families.is_empty());
            assert_eq!(batch.families.len(), restored.families.len(), "{body}");
            for (one, other) in batch.families.iter().zip(&restored.families) {
                assert_eq!(batch.series(one), restored.series(other), "{body}");
                assert_eq!((one.samples, one.kind), (other.samples, other.kind), "{body}");
                assert!(one.has_quoted_names == other.has_quoted_names, "{body}");
                assert_eq!(batch.text(one), restored.text(other));
                assert_eq!(batch.native(one), restored.native(other));
                assert_eq!(batch.name(one), restored.name(other));
                assert_eq!(batch.help(one), restored.help(other));
            }
        }
    }

    #[test]
    fn series_that_an_earlier_gateway_took_for_two_are_found() {
        let repeated = |text: &str, kind| {
            let mut batch = Batch::default();
            let text = text.as_bytes();
            assert!(batch.add_rendered(&RenderedFamily {
                name: "m",
                kind,
                help: "",
                text,
                native: b""
            }));
            batch.repeated_series().map(|refusal| refusal.to_string()).unwrap_or_default()
        };
        let gauge = repeated("m{job=\"j\"} 1\nm{job=\"j\",z=\"\"} 1\n", Kind::Gauge);
        assert!(gauge.contains("the label \"z\" has an empty value"), "{gauge}");
        let summary = "m_sum{a=\"\",job=\"j\"} 1\nm_count{a=\"\",job=\"j\"} 1\nm_sum{job=\"j\"} 1\nm_count{job=\"j\"} 1\n";
        assert!(repeated(summary, Kind::Summary).contains("the label \"a\""));
        assert_eq!(repeated("m{a=\"\",job=\"j\"} 1\nm{a=\"1\",job=\"j\"} 1\n", Kind::Gauge), "");
    }
}
