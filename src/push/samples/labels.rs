//! The labels of one sample, and how those of its group are merged in.
//!
//! Start with [`Labels`]: both readers fill it for each sample. Most samples have the labels of the sample before with
//! other values, so what the names alone decide is found out once for all of them.

use crate::exposition::{write_label_name, write_label_value};
use crate::push::batch::series::{Series, SeriesHasher};
use crate::push::key::GroupingKey;
use crate::push::spelling::is_left_out;

/// A label as it was pushed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label<'a> {
    /// The name without quotes and escapes.
    pub(crate) name: &'a [u8],
    /// The value: text with its escapes, or protobuf, which has none.
    pub(crate) value: &'a [u8],
    /// All of it: text from the name to the closing quote, or the field of a protobuf message.
    pub(crate) whole: &'a [u8],
    /// Whether it is protobuf.
    pub(crate) is_raw: bool,
}

impl Label<'_> {
    /// How many bytes [`Label::write`] may append, with a comma behind them.
    pub(crate) fn bytes_max(&self) -> usize {
        /// Quotes and a sign.
        const AROUND: usize = 6;
        // A name in quotes, and a raw value, may have as many escapes as bytes.
        let written = 2 * self.name.len() + (1 + usize::from(self.is_raw)) * self.value.len();
        self.whole.len().max(written + AROUND)
    }

    /// How many bytes [`Label::write`] appends to the name and value of a label with nothing to quote or escape.
    const AROUND_BYTES: usize = br#"="""#.len();

    /// Appends the label as the output spells it.
    fn write(&self, out: &mut Vec<u8>) {
        if !self.is_raw
            && self.whole.len() == self.name.len() + self.value.len() + Self::AROUND_BYTES
        {
            return out.extend_from_slice(self.whole); // There are no blanks in it, and no more quotes.
        }
        write_label_name(out, self.name);
        out.extend_from_slice(b"=\"");
        if self.is_raw {
            write_label_value(out, self.value);
        } else {
            out.extend_from_slice(self.value);
        }
        out.push(b'"');
    }
}

/// The labels of one sample, sorted by name, each name once.
#[derive(Debug, Default)]
pub(crate) struct Labels<'a> {
    pub(crate) list: Vec<Label<'a>>,
    /// The names that the last sample with labels had, in the order in which they were pushed. One that was in quotes
    /// is empty here, and is never the same as another.
    names: Vec<&'a [u8]>,
    /// Whether the sample has these names so far.
    is_as_before: bool,
    /// Whether the names were pushed in order.
    is_sorted: bool,
    /// Whether a name begins with `__`.
    has_reserved: bool,
    /// How many labels the output shows before those of the group, where these stand together and none has the name of
    /// any other label.
    before_group: Option<usize>,
}

impl<'a> Labels<'a> {
    /// Begins a sample.
    pub(crate) fn begin(&mut self) {
        self.list.clear();
        self.is_as_before = true;
    }

    /// The name that the next label has if it is the same as in the sample before. It is a valid name.
    pub(crate) fn likely_name(&self) -> Option<&'a [u8]> {
        self.names.get(self.list.len()).copied().filter(|name| !name.is_empty())
    }

    /// Adds a label of which the name is [`Labels::likely_name`].
    pub(crate) fn push_likely(&mut self, label: Label<'a>) {
        self.list.push(label);
    }

    /// Adds any label.
    pub(crate) fn push(&mut self, label: Label<'a>, is_quoted: bool) {
        self.is_as_before = false;
        self.names.truncate(self.list.len());
        self.names.push(if is_quoted { b"" } else { label.name });
        self.list.push(label);
    }

    /// Ends a sample of the group `key`. Answers whether no name is there twice.
    #[inline]
    pub(crate) fn end(&mut self, key: &GroupingKey) -> bool {
        if self.list.is_empty() {
            return true; // The names stay those of the last sample that had some.
        }
        if self.is_as_before && self.names.len() == self.list.len() {
            if !self.is_sorted {
                self.list.sort_unstable_by_key(|label| label.name);
            }
            return true;
        }
        self.look_at_names(key)
    }

    fn look_at_names(&mut self, key: &GroupingKey) -> bool {
        self.is_as_before = false;
        self.names.truncate(self.list.len());
        self.is_sorted = self.list.is_sorted_by(|one, next| one.name < next.name);
        if !self.is_sorted {
            self.list.sort_unstable_by_key(|label| label.name);
            if self.list.windows(2).any(|pair| pair[0].name == pair[1].name) {
                return false;
            }
        }
        self.has_reserved = self.list.iter().any(|label| label.name.starts_with(b"__"));
        let (first, last) = (key.name(0), key.name(key.len() - 1));
        let before = self.list.partition_point(|label| Some(label.name) < first);
        let is_apart = self.list.get(before).is_none_or(|label| Some(label.name) > last);
        self.before_group = is_apart.then_some(before);
        true
    }

    /// Whether any name is new, so that the rules for names have to be checked.
    pub(crate) fn has_new_names(&self) -> bool {
        !self.is_as_before
    }

    pub(crate) fn has_reserved(&self) -> bool {
        !self.list.is_empty() && self.has_reserved
    }

    /// Whether any value holds other text than UTF-8.
    pub(crate) fn are_utf8(&self) -> bool {
        self.list.iter().all(|label| std::str::from_utf8(label.value).is_ok())
    }

    /// Where the group's labels belong in the text of a line that begins with a metric name of `name_bytes` bytes and a brace,
    /// and that spells its labels as the output does, up to `end`. `None` where they belong in several places.
    pub(crate) fn group_place(&self, name_bytes: usize, end: usize) -> Option<usize> {
        let before = self.before_group.filter(|_| self.is_sorted)?;
        if before == self.list.len() {
            return Some(end);
        }
        let bytes = self.list[..before].iter().map(|label| label.whole.len() + ",".len());
        Some(name_bytes + "{".len() + bytes.sum::<usize>())
    }

    /// How many bytes the labels and the commas between them have, if all are spelled as the output does.
    pub(crate) fn canonical_bytes(&self) -> usize {
        let bytes = |label: &Label<'_>| {
            label.name.len() + label.value.len() + Label::AROUND_BYTES + ",".len()
        };
        self.list.iter().map(bytes).sum::<usize>().saturating_sub(",".len())
    }

    /// How many bytes the labels may have in the output.
    pub(crate) fn bytes_max(&self) -> usize {
        self.list.iter().map(Label::bytes_max).sum()
    }
}

/// The labels of the group that a push goes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupLabels<'a> {
    pub(crate) key: &'a GroupingKey,
    pub(crate) hasher: SeriesHasher,
    /// What they add to the fingerprint of each series.
    pub(crate) fingerprint: Series,
}

impl<'a> GroupLabels<'a> {
    pub(crate) fn new(key: &'a GroupingKey) -> Self {
        let hasher = SeriesHasher::get();
        let is_kept =
            |&at: &usize| !is_left_out(key.name(at).unwrap_or_default(), key.value(at).as_bytes());
        let kept = (0..key.len()).filter(is_kept).map(|at| hasher.part(key.pairs(at..at + 1)));
        GroupLabels { key, hasher, fingerprint: kept.fold(Series::default(), Series::with) }
    }

    /// What labels add to a fingerprint that are spelled as the output does, of a sample of which no label has the name
    /// of one of the group. So none of them is the instance, which counts though it is empty.
    pub(crate) fn and_own(self, own: &[Label<'_>]) -> Series {
        let kept = own.iter().filter(|label| !label.value.is_empty());
        kept.fold(self.fingerprint, |sum, label| sum.with(self.hasher.part(label.whole)))
    }

    /// Appends the labels that a sample shows, sorted, as they stand between the braces. Labels of the
    /// group override the sample's own; `instance` is always there. Answers what all of them add to a fingerprint.
    ///
    /// What was overridden goes to `shadowed`, unless that is `None`: two samples that differ only there
    /// are different samples that end up as one series.
    pub(crate) fn merge(
        self,
        out: &mut Vec<u8>,
        own: &[Label<'_>],
        mut shadowed: Option<&mut Vec<u8>>,
    ) -> Series {
        let GroupLabels { key, hasher, mut fingerprint } = self;
        // The group's labels in `copied..next` stand before the label at hand. They are copied together,
        // with the commas between them: most often all at once.
        let (mut copied, mut next) = (0, 0);
        for label in own {
            while key.name(next).is_some_and(|name| name < label.name) {
                next += 1;
            }
            let is_in_group = key.name(next).is_some_and(|name| name == label.name);
            if is_in_group {
                // An instance of its own, though empty, is not the same as none.
                if let Some(shadowed) = shadowed.as_deref_mut() {
                    label.write(shadowed);
                }
                if key.overrides(label.name) {
                    continue;
                }
                fingerprint = fingerprint.without(hasher.part(key.pairs(next..next + 1)));
            }
            if copied < next {
                out.extend_from_slice(key.pairs(copied..next));
                out.push(b',');
            }
            let start = out.len();
            label.write(out);
            // The only label of the group that is not overriding is the instance, which counts though it is empty.
            if is_in_group || !label.value.is_empty() {
                fingerprint = fingerprint.with(hasher.part(&out[start..]));
            }
            out.push(b',');
            next += usize::from(is_in_group);
            copied = next;
        }
        if copied < key.len() {
            out.extend_from_slice(key.pairs(copied..key.len()));
        } else {
            out.pop(); // The last comma.
        }
        fingerprint
    }
}
