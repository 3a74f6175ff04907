//! The grouping key: the labels in a push URL, which name the group it goes to.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_BASE64;
use smallvec::SmallVec;

use crate::exposition::{
    Escaping, NameRules, escape_label_name, sample_lines, unescape, unescape_name,
    write_label_name, write_label_value,
};
use crate::push::batch::empty_labels::{is_left_out, without_empty};

const BASE64_SUFFIX: &[u8] = b"@base64";

/// As lenient as the reference, which lets stray bits at the end, and with the code below any padding
/// and line ends, through.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// The labels a push URL names, spelled as every sample of the group shows them.
///
/// **Invariant:** the text holds the pairs `name="value"`, sorted by name, joined by commas, with
/// `instance=""` where the URL gives no instance. Names are quoted where they have to be, and sorted
/// as they are meant. Two keys with the same text, labels with an empty value left out, would expose the same push
/// times, so that is the identity of a group.
#[derive(Debug, Clone)]
pub struct GroupingKey {
    /// The text in braces, with the blank that follows them in a sample; behind it, those names that
    /// stand in quotes there, as they are meant.
    text: String,
    braced_end: usize,
    pairs: SmallVec<[Pair; 4]>,
    instance: Instance,
    /// Whether any label but `instance` has an empty value.
    has_empty_label: bool,
}

/// Where one `name="value"` stands in the text, where the value in it begins, and where its name stands
/// as it is meant.
#[derive(Debug, Clone, Copy)]
struct Pair {
    start: u32,
    value: u32,
    end: u32,
    name: [u32; 2],
}

/// A label of the URL.
type PathLabel<'a> = (Cow<'a, str>, Cow<'a, str>);

/// What the URL says about the label `instance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instance {
    /// Nothing: samples that bring none of their own get an empty one.
    Absent,
    /// That it is empty: samples lose their own.
    Empty,
    /// A value.
    Given,
}

/// Why a push URL names no group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyError {
    /// No job, or an empty one.
    NoJob,
    /// A label name without a value.
    OddComponents,
    /// Two slashes in a row behind the job.
    EmptyComponent,
    /// Not a label name, or one that begins with `__`.
    LabelName(String),
    /// A value marked `@base64` that is not.
    Base64(String),
    /// A value that is not UTF-8.
    NotUtf8(String),
    /// More labels than are allowed.
    TooManyLabels,
    /// A label whose name or value is longer than is allowed.
    LongLabel(String),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::NoJob => write!(f, "job name is required"),
            KeyError::OddComponents => {
                write!(f, "odd number of path components after the job: a label name has no value")
            }
            KeyError::EmptyComponent => {
                write!(
                    f,
                    "empty path component after the job: write an empty value as NAME@base64/="
                )
            }
            KeyError::LabelName(name) => write!(f, "improper label name {name:?}"),
            KeyError::Base64(name) => write!(f, "invalid base64 encoding for label {name:?}"),
            KeyError::NotUtf8(name) => write!(f, "value of label {name:?} is not valid UTF-8"),
            KeyError::TooManyLabels => {
                write!(f, "the path has more labels than --push.max-labels allows")
            }
            KeyError::LongLabel(name) => {
                write!(f, "label {name:?} is longer than --push.max-label-bytes in name or value")
            }
        }
    }
}

impl std::error::Error for KeyError {}

impl GroupingKey {
    /// Reads the part of a percent-decoded push path that follows `/metrics/job`: `/JOB` or
    /// `@base64/JOB`, then any number of `/NAME/VALUE`, each name perhaps marked `@base64`. Where names
    /// may be any text, one that begins with `U__` is unescaped.
    ///
    /// # Errors
    /// Everything the reference answers 400 to, a value that is not UTF-8, which it stores and then
    /// cannot expose, and a name that begins with `__` only once it is unescaped.
    pub fn parse(tail: &[u8], rules: NameRules) -> Result<GroupingKey, KeyError> {
        let (job_is_base64, tail) = match tail.strip_prefix(BASE64_SUFFIX) {
            Some(rest) => (true, rest),
            None => (false, tail),
        };
        let mut components = tail.strip_prefix(b"/").unwrap_or(tail).split(|&byte| byte == b'/');
        let job = components.next().unwrap_or_default();
        let mut components: SmallVec<[&[u8]; 8]> = components.collect();
        if job.is_empty() && !components.is_empty() {
            return Err(KeyError::EmptyComponent);
        }
        if components.len() == 1 && components[0].is_empty() {
            components.clear(); // `/metrics/job/a/` is the group of `a`.
        }
        // The very last may be empty: `/metrics/job/a/x/` gives `x` an empty value.
        let inner = &components[..components.len().saturating_sub(1)];
        if inner.iter().any(|component| component.is_empty()) {
            return Err(KeyError::EmptyComponent);
        }
        if components.len() % 2 == 1 {
            return Err(KeyError::OddComponents);
        }
        let mut labels: SmallVec<[PathLabel<'_>; 4]> = SmallVec::new();
        for pair in components.chunks_exact(2) {
            let name = label_name(pair[0], rules)?;
            let value = label_value(&name, pair[1], pair[0].ends_with(BASE64_SUFFIX))?;
            labels.push((name, value));
        }
        let job = label_value("job", job, job_is_base64)?;
        if job.is_empty() {
            return Err(KeyError::NoJob);
        }
        labels.push((Cow::Borrowed("job"), job)); // Last, so that it overrides a label `job`.
        Ok(GroupingKey::new(labels))
    }

    /// The key whose text is `text`; `None` where there is none.
    pub fn from_text(text: &str, has_empty_instance: bool) -> Option<GroupingKey> {
        let line = format!("m{{{text}}} 0");
        let sample = sample_lines(line.as_bytes()).next();
        let labels = sample.iter().flat_map(|sample| &sample.labels);
        let labels = labels.map(|(name, value)| (Cow::Borrowed(&**name), unescape(value)));
        let is_given = |(name, value): &PathLabel<'_>| {
            has_empty_instance || name != "instance" || !value.is_empty()
        };
        let key = GroupingKey::new(labels.filter(is_given).collect());
        let has_job = (0..key.len()).any(|at| key.name(at) == Some(b"job"));
        (has_job && key.text() == text).then_some(key)
    }

    /// The key of these labels, as (name, value); `None` where none of them is a job.
    pub fn from_labels(labels: &[(String, String)]) -> Option<GroupingKey> {
        let has_job = labels.iter().any(|(name, value)| name == "job" && !value.is_empty());
        let labels =
            labels.iter().map(|(name, value)| (name.as_str().into(), value.as_str().into()));
        has_job.then(|| GroupingKey::new(labels.collect()))
    }

    /// What follows `/metrics` in a URL of the group, ready to be sent: `/job/JOB/NAME/VALUE`, in base64
    /// where it has to be.
    pub fn path(&self) -> String {
        let mut path = String::new();
        let mut push = |name: &str, value: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            let name = escape_label_name(name, Escaping::Values);
            // On its way a path loses its segments of dots.
            let is_dots = matches!(value, "." | "..");
            if !value.is_empty() && !is_dots && value.bytes().all(is_plain) {
                path.extend(["/", &*name, "/", value]);
            } else {
                let encoded = URL_SAFE_BASE64.encode(value);
                let encoded = if encoded.is_empty() { "=" } else { &*encoded };
                path.extend(["/", &*name, "@base64/", encoded]);
            }
        };
        push("job", &unescape(self.job()));
        for at in 0..self.len() {
            let name = self.name(at).and_then(|name| std::str::from_utf8(name).ok());
            if let Some(name) =
                name.filter(|name| *name != "job" && self.overrides(name.as_bytes()))
            {
                push(name, &self.value(at));
            }
        }
        path
    }

    fn new(mut labels: SmallVec<[PathLabel<'_>; 4]>) -> GroupingKey {
        let instance = match labels.iter().rev().find(|(name, _)| *name == "instance") {
            None => {
                labels.push((Cow::Borrowed("instance"), Cow::Borrowed("")));
                Instance::Absent
            }
            Some((_, value)) if value.is_empty() => Instance::Empty,
            Some(_) => Instance::Given,
        };
        labels.reverse();
        // Stable: the last of a repeated label stands first.
        labels.sort_by(|(one, _), (other, _)| one.cmp(other));
        labels.dedup_by(|(one, _), (other, _)| one == other);
        let mut has_empty_label = false;
        let mut text = Vec::with_capacity(64);
        let mut pairs: SmallVec<[Pair; 4]> = SmallVec::new();
        for (name, value) in &labels {
            has_empty_label |= is_left_out(name.as_bytes(), value.as_bytes());
            text.push(if text.is_empty() { b'{' } else { b',' });
            let start = text.len() as u32;
            write_label_name(&mut text, name.as_bytes());
            let name = [start, text.len() as u32];
            text.extend_from_slice(b"=\"");
            let value_start = text.len() as u32;
            write_label_value(&mut text, value.as_bytes());
            text.push(b'"');
            pairs.push(Pair { start, value: value_start, end: text.len() as u32, name });
        }
        text.extend_from_slice(b"} ");
        let braced_end = text.len();
        for (pair, (name, _)) in pairs.iter_mut().zip(&labels) {
            if text[pair.start as usize] == b'"' {
                let start = text.len() as u32;
                text.extend_from_slice(name.as_bytes());
                pair.name = [start, text.len() as u32];
            }
        }
        let text =
            String::from_utf8(text).expect("names and values are UTF-8, and escaping keeps it");
        GroupingKey { text, braced_end, pairs, instance, has_empty_label }
    }

    /// The labels of the group as they stand between the braces of a sample that brings no labels of its own.
    pub fn text(&self) -> &str {
        &self.text[1..self.braced_end - 2]
    }

    /// The identity of the group: its text without labels that have an empty value, since to Prometheus those are no
    /// labels. Only one of the groups that share it can exist at a time.
    pub fn identity(&self) -> Cow<'_, str> {
        if self.has_empty_label { identity_of(self.text()) } else { Cow::Borrowed(self.text()) }
    }

    /// Whether the group stored with the text `stored` is this one, or would be but for labels with an empty value.
    pub(crate) fn shares_identity(&self, stored: &str) -> bool {
        *stored == *self.text() || identity_of(stored) == self.identity()
    }

    /// Whether any label but `instance` has an empty value.
    pub(crate) fn has_empty_label(&self) -> bool {
        self.has_empty_label
    }

    /// The value of the label `job`, escaped.
    pub fn job(&self) -> &str {
        let at = (0..self.len()).find(|at| self.name(*at) == Some(b"job"));
        self.escaped_value(at.expect("every grouping key has a job"))
    }

    /// What stands between the name and the value of such a sample.
    pub(crate) fn braced(&self) -> &[u8] {
        &self.text.as_bytes()[..self.braced_end]
    }

    /// Whether the URL sets `instance` to the empty string, rather than leaving it out. Both have the same text and
    /// expose the same push times, so only one of the two groups can exist at a time.
    pub fn has_empty_instance(&self) -> bool {
        self.instance == Instance::Empty
    }

    /// Whether a sample's own value of the label `name` gives way to the group's.
    pub(crate) fn overrides(&self, name: &[u8]) -> bool {
        !(self.instance == Instance::Absent && name == b"instance")
    }

    /// How many labels there are; at least the job and the instance.
    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// The name, as it is meant, of the label at a position in the order of names.
    pub(crate) fn name(&self, at: usize) -> Option<&[u8]> {
        let [start, end] = self.pairs.get(at)?.name;
        Some(&self.text.as_bytes()[start as usize..end as usize])
    }

    /// The value of the label at a position in the order of names, without escapes.
    pub(crate) fn value(&self, at: usize) -> Cow<'_, str> {
        unescape(self.escaped_value(at))
    }

    /// The labels at these positions, at least one: `name="value"`, joined by commas.
    pub(crate) fn pairs(&self, at: Range<usize>) -> &[u8] {
        let (first, last) = (self.pairs[at.start], self.pairs[at.end - 1]);
        &self.text.as_bytes()[first.start as usize..last.end as usize]
    }

    fn escaped_value(&self, at: usize) -> &str {
        let Pair { value, end, .. } = self.pairs[at];
        &self.text[value as usize..end as usize - 1]
    }

    /// Whether the URL names the label `name`.
    pub(crate) fn names(&self, name: &str) -> bool {
        let name = name.as_bytes();
        self.overrides(name) && (0..self.len()).any(|at| self.name(at) == Some(name))
    }
}

/// The text of a key without labels that have an empty value.
fn identity_of(text: &str) -> Cow<'_, str> {
    match without_empty(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(shorter) => {
            Cow::Owned(String::from_utf8(shorter).expect("whole labels of a text are text"))
        }
    }
}

fn label_name(component: &[u8], rules: NameRules) -> Result<Cow<'_, str>, KeyError> {
    let written = component.strip_suffix(BASE64_SUFFIX).unwrap_or(component);
    let improper = || KeyError::LabelName(String::from_utf8_lossy(written).into_owned());
    let written = std::str::from_utf8(written).map_err(|_| improper())?;
    let unescaped = match rules {
        NameRules::Legacy => None,
        NameRules::Utf8 => unescape_name(written),
    };
    let name = unescaped.map_or(Cow::Borrowed(written), Cow::Owned);
    if !rules.allow_label_name(name.as_bytes()) || name.starts_with("__") {
        return Err(improper());
    }
    Ok(name)
}

fn label_value<'a>(name: &str, value: &'a [u8], is_base64: bool) -> Result<Cow<'a, str>, KeyError> {
    let not_utf8 = || KeyError::NotUtf8(name.to_owned());
    if !is_base64 {
        return std::str::from_utf8(value).map(Cow::Borrowed).map_err(|_| not_utf8());
    }
    let unpadded = value.len() - value.iter().rev().take_while(|&&byte| byte == b'=').count();
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let encoded: SmallVec<[u8; 64]> =
        value[..unpadded].iter().copied().filter(|byte| !is_line_end(byte)).collect();
    let decoded = LENIENT_BASE64.decode(&encoded).map_err(|_| KeyError::Base64(name.to_owned()))?;
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| not_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tail: &str, rules: NameRules) -> GroupingKey {
        GroupingKey::parse(tail.as_bytes(), rules).expect("the path is fine")
    }

    fn text(tail: &str) -> String {
        key(tail, NameRules::Legacy).text().to_owned()
    }

    fn error(tail: &[u8]) -> KeyError {
        GroupingKey::parse(tail, NameRules::Legacy).expect_err("the path is not fine")
    }

    #[test]
    fn labels_are_sorted_and_the_instance_is_always_there() {
        assert_eq!(text("/a"), r#"instance="",job="a""#);
        assert_eq!(text("/a/"), r#"instance="",job="a""#);
        assert_eq!(text("/a/zone/z/instance/i"), r#"instance="i",job="a",zone="z""#);
        assert_eq!(text("/a/x/1/b/2"), text("/a/b/2/x/1"));
    }

    #[test]
    fn the_last_of_a_repeated_label_wins_and_the_job_of_the_path_over_all() {
        assert_eq!(text("/a/x/1/x/2"), r#"instance="",job="a",x="2""#);
        assert_eq!(text("/a/job/b"), r#"instance="",job="a""#);
    }

    #[test]
    fn base64_values_may_hold_anything_that_is_utf8() {
        assert_eq!(text("@base64/L3Zhci90bXA="), r#"instance="",job="/var/tmp""#);
        assert_eq!(text("/a/x@base64/QR"), r#"instance="",job="a",x="A""#);
        assert_eq!(text("/a/x/"), r#"instance="",job="a",x="""#);
        assert_eq!(text("/a/x@base64/Q\n\rQ"), r#"instance="",job="a",x="A""#);
        assert_eq!(text("/a/x@base64/="), r#"instance="",job="a",x="""#);
        assert_eq!(text("/a/x@base64/Ilwi"), r#"instance="",job="a",x="\"\\\"""#);
        assert_eq!(error(b"/a/x@base64/!"), KeyError::Base64("x".into()));
        assert_eq!(error(b"/a/x@base64/_w"), KeyError::NotUtf8("x".into()));
    }

    #[test]
    fn an_explicit_empty_instance_is_the_same_group_spelled_otherwise() {
        let explicit = key("/a/instance@base64/=", NameRules::Legacy);
        assert_eq!(explicit.text(), text("/a"));
        assert!(explicit.has_empty_instance());
        assert!(!key("/a", NameRules::Legacy).has_empty_instance());
    }

    #[test]
    fn a_key_is_made_again_from_its_path() {
        let paths = [
            ("/a", "/job/a"),
            ("/a/x/1.5/instance/i-1", "/job/a/instance/i-1/x/1.5"),
            ("@base64/L3Zhci90bXA", "/job@base64/L3Zhci90bXA"),
            ("/a/x@base64/=/instance/", "/job/a/instance@base64/=/x@base64/="),
            ("/j/U__a_2e_b/é..", "/job/j/U__a_2e_b@base64/w6kuLg"),
            ("/..a/x@base64/Li4", "/job/..a/x@base64/Li4"),
        ];
        for (tail, expected) in paths {
            let key = key(tail, NameRules::Utf8);
            let path = key.path();
            assert_eq!(path, expected);
            let tail = path.strip_prefix("/job").expect("it begins with the job").as_bytes();
            let again = GroupingKey::parse(tail, NameRules::Utf8);
            assert_eq!(format!("{:?}", Ok::<_, KeyError>(key)), format!("{again:?}"));
        }
    }

    #[test]
    fn a_key_is_made_again_from_its_text() {
        for tail in
            ["/a", "/a/x/1", "/a/instance/i/U__a_2e_b/x", "/a/x@base64/Ilwi", "/a/x@base64/="]
        {
            let key = key(tail, NameRules::Utf8);
            let again = GroupingKey::from_text(key.text(), key.has_empty_instance());
            assert_eq!(format!("{:?}", Some(key)), format!("{again:?}"));
        }
        let explicit = GroupingKey::from_text(r#"instance="",job="a""#, true);
        assert!(explicit.is_some_and(|key| key.has_empty_instance()));
        for bad in ["", "x", r#"instance="""#, r#"job="a",instance="""#, r#"instance="",job="a",,"#]
        {
            assert!(GroupingKey::from_text(bad, false).is_none(), "{bad}");
        }
    }

    #[test]
    fn bad_paths_say_what_is_wrong() {
        assert_eq!(error(b"/"), KeyError::NoJob);
        assert_eq!(error(b"@base64/="), KeyError::NoJob);
        assert_eq!(error(b"/a/x"), KeyError::OddComponents);
        assert_eq!(error(b"/a/x/1/"), KeyError::OddComponents);
        assert_eq!(error(b"/a//x"), KeyError::EmptyComponent);
        assert_eq!(error(b"/a/x//"), KeyError::EmptyComponent);
        assert_eq!(error(b"//a"), KeyError::EmptyComponent);
        assert_eq!(error(b"/a/__x/1"), KeyError::LabelName("__x".into()));
        assert_eq!(error(b"/a/9/1"), KeyError::LabelName("9".into()));
        assert_eq!(error(b"/\xff"), KeyError::NotUtf8("job".into()));
    }

    #[test]
    fn names_may_be_escaped_where_they_may_be_any_text() {
        let text = |tail| key(tail, NameRules::Utf8).text().to_owned();
        let expected = r#""a.b"="x",instance="",job="j""#;
        assert_eq!(text("/j/U__a_2e_b/x"), expected);
        assert_eq!(text("/j/a.b/x"), expected);
        assert_eq!(text("/j/U__a_2e_b@base64/eA"), expected);
        assert_eq!(text("/j/U__b__c/1"), r#"b_c="1",instance="",job="j""#);
        assert_eq!(text("/j/U__instance/i/U__job/other"), r#"instance="i",job="j""#);
        assert_eq!(text("/j/U__b_2e/1"), r#"U__b_2e="1",instance="",job="j""#);
        assert_eq!(text("/j/a:b/1"), r#""a:b"="1",instance="",job="j""#);
        assert_eq!(text("/j/U___5c__22__a_/1"), r#""\\\"\n"="1",instance="",job="j""#);
        for bad in ["/j/U__/1", "/j/__a/1", "/j/U______a/1", "/j/@base64/eA"] {
            let error = GroupingKey::parse(bad.as_bytes(), NameRules::Utf8).map(|_| ());
            assert!(matches!(error, Err(KeyError::LabelName(_))), "{bad}");
        }
        assert!(GroupingKey::parse(b"/j/\xff/1", NameRules::Utf8).is_err());
        assert_eq!(error(b"/a/a.b/1"), KeyError::LabelName("a.b".into()));
        assert!(GroupingKey::parse(b"/j/U__a_2e_b/x", NameRules::Legacy).is_ok(), "a plain name");
    }

    #[test]
    fn names_are_sorted_as_they_are_meant() {
        let key = key("/j/U__z_22_/1/zb/2/U__z_a_/3/U___e9_/4", NameRules::Utf8);
        let names: Vec<_> = (0..key.len()).filter_map(|at| key.name(at)).collect();
        let meant = ["instance", "job", "z\n", "z\"", "zb", "é"];
        assert_eq!(names, meant.map(str::as_bytes));
        assert_eq!(key.text(), r#"instance="",job="j","z\n"="3","z\""="1",zb="2","é"="4""#);
        assert!(key.names("z\n") && !key.names("instance"));
    }
}
