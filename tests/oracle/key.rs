//! A grouping key as a map of labels, and what it does to the labels of a sample.

use std::collections::BTreeMap;

pub(crate) type Labels = BTreeMap<String, String>;

/// The labels a push URL names, `job` among them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) labels: Labels,
}

impl Key {
    pub(crate) fn new<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Key {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Key { labels: labels.into_iter().map(owned).collect() }
    }

    /// The labels that a sample with these labels of its own shows.
    pub(crate) fn merged_with(&self, own: &Labels) -> Labels {
        let mut merged = own.clone();
        merged.extend(self.labels.clone());
        merged.entry("instance".to_owned()).or_default();
        merged
    }

    /// What tells the group from others, whichever way its key is spelled.
    pub(crate) fn identity(&self) -> Labels {
        without_empty(&self.merged_with(&Labels::new()))
    }

    /// What the push URL has behind `/metrics/job`. The values may hold anything but a slash.
    pub(crate) fn path(&self) -> String {
        let mut path = format!("/{}", self.labels["job"]);
        for (name, value) in self.labels.iter().filter(|(name, _)| *name != "job") {
            let name = escape_in_path(name);
            path += &match value.as_str() {
                "" => format!("/{name}@base64/="),
                value => format!("/{name}/{value}"),
            };
        }
        path
    }
}

/// The labels that count: to Prometheus one with an empty value is no label. `instance`, which everything has, is kept.
pub(crate) fn without_empty(labels: &Labels) -> Labels {
    let mut counting = labels.clone();
    counting.retain(|name, value| name == "instance" || !value.is_empty());
    counting
}

/// Labels as they stand between braces: sorted by name, values escaped.
pub(crate) fn spell(labels: &Labels) -> String {
    let pairs = labels
        .iter()
        .map(|(name, value)| format!("{}=\"{}\"", spell_name(name, ""), escape(value)));
    pairs.collect::<Vec<_>>().join(",")
}

/// A name as it stands outside of a sample's value: in quotes unless it is a legacy name, which may
/// have the letters `also`.
pub(crate) fn spell_name(name: &str, also: &str) -> String {
    if is_legacy(name, also) { name.to_owned() } else { format!("\"{}\"", escape(name)) }
}

pub(crate) fn is_legacy(name: &str, also: &str) -> bool {
    let belongs =
        |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || also.contains(letter);
    !name.is_empty()
        && name.chars().all(belongs)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// A label name as it stands in a path.
fn escape_in_path(name: &str) -> String {
    if is_legacy(name, "") {
        return name.to_owned();
    }
    let letters = name.chars().map(|letter| match letter {
        '_' => "__".to_owned(),
        letter if letter.is_ascii_alphanumeric() => letter.to_string(),
        letter => format!("_{:x}_", u32::from(letter)),
    });
    format!("U__{}", letters.collect::<String>())
}

fn escape(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}
