//! A scrape, read as strictly as any scraper might.

use std::collections::{BTreeMap, BTreeSet};

use shardgate::exposition::NameRules;

use crate::oracle::key::spell;
use crate::oracle::line::{self, Line};
use crate::oracle::model::Kind;
use crate::oracle::number;

/// The families of a scrape.
pub(crate) type Scrape = BTreeMap<String, Scraped>;

#[derive(Debug, PartialEq)]
pub(crate) struct Scraped {
    pub(crate) kind: Kind,
    /// Escaped; empty for none, and for the push times, whose wording does not matter.
    pub(crate) help: String,
    /// Name and labels of each sample, and its value: of a push time, only whether it is zero.
    pub(crate) samples: BTreeMap<String, String>,
    /// The samples as Prometheus tells them apart, for which labels with an empty value do not count.
    series: BTreeSet<String>,
}

impl Scraped {
    pub(crate) fn new(kind: Kind, help: &str) -> Scraped {
        Scraped { kind, help: help.to_owned(), samples: BTreeMap::new(), series: BTreeSet::new() }
    }

    /// Adds a line of the family called `family`; says what is wrong with it.
    pub(crate) fn add(&mut self, family: &str, line: &str) -> Result<(), String> {
        let Some(Line::Sample { name, labels, value, timestamp: None }) =
            line::read(line.as_bytes(), NameRules::Legacy)
        else {
            return Err(format!("not a sample: {line}"));
        };
        let mut names = self.kind.occupied(family);
        if !matches!(self.kind, Kind::Histogram) {
            names.push(family.to_owned());
        }
        if !names.contains(&name) {
            return Err(format!("a sample of another family stands in {family}: {line}"));
        }
        let number = number::read(&value).ok_or_else(|| format!("no number: {line}"))?;
        let value =
            if is_push_time(family) && number > 0.0 { "after 1970".to_owned() } else { value };
        let mut counting = labels.clone();
        counting.retain(|_, value| !value.is_empty());
        if !self.series.insert(format!("{name}{{{}}}", spell(&counting))) {
            return Err(format!("twice to Prometheus: {line}"));
        }
        match self.samples.insert(format!("{name}{{{}}}", spell(&labels)), value) {
            Some(_) => Err(format!("twice: {line}")),
            None => Ok(()),
        }
    }
}

fn is_push_time(family: &str) -> bool {
    ["push_time_seconds", "push_failure_time_seconds"].contains(&family)
}

/// Reads a scrape: families in order of their names, each once, each with at most one `HELP`, then a
/// `TYPE`, then its samples, no series twice and no sample that two families could claim.
pub(crate) fn read(text: &str) -> Result<Scrape, String> {
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line is not ended".to_owned());
    }
    let mut scrape = Scrape::new();
    let mut lines = text.lines().peekable();
    while let Some(first) = lines.next() {
        let (help, second) = match first.strip_prefix("# HELP ") {
            Some(help) => (Some(help), lines.next().unwrap_or_default()),
            None => (None, first),
        };
        let Some(Line::Type { name, word }) = line::read(second.as_bytes(), NameRules::Legacy)
        else {
            return Err(format!("no TYPE: {second}"));
        };
        let help = match help.map(|help| help.strip_prefix(&format!("{name} "))) {
            Some(None) => return Err(format!("HELP of another family: {first}")),
            Some(Some(help)) if !is_push_time(&name) => help,
            Some(Some(_)) | None => "",
        };
        let kind = Kind::named(&word).ok_or_else(|| format!("unknown type: {second}"))?;
        if scrape.last_key_value().is_some_and(|(last, _)| *last >= name) {
            return Err(format!("{name} stands too late"));
        }
        let mut family = Scraped::new(kind, help);
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            family.add(&name, line)?;
        }
        if family.samples.is_empty() {
            return Err(format!("{name} has no samples"));
        }
        scrape.insert(name, family);
    }
    for (name, family) in &scrape {
        if let Some(other) =
            family.kind.occupied(name).iter().find(|name| scrape.contains_key(*name))
        {
            return Err(format!("samples of {name} could be those of {other}"));
        }
    }
    Ok(scrape)
}
