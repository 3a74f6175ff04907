//! Samples, rendered as a scrape shows them.

use smallvec::SmallVec;

use super::Decoder;
use super::families::{Role, Segment};
use super::finish::{is_push_time, lossy};
use super::labels::Labels;
use super::memory::LONG_LABELS_BYTES;
use super::number::Number;
use super::opening::Opening;
use crate::exposition::Kind;
use crate::push::batch::series::Series;
use crate::push::error::{Refusal, SyntaxErrorKind};
use crate::push::text::line::Sample;

/// What a sample has besides its name, labels and value: braces, quotes, a comma, a blank and a line feed.
const AROUND_BYTES: usize = 8;

impl<'a> Decoder<'a, '_> {
    /// Takes a sample of a kind without parts, whatever its spelling.
    pub(crate) fn plain_sample(&mut self, family: usize, labels: &Labels<'_>, value: Number<'_>) {
        let opening = self.families.list[family].opening;
        let bytes = opening.before.len()
            + self.key.text().len()
            + labels.bytes_max()
            + AROUND_BYTES
            + value.bytes_max();
        if !self.has_room(bytes) {
            return;
        }
        let start = self.text.len();
        self.text.extend_from_slice(opening.before);
        let own = if labels.list.is_empty() && !opening.is_quoted {
            self.text.extend_from_slice(self.key.braced());
            self.group.fingerprint
        } else {
            opening.write_behind(&mut self.text);
            let own = self.group.merge(&mut self.text, &labels.list, None);
            self.text.extend_from_slice(b"} ");
            own
        };
        value.write(&mut self.text);
        self.end_sample(family, start, own);
    }

    /// Takes a sample with labels from a line that is spelled as the output spells it up to the value, and perhaps with it:
    /// such a line is copied, with the labels of the group put in.
    pub(crate) fn canonical_sample(
        &mut self,
        family: usize,
        labels: &Labels<'_>,
        sample: &Sample<'_>,
    ) {
        let Sample { name, value, canonical, .. } = sample;
        let labels_end = canonical.len() - "} ".len();
        let Some(place) = labels.group_place(name.len(), labels_end) else {
            return self.plain_sample(family, labels, *value);
        };
        let bytes = canonical.len() + self.key.text().len() + AROUND_BYTES + value.bytes_max();
        if !self.has_room(bytes) {
            return;
        }
        let start = self.text.len();
        let group = self.key.text().as_bytes();
        let (before, behind) = canonical.split_at(place);
        self.text.extend_from_slice(before);
        if place == labels_end {
            self.text.push(b',');
            self.text.extend_from_slice(group);
        } else {
            self.text.extend_from_slice(group);
            self.text.push(b',');
        }
        self.text.extend_from_slice(behind);
        value.write(&mut self.text);
        self.end_sample(family, start, self.group.and_own(&labels.list));
    }

    /// Notes a sample whose text begins at `start`, and what its labels add to its fingerprint.
    fn end_sample(&mut self, family: usize, start: usize, labels: Series) {
        self.text.push(b'\n');
        let family = &mut self.families.list[family];
        let series = self.series.len() as u32;
        self.series.push(family.fingerprint.with(labels));
        let segment =
            Segment { text: [start as u32, self.text.len() as u32], series: [series, series + 1] };
        self.segments += usize::from(family.extend(segment, 1));
    }

    pub(crate) fn sample_with_parts(
        &mut self,
        family: usize,
        kind: Kind,
        role: Role,
        labels: &mut Labels<'a>,
        value: Number<'a>,
    ) -> Result<(), SyntaxErrorKind> {
        let part_label = kind.part_label().unwrap_or_default();
        if self.key.names(part_label) {
            self.refuse(family, |family| Refusal::PartLabelInKey { family, label: part_label });
        }
        let bound = match labels.list.iter().position(|label| label.name == part_label.as_bytes()) {
            None => None,
            Some(at) => {
                let bound = Number::parse(labels.list.remove(at).value);
                Some(bound.ok_or(match kind {
                    Kind::Summary => SyntaxErrorKind::Quantile,
                    _ => SyntaxErrorKind::BucketBound,
                })?)
            }
        };
        let is_bucket = kind != Kind::Summary && role == Role::Part;
        let is_count =
            role == Role::Count || (is_bucket && bound.is_some_and(|bound| !bound.is_nan()));
        let is_no_count =
            value.is_negative() || (kind == Kind::Summary && !value.value().is_finite());
        if is_count && is_no_count {
            return Err(SyntaxErrorKind::Count);
        }
        let name = self.families.list[family].opening.before;
        let identity_bytes = labels.bytes_max() + self.key.text().len();
        if identity_bytes > LONG_LABELS_BYTES && !self.hold(2 * identity_bytes) {
            return Ok(());
        }
        let series = self.assembly.series(name, family, self.group, &labels.list);
        self.assembly.add(series, role, bound, value);
        Ok(())
    }

    pub(super) fn render_assembled(&mut self) {
        if self.assembly.is_empty() {
            return;
        }
        // Its size is within the bound. What is expected of it may be more than there is.
        let bytes = self.assembly.rendered_bytes();
        let more = bytes.saturating_sub(self.text.capacity() - self.text.len());
        if !self.hold(more + self.assembly.series_len() * size_of::<Series>()) {
            return;
        }
        self.text.reserve_exact(bytes);
        self.series.reserve_exact(self.assembly.series_len());
        let (list, series) = (&mut self.families.list, &mut self.series);
        let refusal = &mut self.refusal;
        let heads: SmallVec<[(Opening<'_>, Kind); 12]> = list
            .iter()
            .map(|family| (family.opening, family.kind.unwrap_or(Kind::Untyped)))
            .collect();
        let mut text_end = self.text.len() as u32;
        self.assembly.render(
            &mut self.text,
            |family| heads[family],
            |done, text| {
                let family = &mut list[done.family];
                if done.duplicate_part && !is_push_time(family.name) {
                    let duplicate = || Refusal::DuplicatePart { family: lossy(family.name) };
                    refusal.get_or_insert_with(duplicate);
                }
                let text_start = text_end;
                text_end += text.len() as u32;
                let first = series.len() as u32;
                series.push(family.fingerprint.with(done.labels));
                let segment = Segment { text: [text_start, text_end], series: [first, first + 1] };
                family.extend(segment, done.samples); // Those of a series are counted with it.
            },
        );
    }
}
