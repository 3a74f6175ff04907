//! The families of a body while it is read. Start with [`Families::sample`], which finds the place of a sample.

use std::collections::HashMap;

use super::line::{Exemplar, Sample};
use crate::exposition::Kind;
use crate::push::error::SyntaxErrorKind;
use crate::push::samples::labels::Label;
use crate::push::samples::number::Number;
use crate::push::text::has_escapes;

/// All families, in order of appearance.
#[derive(Default)]
pub(super) struct Families<'a> {
    pub(super) list: Vec<Family<'a>>,
    by_name: HashMap<&'a [u8], usize, ahash::RandomState>,
    /// The series of the families that have several samples for each, by their labels.
    by_labels: HashMap<(usize, Pairs<'a>), usize, ahash::RandomState>,
}

/// Labels as (name, value), sorted by name. Each value has one spelling.
type Pairs<'a> = Vec<(&'a [u8], &'a [u8])>;

/// A family as a body of OpenMetrics has it: the name of a counter lacks `_total`.
pub(super) struct Family<'a> {
    /// Where it is first mentioned.
    pub(super) line: u32,
    pub(super) name: &'a [u8],
    pub(super) kind: Option<Kind>,
    pub(super) is_info: bool,
    /// With its escapes, which are valid.
    pub(super) help: Option<&'a [u8]>,
    pub(super) series: Vec<Series<'a>>,
}

/// What the samples of one series say.
#[derive(Default)]
pub(super) struct Series<'a> {
    pub(super) labels: Vec<Label<'a>>,
    pub(super) value: Option<Number<'a>>,
    pub(super) exemplar: Option<Exemplar<'a>>,
    pub(super) sum: Option<Number<'a>>,
    pub(super) count: Option<Number<'a>>,
    /// In seconds.
    pub(super) created: Option<f64>,
    pub(super) parts: Vec<Part<'a>>,
}

/// A bucket or quantile.
pub(super) struct Part<'a> {
    pub(super) bound: Number<'a>,
    pub(super) value: Number<'a>,
    pub(super) exemplar: Option<Exemplar<'a>>,
}

/// What a sample is to its series.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Value,
    Part,
    Sum,
    Count,
    Created,
}

/// What stands behind the name of a family in those of its samples.
const SUFFIXES: [(&[u8], Role); 8] = [
    (b"_total", Role::Value),
    (b"_info", Role::Value),
    (b"_bucket", Role::Part),
    (b"_count", Role::Count),
    (b"_sum", Role::Sum),
    (b"_gcount", Role::Count),
    (b"_gsum", Role::Sum),
    (b"_created", Role::Created),
];

impl<'a> Families<'a> {
    pub(super) fn help(
        &mut self,
        name: &'a [u8],
        text: &'a [u8],
        line: u32,
    ) -> Result<(), SyntaxErrorKind> {
        has_escapes(text)?;
        let family = self.family(name, line);
        match self.list[family].help.replace(text) {
            None => Ok(()),
            Some(_) => Err(SyntaxErrorKind::SecondHelp),
        }
    }

    pub(super) fn kind(
        &mut self,
        name: &'a [u8],
        word: &'a [u8],
        line: u32,
    ) -> Result<(), SyntaxErrorKind> {
        let kind = Kind::parse(word).ok_or(SyntaxErrorKind::UnknownType)?;
        let family = self.family(name, line);
        let family = &mut self.list[family];
        family.is_info = word.eq_ignore_ascii_case(b"info");
        match family.kind.replace(kind) {
            None => Ok(()),
            Some(_) => Err(SyntaxErrorKind::SecondType),
        }
    }

    /// Takes a sample with these labels, sorted by name.
    pub(super) fn sample(
        &mut self,
        sample: &Sample<'a>,
        labels: &[Label<'a>],
        line: u32,
    ) -> Result<(), SyntaxErrorKind> {
        let (family, role) = self.resolve(sample.name, line)?;
        let kind = *self.list[family].kind.get_or_insert(Kind::Untyped);
        let mut labels = labels.to_vec();
        let mut bound = None;
        if let Some(name) = kind.part_label()
            && let Some(at) = labels.iter().position(|label| label.name == name.as_bytes())
        {
            bound = Some(Number::parse(labels.remove(at).value).ok_or(match kind {
                Kind::Summary => SyntaxErrorKind::Quantile,
                _ => SyntaxErrorKind::BucketBound,
            })?);
        }
        let value = sample.value;
        let is_count = role == Role::Count || (role == Role::Part && kind != Kind::Summary);
        if is_count && (value.is_negative() || kind == Kind::Summary && !value.value().is_finite())
        {
            return Err(SyntaxErrorKind::Count);
        }
        let series = self.series(family, kind, role, labels);
        match role {
            Role::Value => (series.value, series.exemplar) = (Some(value), sample.exemplar.clone()),
            Role::Sum => series.sum = Some(value),
            Role::Count => series.count = Some(value),
            Role::Created => series.created = Some(value.value()),
            Role::Part => {
                if let Some(bound) = bound.filter(|bound| !bound.is_nan()) {
                    series.parts.push(Part { bound, value, exemplar: sample.exemplar.clone() });
                }
            }
        }
        Ok(())
    }

    /// The family of a sample, made when there is none, and what the sample is to its series.
    fn resolve(&mut self, name: &'a [u8], line: u32) -> Result<(usize, Role), SyntaxErrorKind> {
        if let Some(&at) = self.by_name.get(name) {
            let family = &self.list[at];
            let role = match family.kind {
                Some(Kind::Summary) => Some(Role::Part),
                Some(Kind::Histogram | Kind::GaugeHistogram) => None,
                Some(Kind::Counter) => name.ends_with(b"_total").then_some(Role::Value),
                _ if family.is_info => name.ends_with(b"_info").then_some(Role::Value),
                _ => Some(Role::Value),
            };
            return Ok((at, role.ok_or(SyntaxErrorKind::SampleName)?));
        }
        for (suffix, role) in SUFFIXES {
            let base = name.strip_suffix(suffix).and_then(|base| self.by_name.get(base));
            if let Some(&at) = base
                && self.list[at].has(suffix)
            {
                return Ok((at, role));
            }
        }
        Ok((self.family(name, line), Role::Value))
    }

    fn family(&mut self, name: &'a [u8], line: u32) -> usize {
        let Families { list, by_name, .. } = self;
        *by_name.entry(name).or_insert_with(|| {
            let (kind, help) = (None, None);
            list.push(Family { line, name, kind, is_info: false, help, series: Vec::new() });
            list.len() - 1
        })
    }

    /// The series of these labels, made when there is none. A value that comes again makes one more: that is found out later.
    fn series(
        &mut self,
        family: usize,
        kind: Kind,
        role: Role,
        labels: Vec<Label<'a>>,
    ) -> &mut Series<'a> {
        let series = &mut self.list[family].series;
        if matches!(kind, Kind::Gauge | Kind::Untyped) {
            series.push(Series { labels, ..Series::default() });
            return series.last_mut().expect("it was just added");
        }
        let pairs = labels.iter().map(|label| (label.name, label.value)).collect();
        let at = self.by_labels.entry((family, pairs)).or_insert(series.len());
        if role == Role::Value && series.get(*at).is_some_and(|series| series.value.is_some()) {
            *at = series.len();
        }
        if *at == series.len() {
            series.push(Series { labels, ..Series::default() });
        }
        &mut series[*at]
    }
}

impl Series<'_> {
    /// Whether nothing is known of it but when it was created.
    pub(super) fn is_empty(&self) -> bool {
        let numbers = [self.value, self.sum, self.count];
        numbers.iter().all(Option::is_none) && self.parts.is_empty()
    }
}

impl Family<'_> {
    /// Whether samples of the family have names with that suffix.
    fn has(&self, suffix: &[u8]) -> bool {
        let suffixes: &[&[u8]] = match self.kind {
            Some(Kind::Counter) => &[b"_total", b"_created"],
            _ if self.is_info => &[b"_info"],
            Some(Kind::Histogram) => &[b"_bucket", b"_count", b"_sum", b"_created"],
            Some(Kind::GaugeHistogram) => &[b"_bucket", b"_gcount", b"_gsum", b"_count", b"_sum"],
            Some(Kind::Summary) => &[b"_count", b"_sum", b"_created"],
            _ => &[],
        };
        suffixes.contains(&suffix)
    }
}
