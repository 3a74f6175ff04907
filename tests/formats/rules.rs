//! What must hold in an exposition, whatever was stored.

use std::collections::{BTreeMap, BTreeSet};

use shardgate::exposition::{Escaping, Kind};
use shardgate::scrape::Format;

use super::model::Sample;

/// A family as a reader sees it. Its samples' labels may hold a name twice only in `repeated_label`.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
    pub(crate) repeated_label: Option<String>,
}

/// Whether `name` is within the classic grammar, given what it allows besides letters, digits and `_`.
pub(crate) fn is_classic(name: &str, also: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|char: char| char.is_ascii_digit())
        && name
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '_' || also.contains(char))
}

/// The labels that count: to Prometheus one with an empty value is no label.
pub(crate) fn without_empty(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut counting = labels.clone();
    counting.retain(|_, value| !value.is_empty());
    counting
}

/// The names that no other stored family may have or occupy.
pub(crate) fn stored_names(name: &str, kind: Kind) -> Vec<String> {
    let suffixes: &[&str] = match kind {
        Kind::Histogram | Kind::GaugeHistogram => &["", "_bucket", "_sum", "_count"],
        Kind::Summary => &["", "_sum", "_count"],
        Kind::Untyped | Kind::Counter | Kind::Gauge => &[""],
    };
    suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect()
}

/// The suffixes by which families of a kind clash: for OpenMetrics those of the strict parser of
/// `prometheus_client`.
fn suffixes(kind: &str, format: Format) -> &'static [&'static str] {
    match (kind, format) {
        ("counter", Format::OpenMetrics(_)) => &["", "_total", "_created"],
        ("summary", Format::OpenMetrics(_)) => &["", "_sum", "_count", "_created"],
        ("histogram", Format::OpenMetrics(_)) => &["", "_sum", "_count", "_bucket", "_created"],
        ("gaugehistogram", Format::OpenMetrics(_)) => &["", "_gcount", "_gsum", "_bucket"],
        ("summary", _) => &["", "_sum", "_count"],
        ("histogram" | "gaugehistogram", _) => &["", "_sum", "_count", "_bucket"],
        _ => &[""],
    }
}

/// Says what is wrong, if anything is.
pub(crate) fn check(shown: &[Shown], format: Format, escaping: Escaping) -> Result<(), String> {
    let mut names = BTreeSet::new();
    let mut series = BTreeSet::new();
    for family in shown {
        let suffixes = suffixes(&family.kind, format);
        for suffix in suffixes {
            let name = format!("{}{suffix}", family.name);
            if !names.insert(name.clone()) {
                return Err(format!("two families that have {name}"));
            }
        }
        if let Some(label) = &family.repeated_label {
            return Err(format!("a repeated label {label}"));
        }
        for (name, labels, _) in &family.samples {
            let own = name.strip_prefix(&family.name);
            if !own.is_some_and(|suffix| suffixes.contains(&suffix)) {
                return Err(format!("a sample {name} of {}", family.name));
            }
            if !series.insert((name, without_empty(labels))) {
                return Err(format!("a series {name} {labels:?} that is there twice"));
            }
            let are_classic =
                is_classic(name, ":") && labels.keys().all(|name| is_classic(name, ""));
            if escaping != Escaping::AllowUtf8 && !are_classic {
                return Err(format!("an unescaped name in {name} {labels:?}"));
            }
            // None is stored here.
            if labels.keys().any(|name| name.starts_with("__")) {
                return Err(format!("a reserved name in {labels:?}"));
            }
        }
    }
    Ok(())
}
