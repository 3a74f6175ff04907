//! A whole push body: which family each line belongs to, what folds into one series, and every
//! reason there is to refuse it.

use std::collections::{BTreeMap, BTreeSet};

use shardgate::exposition::NameRules;

use crate::oracle::key::{Key, Labels, without_empty};
use crate::oracle::line::{self, Line};
use crate::oracle::model::{Family, Kind, Series, Value};
use crate::oracle::number;

pub(crate) type Families = BTreeMap<String, Family>;

/// Why a body is not taken.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// This line cannot be read.
    Syntax { line: usize },
    /// It reads, but cannot be stored.
    Refused(BTreeSet<Reason>),
}

/// What can be wrong with a body that reads well, in itself or beside what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    Timestamp,
    ReservedLabel,
    PartLabelInKey,
    DuplicatePart,
    DuplicateSeries,
    NameOccupied,
    TypeConflict,
    SeriesElsewhere,
    OtherSpelling,
}

/// A family as far as it has been read.
#[derive(Default)]
struct Draft {
    kind: Option<Kind>,
    help: Option<String>,
    samples: Vec<Sample>,
}

struct Sample {
    suffix: &'static str,
    labels: Labels,
    value: f64,
    has_timestamp: bool,
}

/// Reads a body pushed to the group `key`.
pub(crate) fn read(key: &Key, body: &[u8], rules: NameRules) -> Result<Families, Rejected> {
    let mut drafts = BTreeMap::new();
    let mut lines: Vec<&[u8]> = body.split(|letter| *letter == b'\n').collect();
    let is_open = lines.pop_if(|last| last.is_empty()).is_none();
    for (at, line) in lines.iter().enumerate() {
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if is_open && at + 1 == lines.len() && !may_end_open(line) {
            return Err(Rejected::Syntax { line: at + 1 });
        }
        let read = line::read(line, rules).and_then(|line| note(&mut drafts, line));
        read.ok_or(Rejected::Syntax { line: at + 1 })?;
    }
    if drafts.values().all(|draft| draft.samples.is_empty())
        && let Some(at) = lines.iter().position(|line| is_joined(line))
    {
        return Err(Rejected::Syntax { line: at + 1 });
    }
    let has_timestamp = drafts.values().flat_map(|draft| &draft.samples).any(|s| s.has_timestamp);
    let mut reasons: BTreeSet<Reason> =
        has_timestamp.then_some(Reason::Timestamp).into_iter().collect();
    let is_left_out = |name: &str, draft: &Draft| {
        draft.samples.is_empty()
            || ["push_time_seconds", "push_failure_time_seconds"].contains(&name)
    };
    drafts.retain(|name, draft| !is_left_out(name, draft));
    let mut families = Families::new();
    for (name, draft) in drafts {
        families.insert(name, finish(key, draft, &mut reasons));
    }
    for (name, family) in &families {
        if family.kind.occupied(name).iter().any(|occupied| families.contains_key(occupied)) {
            reasons.insert(Reason::NameOccupied);
        }
    }
    if reasons.is_empty() { Ok(families) } else { Err(Rejected::Refused(reasons)) }
}

/// Whether a body may end in `line` without a line end: not in a comment, unless it says that this is the end.
fn may_end_open(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    !line.trim_start().starts_with('#') || line.trim() == "# EOF"
}

/// Whether a comment holds what must have been further lines, where nothing else in the body says anything.
fn is_joined(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line).into_owned();
    let line = line.strip_prefix('\u{feff}').unwrap_or(&line);
    let line = line.trim_matches(|letter: char| letter.is_ascii_whitespace());
    let Some(comment) = line.strip_prefix('#') else { return false };
    // Escaped backslashes first, so that what is left of `\n` is a line end that somebody wrote.
    let pieces = comment.replace(r"\\", "\0\0").replace(r"\r\n", "\n").replace(r"\n", "\n");
    let trimmed = |line: &str| {
        let line = line.trim_matches(|letter: char| letter.is_ascii_whitespace());
        let line = line.strip_suffix(r"\r").unwrap_or(line);
        line.trim_end_matches(|letter: char| letter.is_ascii_whitespace()).to_owned()
    };
    let mut lines = pieces.split(['\n', '\r']).skip(1).map(trimmed);
    comment.contains("# TYPE ")
        || comment.contains("# HELP ")
        || lines.any(|line| {
            let name = |letter: char| letter.is_ascii_alphabetic() || "_:".contains(letter);
            let value = line.rsplit_once(' ').and_then(|(_, value)| number::read(value));
            line.starts_with('#') || line.starts_with(name) && value.is_some()
        })
}

/// Adds what a line says. `None` when it cannot be said there.
fn note(drafts: &mut BTreeMap<String, Draft>, line: Line) -> Option<()> {
    match line {
        Line::Comment => Some(()),
        Line::Mention { name } => {
            owner(drafts, &name);
            Some(())
        }
        Line::Help { name, text } => {
            let draft = owner(drafts, &name).0;
            draft.help.is_none().then(|| draft.help = Some(text))
        }
        Line::Type { name, word } => {
            let draft = owner(drafts, &name).0;
            let kind = Kind::named(&word)?;
            draft.kind.is_none().then(|| draft.kind = Some(kind))
        }
        Line::Sample { name, labels, value, timestamp } => {
            let (draft, suffix) = owner(drafts, &name);
            let kind = *draft.kind.get_or_insert(Kind::Untyped);
            let value = number::read(&value)?;
            let bound = kind.part_label().and_then(|label| labels.get(label));
            let bound = bound.map(|bound| number::read(bound).ok_or(())).transpose().ok()?;
            let is_bucket =
                kind.part_label() == Some("le") && suffix != "_count" && suffix != "_sum";
            let is_count =
                suffix == "_count" || is_bucket && bound.is_some_and(|bound| !bound.is_nan());
            if is_count && (value < 0.0 || kind == Kind::Summary && !value.is_finite()) {
                return None;
            }
            draft.samples.push(Sample {
                suffix,
                labels,
                value,
                has_timestamp: timestamp.is_some(),
            });
            Some(())
        }
    }
}

/// The family that a line about `name` belongs to, and the suffix that leads there: the one of that
/// very name, else the histogram or summary that shows samples under it, else a new one.
fn owner<'d>(drafts: &'d mut BTreeMap<String, Draft>, name: &str) -> (&'d mut Draft, &'static str) {
    let mut found = (name.to_owned(), "");
    if !drafts.contains_key(name) {
        for suffix in ["_count", "_sum", "_bucket"] {
            let Some(base) = name.strip_suffix(suffix) else { continue };
            let kind = drafts.get(base).and_then(|draft| draft.kind);
            if kind.is_some_and(|kind| kind.occupied(base).iter().any(|occupied| occupied == name))
            {
                found = (base.to_owned(), suffix);
            }
        }
        for (written, suffix) in [("_gcount", "_count"), ("_gsum", "_sum")] {
            let Some(base) = name.strip_suffix(written) else { continue };
            let kind = drafts.get(base).and_then(|draft| draft.kind);
            if !base.is_empty() && kind == Some(Kind::GaugeHistogram) {
                found = (base.to_owned(), suffix);
            }
        }
    }
    (drafts.entry(found.0).or_default(), found.1)
}

fn finish(key: &Key, draft: Draft, reasons: &mut BTreeSet<Reason>) -> Family {
    let kind = draft.kind.unwrap_or(Kind::Untyped);
    let help = draft.help.unwrap_or_default().replace('\\', r"\\").replace('\n', r"\n");
    if draft.samples.iter().any(|sample| sample.labels.keys().any(|name| name.starts_with("__"))) {
        reasons.insert(Reason::ReservedLabel);
    }
    if kind.part_label().is_some_and(|label| key.labels.contains_key(label)) {
        reasons.insert(Reason::PartLabelInKey);
    }
    let pushed = match kind.part_label() {
        None => draft.samples.iter().map(|s| (s.labels.clone(), Value::Plain(s.value))).collect(),
        Some(part_label) => fold(kind, part_label, draft.samples),
    };
    let mut seen = BTreeSet::new();
    let mut series = Vec::new();
    for (own, value) in pushed {
        let labels = key.merged_with(&own);
        if !seen.insert(without_empty(&labels)) {
            reasons.insert(Reason::DuplicateSeries);
        }
        if let Value::Folded { parts, .. } = &value
            && has_duplicate(parts)
        {
            reasons.insert(Reason::DuplicatePart);
        }
        series.push(Series { labels, value });
    }
    Family { kind, help, series }
}

fn has_duplicate(parts: &[(f64, f64)]) -> bool {
    parts.iter().enumerate().any(|(at, part)| parts[..at].iter().any(|other| other.0 == part.0))
}

/// Makes one series of all samples that have the same labels, `part_label` aside.
fn fold(kind: Kind, part_label: &str, samples: Vec<Sample>) -> Vec<(Labels, Value)> {
    let mut folded: Vec<(Labels, Value)> = Vec::new();
    for mut sample in samples {
        let bound = sample.labels.remove(part_label).and_then(|bound| number::read(&bound));
        let known = folded.iter().position(|(labels, _)| *labels == sample.labels);
        let at = known.unwrap_or_else(|| {
            folded.push((sample.labels, Value::Folded { parts: Vec::new(), sum: 0.0, count: 0.0 }));
            folded.len() - 1
        });
        let Value::Folded { parts, sum, count } = &mut folded[at].1 else { continue };
        match (sample.suffix, bound) {
            ("_sum", _) => *sum = sample.value,
            // The reference keeps the count of a summary as an integer.
            ("_count", _) if kind == Kind::Summary => *count = sample.value.trunc(),
            ("_count", _) => *count = sample.value,
            (_, Some(bound)) if !bound.is_nan() => parts.push((bound, sample.value)),
            _ => {}
        }
    }
    folded
}
