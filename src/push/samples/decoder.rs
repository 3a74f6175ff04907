//! The text format read in one pass, rendered in the same.

use std::borrow::Cow;
use std::cell::OnceCell;

use memchr::memchr;
use smallvec::SmallVec;

use crate::exposition::Kind;
use crate::push::allowance::{Allowance, TooLarge, expected};
use crate::push::batch::Batch;
use crate::push::batch::series::Series;
use crate::push::error::{Place, Refusal, Rejected, SyntaxErrorKind};
use crate::push::key::GroupingKey;
use crate::push::rules::Rules;
use crate::push::samples::assemble::Fold;
use crate::push::samples::families::{Families, FamilyInProgress, Role, Segment};
use crate::push::samples::finish::{Room, finish, is_push_time, lossy};
use crate::push::samples::labels::{GroupLabels, Labels};
use crate::push::samples::names::{KeptNames, Names};
use crate::push::samples::number::Number;
use crate::push::samples::opening::Opening;
use crate::push::text::line::{Grammar, Line, Sample};
use crate::push::text::line_ends;
use crate::push::text::shapes::Outline;

/// How many lines, or metrics of protobuf, are read before it is asked again whether there is memory for them.
const LINES_PER_LOOK: u32 = 64;
/// What a family takes besides: where its messages lie, its place in the batch, its hash.
const FAMILY_BYTES: usize = 192;
/// Labels that take more than this are asked for by themselves.
const LONG_LABELS_BYTES: usize = 4 << 10;
/// What a sample has besides its name, labels and value: braces, quotes, a comma, a blank and a line feed.
const AROUND_BYTES: usize = 8;

/// Room for as many series as most pushes have.
const SERIES_EXPECTED: usize = 32;

/// Decodes a body in the text format 0.0.4, pushed to the group `key`. `rules` say which names
/// and labels are valid; any name may be quoted.
///
/// # Errors
/// [`Rejected::Syntax`] for the first line that cannot be read; [`Rejected::Refused`] when all of it
/// reads, but it contradicts itself or carries timestamps.
pub fn decode(key: &GroupingKey, body: &[u8], rules: impl Into<Rules>) -> Result<Batch, Rejected> {
    decode_within(key, body, rules.into(), Allowance::unlimited())
}

/// The same within an allowance.
///
/// # Errors
/// Those of [`decode`], and [`Rejected::TooLarge`] and [`Rejected::NoRoom`] where the allowance does not suffice.
pub fn decode_within(
    key: &GroupingKey,
    body: &[u8],
    rules: Rules,
    allowance: Allowance<'_>,
) -> Result<Batch, Rejected> {
    let outline = Outline::of(body);
    if let Some(batch) = outline.and_then(|outline| outline.recall(key, body, rules)) {
        return Ok(batch);
    }
    let decoded = decode_anew_within(key, body, rules, allowance);
    if let (Some(outline), Ok(batch)) = (outline, &decoded) {
        outline.remember(key, body, rules, batch);
    }
    decoded
}

/// The same for a body of which nothing is known.
pub(crate) fn decode_anew(key: &GroupingKey, body: &[u8], rules: Rules) -> Result<Batch, Rejected> {
    decode_anew_within(key, body, rules, Allowance::unlimited())
}

fn decode_anew_within(
    key: &GroupingKey,
    body: &[u8],
    rules: Rules,
    allowance: Allowance<'_>,
) -> Result<Batch, Rejected> {
    let kept = OnceCell::new();
    let mut decoder = Decoder::new(key, expected(key, body), rules, allowance, &kept);
    decoder.check_utf8 = !body.is_ascii() && !is_utf8(body);
    decoder.decode(body)
}

pub(crate) struct Decoder<'a, 's> {
    pub(crate) key: &'a GroupingKey,
    pub(crate) group: GroupLabels<'a>,
    pub(crate) rules: Rules,
    pub(crate) names: Names<'a>,
    pub(crate) families: Families<'a>,
    pub(crate) fold: Fold<'a>,
    text: Vec<u8>,
    /// The protobuf forms that are kept.
    pub(crate) native: Vec<u8>,
    series: Vec<Series>,
    /// Set when the body is not UTF-8 somewhere: then each label value and help text is looked at.
    /// (Names in quotes always are; what stands in other comments does not matter.)
    check_utf8: bool,
    /// The first reason to refuse. Reading goes on, since a line that cannot be read counts for more.
    refusal: Option<Refusal>,
    allowance: Allowance<'s>,
    /// Set when what comes next is more than the allowance; then it has been left out.
    stopped: Option<Stopped>,
    /// How often the size has been looked at.
    looks: u32,
    /// How many stretches of text stand apart from others of their family.
    segments: usize,
    /// How many bytes help texts take that had to be written anew.
    help_bytes: usize,
}

/// Why a push is not read to its end.
#[derive(Debug, Clone, Copy)]
enum Stopped {
    TooLarge,
    NoRoom,
}

impl<'a, 's> Decoder<'a, 's> {
    /// A decoder that has read nothing yet, of a body that is expected to come to so many bytes and samples.
    pub(crate) fn new(
        key: &'a GroupingKey,
        (bytes, samples): (usize, usize),
        rules: Rules,
        mut allowance: Allowance<'s>,
        kept: &'a OnceCell<KeptNames>,
    ) -> Self {
        let names = Names::new(rules.names, kept);
        let mut bytes = bytes.min(allowance.rendered_bytes_max);
        let mut series = samples.max(SERIES_EXPECTED);
        if !allowance.holds(bytes + series * size_of::<Series>()) {
            (bytes, series) = (0, 0); // It may come to less.
        }
        Decoder {
            key,
            group: GroupLabels::new(key),
            rules,
            names,
            families: Families::new(names),
            fold: Fold::default(),
            text: Vec::with_capacity(bytes),
            native: Vec::new(),
            series: Vec::with_capacity(series),
            check_utf8: false,
            refusal: None,
            allowance,
            stopped: None,
            looks: 0,
            segments: 0,
            help_bytes: 0,
        }
    }

    fn decode(mut self, body: &'a [u8]) -> Result<Batch, Rejected> {
        let grammar =
            Grammar { names: self.names, key: self.key, labels_max: self.rules.labels_max };
        let mut labels = Labels::default();
        let mut rest = body;
        let mut number = 0;
        while !rest.is_empty() {
            self.check_size(Place::Line(number))?;
            number += 1;
            let line_end = memchr(b'\n', rest);
            let end = line_end.unwrap_or(rest.len());
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            if line_end.is_none() && !line_ends::may_end_open(line) {
                return Err(SyntaxErrorKind::LineEnds.in_line(number));
            }
            rest = rest.get(end + 1..).unwrap_or_default();
            self.line(grammar, line, number, &mut labels).map_err(|kind| {
                let is_joined = line_ends::is_joined(line.trim_ascii());
                (if is_joined { SyntaxErrorKind::LineEnds } else { kind }).in_line(number)
            })?;
        }
        if self.series.is_empty()
            && self.fold.is_empty()
            && let Some(joined) = line_ends::joined_line(body)
        {
            return Err(SyntaxErrorKind::LineEnds.in_line(joined));
        }
        self.finish(Place::Line(number))
    }

    /// Whether what has been taken so far is within the bound, once rendered. A family counts for what it
    /// takes up meanwhile, since a few bytes make one that shows nothing.
    #[inline]
    pub(crate) fn check_size(&mut self, at: Place) -> Result<(), Rejected> {
        let families_bytes = self.families.list.len() * size_of::<FamilyInProgress<'_>>();
        let rendered_bytes = self.text.len() + self.native.len() + self.fold.rendered_bytes();
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
    fn go_on(&self, at: Place) -> Result<(), Rejected> {
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
    fn memory_bytes(&self) -> usize {
        let family_bytes = size_of::<FamilyInProgress<'_>>() + FAMILY_BYTES;
        let segments = self.segments + self.fold.series_len();
        self.text.capacity()
            + self.native.capacity()
            + self.series.capacity() * size_of::<Series>()
            + 2 * self.families.list.len() * family_bytes
            + 2 * segments * size_of::<Segment>()
            + self.help_bytes
            + self.names.kept_bytes()
            + self.fold.memory_bytes()
    }

    /// Asks for what is taken and `more` bytes, and answers whether there is so much.
    fn hold(&mut self, more: usize) -> bool {
        let has_room = self.allowance.holds(self.memory_bytes().saturating_add(more));
        if !has_room {
            self.stopped.get_or_insert(Stopped::NoRoom);
        }
        has_room
    }

    /// Whether a sample of so many bytes, and its series, can be added to the text. Where not, the push goes no further.
    fn has_room(&mut self, bytes: usize) -> bool {
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

    /// Makes the batch, once all has been taken.
    pub(crate) fn finish(mut self, at: Place) -> Result<Batch, Rejected> {
        self.check_size(at)?;
        self.render_folded();
        self.go_on(at)?;
        let (held, key_bytes) = (self.memory_bytes(), self.key.text().len());
        if let Some(refusal) = self.refusal {
            return Err(Rejected::Refused(refusal));
        }
        let rules = self.names.rules();
        let Decoder { families, text, series, native, allowance, .. } = self;
        let mut room = Room { allowance, held, key_bytes };
        finish(&families.list, rules, text, series, native, &mut room)
    }

    #[inline]
    fn line(
        &mut self,
        grammar: Grammar<'a>,
        line: &'a [u8],
        number: u32,
        labels: &mut Labels<'a>,
    ) -> Result<(), SyntaxErrorKind> {
        match grammar.split(line, self.families.last_name(), labels)? {
            Line::Nothing => {}
            Line::Mention { name } => {
                self.families.resolve(name);
            }
            Line::Help { name, text } => self.help(name, text)?,
            Line::Type { name, kind } => self.kind(name, kind)?,
            Line::Sample(sample) => {
                // No label is longer than its line.
                if labels.has_new_names() || line.len() > self.rules.label_bytes_max {
                    self.rules.check(self.key, &labels.list)?;
                }
                if self.check_utf8 && !labels.are_utf8() {
                    return Err(SyntaxErrorKind::Utf8);
                }
                let (family, role) = self.families.resolve(sample.name);
                if sample.has_timestamp {
                    self.refusal.get_or_insert(Refusal::Timestamp { line: number });
                }
                if labels.has_reserved() {
                    self.refuse(family, |_| Refusal::ReservedLabel { line: number });
                }
                let kind = *self.families.list[family].kind.get_or_insert(Kind::Untyped);
                if kind.part_label().is_some() {
                    self.folded_sample(family, kind, role, labels, sample.value)?;
                } else if sample.canonical.is_empty() {
                    self.plain_sample(family, labels, sample.value);
                } else {
                    self.canonical_sample(family, labels, &sample);
                }
            }
        }
        Ok(())
    }

    /// Notes what is wrong with a family, unless the push is refused for something else already, or
    /// the family is one that the gateway puts its own in the place of.
    fn refuse(&mut self, family: usize, refusal: impl FnOnce(String) -> Refusal) {
        let name = self.families.list[family].name;
        if !is_push_time(name) {
            self.refusal.get_or_insert_with(|| refusal(lossy(name)));
        }
    }

    pub(crate) fn kind(&mut self, name: &'a [u8], word: &[u8]) -> Result<(), SyntaxErrorKind> {
        let family = self.families.resolve(name).0;
        let family = &mut self.families.list[family];
        if family.kind.is_some() {
            return Err(SyntaxErrorKind::SecondType);
        }
        family.kind = Some(Kind::parse(word).ok_or(SyntaxErrorKind::UnknownType)?);
        Ok(())
    }

    pub(crate) fn help(&mut self, name: &'a [u8], text: &'a [u8]) -> Result<(), SyntaxErrorKind> {
        let family = self.families.resolve(name).0;
        let family = &mut self.families.list[family];
        if family.help.is_some() {
            return Err(SyntaxErrorKind::SecondHelp);
        }
        let mut rest = text;
        while let Some(at) = memchr(b'\\', rest) {
            family.help_has_escapes = true;
            match rest.get(at + 1) {
                Some(b'\\' | b'"' | b'n') => rest = &rest[at + 2..],
                _ => return Err(SyntaxErrorKind::HelpEscape),
            }
        }
        if self.check_utf8 && !is_utf8(text) {
            return Err(SyntaxErrorKind::Utf8);
        }
        family.help = Some(Cow::Borrowed(text));
        Ok(())
    }

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
    fn canonical_sample(&mut self, family: usize, labels: &Labels<'_>, sample: &Sample<'_>) {
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

    fn folded_sample(
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
        let series = self.fold.series(name, family, self.group, &labels.list);
        self.fold.add(series, role, bound, value);
        Ok(())
    }

    fn render_folded(&mut self) {
        if self.fold.is_empty() {
            return;
        }
        // Its size is within the bound. What is expected of it may be more than there is.
        let bytes = self.fold.rendered_bytes();
        let more = bytes.saturating_sub(self.text.capacity() - self.text.len());
        if !self.hold(more + self.fold.series_len() * size_of::<Series>()) {
            return;
        }
        self.text.reserve_exact(bytes);
        self.series.reserve_exact(self.fold.series_len());
        let (list, series) = (&mut self.families.list, &mut self.series);
        let refusal = &mut self.refusal;
        let heads: SmallVec<[(Opening<'_>, Kind); 12]> = list
            .iter()
            .map(|family| (family.opening, family.kind.unwrap_or(Kind::Untyped)))
            .collect();
        let mut text_end = self.text.len() as u32;
        self.fold.render(
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

fn is_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::NameRules;
    use crate::push::RENDERED_BYTES_MAX;
    use crate::push::render_for_test::told;
    use crate::push::samples::assemble::{CLOSING_LINES, LINE_BYTES};

    fn push(path: &str, body: &str) -> Result<String, String> {
        let rules = NameRules::Legacy;
        let key = GroupingKey::parse(path.as_bytes(), rules).expect("the path is fine");
        told(decode(&key, body.as_bytes(), rules))
    }

    #[test]
    fn families_are_sorted_and_labels_merged() {
        let body =
            "# TYPE b counter\nb{z=\"1\",a=\"2\",job=\"mine\"} 1.0\na 07\n# HELP b Help.\nb 2\n";
        let want = "# TYPE a untyped\na{instance=\"i\",job=\"j\"} 7\n\
            # HELP b Help.\n# TYPE b counter\n\
            b{a=\"2\",instance=\"i\",job=\"j\",z=\"1\"} 1\nb{instance=\"i\",job=\"j\"} 2\n";
        assert_eq!(push("/j/instance/i", body).as_deref(), Ok(want));
    }

    #[test]
    fn a_sample_keeps_its_instance_only_where_the_group_has_none() {
        let body = "a{instance=\"own\"} 1\n";
        assert!(push("/j", body).is_ok_and(|text| text.contains("instance=\"own\"")));
        assert!(push("/j/instance/i", body).is_ok_and(|text| text.contains("instance=\"i\"")));
        let explicit = push("/j/instance@base64/=", body);
        assert!(explicit.is_ok_and(|text| text.contains("instance=\"\"")));
    }

    #[test]
    fn histograms_and_summaries_are_folded() {
        let body = "# TYPE h histogram\n# TYPE s summary\nh_count 3\ns_sum 5\n\
            h_bucket{le=\"1.0\"} 2\ns{quantile=\".5\"} 4\nh_sum 9\n";
        let want = "# TYPE h histogram\n\
            h_bucket{instance=\"\",job=\"j\",le=\"1\"} 2\nh_bucket{instance=\"\",job=\"j\",le=\"+Inf\"} 3\n\
            h_sum{instance=\"\",job=\"j\"} 9\nh_count{instance=\"\",job=\"j\"} 3\n\
            # TYPE s summary\ns{instance=\"\",job=\"j\",quantile=\"0.5\"} 4\n\
            s_sum{instance=\"\",job=\"j\"} 5\ns_count{instance=\"\",job=\"j\"} 0\n";
        assert_eq!(push("/j", body).as_deref(), Ok(want));
    }

    #[test]
    fn errors_name_the_line() {
        let error = push("/j", "a 1\n\nb{x=\"1} 2\n").expect_err("the label is open");
        assert!(error.contains("line 3"), "{error}");
    }

    #[test]
    fn a_push_that_contradicts_itself_is_refused() {
        for body in [
            "a 1\na 2\n",
            "a{job=\"x\"} 1\na{job=\"y\"} 2\n",
            "a 1 123\n",
            "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\"} 1\n",
            "h_count 1\n# TYPE h histogram\nh_sum 1\n",
            "a{__x=\"1\"} 1\n",
            "# TYPE h histogram\nh_sum{instance=\"\"} 1\nh_sum 1\n",
        ] {
            let error = push("/j", body).expect_err(body);
            assert!(error.starts_with("refused: "), "{body}: {error}");
        }
        let dropped = "# TYPE push_time_seconds histogram\n\
            push_time_seconds_bucket{le=\"1\",__x=\"\"} 1\npush_time_seconds_bucket{le=\"1\"} 1\n";
        assert_eq!(push("/j/le/1", dropped).as_deref(), Ok(""), "the gateway sets its own");
        assert!(push("/j/le/1", "# TYPE h histogram\nh_sum 1\n").is_err());
    }

    #[test]
    fn series_that_differ_only_in_empty_labels_are_the_same() {
        for (path, body) in [
            ("/j", "m 1\nm{x=\"\"} 2\n"),
            ("/j", "m{x=\"\",y=\"1\"} 1\nm{y=\"1\",x=\"\",z=\"\"} 2\n"),
            ("/j/z@base64/=", "m{y=\"\"} 1\nm{z=\"own\"} 2\n"),
            ("/j", "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{x=\"\",le=\"2\"} 1\n"),
            ("/j", "# TYPE s summary\ns_sum 1\ns{quantile=\"0.5\",x=\"\"} 1\n"),
        ] {
            // Pushed anew each time, though its shape may be remembered.
            for _ in 0..4 {
                let error = push(path, body).expect_err(body);
                assert!(error.contains("the same series twice"), "{error}");
            }
        }
        assert!(push("/j", "m{x=\"\",y=\"1\"} 1\nm{x=\"1\",y=\"\"} 2\nm{x=\"\"} 3\n").is_ok());
        let shown = push("/j/z@base64/=", "m{x=\"\"} 1\n");
        let want = "# TYPE m untyped\nm{instance=\"\",job=\"j\",x=\"\",z=\"\"} 1\n";
        assert_eq!(shown.as_deref(), Ok(want), "they are shown as pushed");
    }

    #[test]
    fn a_fingerprint_is_the_same_whether_empty_labels_are_there_and_whether_the_shape_is_known() {
        let series = |path: &str, body: &str| {
            let rules = NameRules::Legacy;
            let key = GroupingKey::parse(path.as_bytes(), rules).expect("the path is fine");
            let batches =
                (0..4).map(|_| decode(&key, body.as_bytes(), rules).expect("it is valid"));
            let mut found: Vec<Vec<Series>> =
                batches.map(|batch| batch.series(&batch.families[0]).to_vec()).collect();
            found.dedup();
            assert_eq!(found.len(), 1, "{path} {body}");
            found.remove(0)
        };
        for (one, other) in [
            (("/j", "m 1\n"), ("/j", "m{x=\"\"} 1\n")),
            (("/j/y/1", "m 1\n"), ("/j/a@base64/=", "m{a=\"own\",y=\"1\",z=\"\"} 1\n")),
            (
                ("/j/y/1", "# TYPE h histogram\nh_count 1\n"),
                ("/j", "# TYPE h histogram\nh_count{x=\"\",y=\"1\"} 1\n"),
            ),
        ] {
            assert_eq!(series(one.0, one.1), series(other.0, other.1), "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_small_body_under_a_long_url_stays_bounded() {
        let path = format!("/{}", "j".repeat(60_000));
        let plain: String = (0..6000).map(|at| format!("m{at} 1\n")).collect();
        assert_eq!(push(&path, &plain), Err("too large".to_owned()));
        let buckets: String = (0..6000).map(|at| format!("h_bucket{{le=\"{at}\"}} 1\n")).collect();
        let histogram = format!("# TYPE h histogram\n{buckets}");
        assert_eq!(push(&path, &histogram), Err("too large".to_owned()));
        // A sum alone is rendered as a bucket, a sum and a count.
        let sums: String = (0..2000).map(|at| format!("h_sum{{x=\"{at}\"}} 1\n")).collect();
        let histogram = format!("# TYPE h histogram\n{sums}");
        assert_eq!(push(&path, &histogram), Err("too large".to_owned()));
    }

    #[test]
    fn the_last_line_counts_too_and_so_do_families() {
        let path = format!("/{}", "j".repeat(60_000));
        let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("it is fine");
        let line_bytes = "h".len() + key.text().len() + LINE_BYTES;
        let left = RENDERED_BYTES_MAX - size_of::<FamilyInProgress<'_>>();
        let buckets_max = left / line_bytes - CLOSING_LINES;
        let histogram = |buckets: usize| {
            let bucket = |at| format!("h_bucket{{le=\"{at}\"}} 1\n");
            format!("# TYPE h histogram\n{}", (0..buckets).map(bucket).collect::<String>())
        };
        let too_large = Err("too large".to_owned());
        let fitting = histogram(buckets_max);
        assert!(push(&path, &fitting).is_ok());
        assert_eq!(push(&path, &histogram(buckets_max + 1)), too_large);
        let families: String = (0..2000).map(|at| format!("# HELP f{at} x\n")).collect();
        assert_eq!(push(&path, &(families + &fitting)), too_large);
    }
}
