//! Merges a push into a stored family by series: the series that the push brings replace those that are stored, and all other
//! series of the family stay.
//!
//! The series keep their order, so that a job that pushes the same series again changes nothing but values.

use std::collections::HashMap;

use crate::exposition::protobuf::fields;
use crate::push::batch::restored::RenderedFamily;
use crate::push::batch::series::{SORTED_LEN_MIN, Series, SeriesHasher};
use crate::push::batch::{Batch, BatchFamily};
use crate::push::error::Refusal;

use crate::push::spelling::spellings_and_lines;

/// One series: its lines, and its protobuf form if that is kept.
#[derive(Clone, Copy)]
struct Part<'a> {
    series: Series,
    text: &'a [u8],
    native: &'a [u8],
}

impl Batch {
    /// Adds to this batch the family `stored`, with the series that `pushed` has of it. Its name is behind those of the others.
    /// The cost is in proportion to the size of both.
    ///
    /// # Errors
    /// When the types differ and stored series would stay, or text and protobuf cannot be put together.
    pub fn add_merged(
        &mut self,
        stored: &RenderedFamily<'_>,
        pushed: &Batch,
        family: &BatchFamily,
    ) -> Result<(), Refusal> {
        let new = pushed.rendered(family);
        let (old_parts, new_parts) = (parts(stored), parts(&new));
        let mut coming: HashMap<Series, Part<'_>, ahash::RandomState> =
            new_parts.iter().map(|part| (part.series, *part)).collect();
        let mut has_kept = false;
        let mut merged = Vec::with_capacity(old_parts.len() + new_parts.len());
        for old in old_parts {
            let replacing = coming.remove(&old.series);
            has_kept |= replacing.is_none();
            merged.push(replacing.unwrap_or(old));
        }
        merged.extend(new_parts.into_iter().filter(|part| coming.contains_key(&part.series)));
        let name = || stored.name.to_owned();
        if has_kept && stored.kind != new.kind {
            return Err(Refusal::TypeConflict {
                family: name(),
                stored: stored.kind.text(),
                is_own: false,
            });
        }
        if has_kept && stored.native.is_empty() != new.native.is_empty() {
            return Err(Refusal::MixedFormats { family: name() });
        }
        let text = merged.iter().map(|part| part.text).collect::<Vec<_>>().concat();
        let native = merged.iter().map(|part| part.native).collect::<Vec<_>>().concat();
        let help = if new.help.is_empty() { stored.help } else { new.help };
        self.add(&RenderedFamily { text: &text, native: &native, help, ..new })
    }

    /// Adds to this batch a family of another one.
    ///
    /// # Errors
    /// When the batch would be larger than what 32 bits can count.
    pub fn add_family(&mut self, pushed: &Batch, family: &BatchFamily) -> Result<(), Refusal> {
        self.add(&pushed.rendered(family))
    }

    fn add(&mut self, family: &RenderedFamily<'_>) -> Result<(), Refusal> {
        let first = self.series.len();
        if !self.add_rendered(family) {
            let bytes = (self.bytes() + family.text.len() + family.native.len()) as u64;
            return Err(Refusal::GroupTooLarge { bytes, bytes_max: u64::from(u32::MAX) });
        }
        let series = &mut self.series[first..];
        if series.len() >= SORTED_LEN_MIN {
            series.sort_unstable();
        }
        Ok(())
    }

    fn rendered(&self, family: &BatchFamily) -> RenderedFamily<'_> {
        RenderedFamily {
            name: self.name(family),
            kind: family.kind,
            help: self.help(family),
            text: self.text(family),
            native: self.native(family).unwrap_or_default(),
        }
    }
}

/// The series of a family in the order of its text.
fn parts<'a>(family: &RenderedFamily<'a>) -> Vec<Part<'a>> {
    let (mut parts, hasher) = (Vec::new(), SeriesHasher::get());
    let mut native = fields(family.native).map(|metric| metric.whole);
    spellings_and_lines(family.name, family.kind, family.text, |spelling, text| {
        let native = native.next().unwrap_or_default();
        parts.push(Part { series: hasher.series(spelling), text, native });
    });
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Kind, NameRules};
    use crate::push::{GroupingKey, decode};

    fn batch(body: &str) -> Batch {
        let key = GroupingKey::parse(b"/j", NameRules::Legacy).expect("a valid path");
        decode(&key, body.as_bytes(), NameRules::Legacy).expect("a valid push")
    }

    /// The lines of what comes of two pushes of one family, without the labels of the group.
    fn merged(stored: &str, pushed: &str) -> Result<String, Refusal> {
        let (stored, pushed) = (batch(stored), batch(pushed));
        let mut merged = Batch::default();
        let old = stored.rendered(&stored.families[0]);
        merged.add_merged(&old, &pushed, &pushed.families[0])?;
        let family = &merged.families[0];
        assert_eq!(merged.repeated_series(), None);
        let text = String::from_utf8_lossy(merged.text(family));
        let text = text.replace("instance=\"\",job=\"j\"", "").replace(",}", "}");
        Ok(text.replace(",,", ",").replace("{,", "{"))
    }

    #[test]
    fn a_pushed_series_takes_the_place_of_the_stored_one_and_others_stay() {
        let stored = "m{x=\"1\"} 1\nm{x=\"2\"} 2\n";
        let both = "m{x=\"1\"} 1\nm{x=\"2\"} 9\nm{x=\"3\"} 3\n";
        assert_eq!(merged(stored, "m{x=\"3\"} 3\nm{x=\"2\"} 9\n").as_deref(), Ok(both));
    }

    #[test]
    fn a_histogram_is_one_series_with_its_parts() {
        let histogram = |x: u32, count: u32| {
            format!(
                "h_bucket{{x=\"{x}\",le=\"1\"}} {count}\nh_sum{{x=\"{x}\"}} {count}\nh_count{{x=\"{x}\"}} {count}\n"
            )
        };
        let head = "# TYPE h histogram\n";
        let stored = format!("{head}{}{}", histogram(1, 1), histogram(2, 2));
        let pushed = format!("{head}{}", histogram(2, 5));
        let text = merged(&stored, &pushed).expect("they fit");
        assert_eq!(text.matches("h_count").count(), 2, "{text}");
        assert_eq!(
            (text.matches("} 1\n").count(), text.matches("} 5\n").count()),
            (4, 4),
            "{text}"
        );
    }

    #[test]
    fn a_type_that_differs_is_refused_while_series_of_the_other_type_stay() {
        let stored = "# TYPE m gauge\nm{x=\"1\"} 1\nm{x=\"2\"} 2\n";
        let error = merged(stored, "# TYPE m counter\nm{x=\"1\"} 1\n").expect_err("one stays");
        assert!(error.to_string().contains("gauge"), "{error}");
        let all = merged(stored, "# TYPE m counter\nm{x=\"1\"} 1\nm{x=\"2\"} 3\n");
        assert!(all.is_ok(), "nothing of the other type stays");
    }

    #[test]
    fn protobuf_forms_are_merged_with_their_series_and_text_alone_is_not_put_beside_them() {
        let family =
            |text, native| RenderedFamily { name: "m", kind: Kind::Gauge, help: "", text, native };
        let old = family(b"m{x=\"1\"} 1\nm{x=\"2\"} 2\n", &[0x22, 1, 1, 0x22, 1, 2]);
        let merge = |native| {
            let (mut pushed, mut merged) = (Batch::default(), Batch::default());
            assert!(pushed.add_rendered(&family(b"m{x=\"2\"} 9\n", native)));
            merged.add_merged(&old, &pushed, &pushed.families[0]).map(|()| merged)
        };
        let merged = merge(&[0x22, 1, 9]).expect("both have the form");
        let native = merged.native(&merged.families[0]);
        assert_eq!(native, Some(&[0x22, 1, 1, 0x22, 1, 9][..]));
        let error = merge(&[]).expect_err("one series would lack it");
        assert!(error.to_string().contains("one format"), "{error}");
    }
}
