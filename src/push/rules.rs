//! What a push may say: which names, and how many and how long labels.

use memchr::memchr_iter;

use crate::exposition::NameRules;
use crate::push::error::SyntaxErrorKind;
use crate::push::key::{GroupingKey, KeyError};
use crate::push::samples::labels::Label;

/// The rules for a push. Made of [`NameRules`] alone they leave labels unbounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Which names are valid.
    pub names: NameRules,
    /// How many labels a sample may have, those of its group included.
    pub labels_max: usize,
    /// How long the name or the value of a label may be, in bytes without escapes.
    pub label_bytes_max: usize,
}

impl From<NameRules> for Rules {
    fn from(names: NameRules) -> Rules {
        Rules { names, labels_max: usize::MAX, label_bytes_max: usize::MAX }
    }
}

impl Rules {
    /// Checks the labels of a sample, sorted by name, that goes to the group `key`.
    pub(crate) fn check(self, key: &GroupingKey, own: &[Label<'_>]) -> Result<(), SyntaxErrorKind> {
        // Who overrides whom matters only where there may be too many.
        if own.len().saturating_add(key.len()) > self.labels_max
            && merged_len(key, own) > self.labels_max
        {
            return Err(SyntaxErrorKind::TooManyLabels);
        }
        let is_long = |label: &Label<'_>| {
            label.name.len() > self.label_bytes_max
                || (label.value.len() > self.label_bytes_max
                    && (label.is_raw || unescaped_len(label.value) > self.label_bytes_max))
        };
        if own.iter().any(is_long) { Err(SyntaxErrorKind::LongLabel) } else { Ok(()) }
    }

    /// Checks the labels that a path names.
    ///
    /// # Errors
    /// When there are too many, or one is too long.
    pub fn check_key(self, key: &GroupingKey) -> Result<(), KeyError> {
        if key.len() > self.labels_max {
            return Err(KeyError::TooManyLabels);
        }
        if key.text().len() <= self.label_bytes_max {
            return Ok(()); // A label is no longer than all of them.
        }
        let is_long = |at: &usize| {
            key.name(*at).is_some_and(|name| name.len() > self.label_bytes_max)
                || key.value(*at).len() > self.label_bytes_max
        };
        match (0..key.len()).find(is_long) {
            None => Ok(()),
            Some(at) => {
                let name = String::from_utf8_lossy(key.name(at).unwrap_or_default());
                Err(KeyError::LongLabel(name.chars().take(NAME_SHOWN).collect()))
            }
        }
    }
}

/// How many characters of a name that may be too long are shown.
const NAME_SHOWN: usize = 64;

/// How many labels there are once those of the group are merged in.
fn merged_len(key: &GroupingKey, own: &[Label<'_>]) -> usize {
    let mut next = 0;
    let is_added = |label: &&Label<'_>| {
        while key.name(next).is_some_and(|name| name < label.name) {
            next += 1;
        }
        key.name(next) != Some(label.name)
    };
    key.len() + own.iter().filter(is_added).count()
}

/// How long a value is whose escapes are valid, without them.
fn unescaped_len(value: &[u8]) -> usize {
    let mut escapes = 0;
    let mut behind = 0;
    for at in memchr_iter(b'\\', value) {
        if at >= behind {
            escapes += 1;
            behind = at + 2; // Past what is escaped, which may be another backslash.
        }
    }
    value.len() - escapes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::{Rejected, decode};

    fn rules(labels_max: usize, label_bytes_max: usize) -> Rules {
        Rules { labels_max, label_bytes_max, ..NameRules::Utf8.into() }
    }

    fn key(tail: &str) -> GroupingKey {
        GroupingKey::parse(tail.as_bytes(), NameRules::Utf8).expect("the path is fine")
    }

    fn error(body: &str, rules: Rules) -> Option<String> {
        match decode(&key("/j/zone/z"), body.as_bytes(), rules) {
            Err(Rejected::Syntax(error)) => Some(error.to_string()),
            other => other.map(|_| None).expect("it is refused for no other reason"),
        }
    }

    #[test]
    fn labels_are_counted_with_those_of_the_group_and_each_once() {
        // instance, job and zone are the group's.
        for (body, labels) in [
            ("m 1\n", 3),
            ("m{a=\"1\"} 1\n", 4),
            ("m{a=\"1\",zone=\"own\"} 1\n", 4),
            ("m{a=\"1\",instance=\"own\",z=\"1\"} 1\n", 5),
            (" m { z = \"1\" , a=\"1\" , } 1\n", 5),
            ("# TYPE h histogram\nh_bucket{le=\"1\"} 1\n", 4),
        ] {
            assert_eq!(error(body, rules(labels, 99)), None, "{body}");
            let told = error(body, rules(labels - 1, 99)).unwrap_or_default();
            let line = body.lines().count();
            assert!(labels == 3 || told.contains(&format!("in line {line}: ")), "{body}: {told}");
            assert!(labels == 3 || told.contains("--push.max-labels"), "{body}: {told}");
        }
    }

    #[test]
    fn a_label_is_as_long_as_it_is_meant() {
        let body = |value: &str| format!("a 1\nm{{n=\"{value}\"}} 1\n");
        for value in ["12345678", r"1234567\n", r"\\\\\\\\\\\\\\\\", r#"\"2345678"#, "éééé"] {
            assert_eq!(error(&body(value), rules(9, 8)), None, "{value}");
            let told = error(&body(&format!("{value}x")), rules(9, 8)).unwrap_or_default();
            assert!(
                told.contains("in line 2: ") && told.contains("--push.max-label-bytes"),
                "{told}"
            );
        }
        assert_eq!(error("m{n2345678=\"\"} 1\n", rules(9, 8)), None);
        assert!(error("m{n23456789=\"\"} 1\n", rules(9, 8)).is_some());
        assert_eq!(error("metric_name_of_any_length 1\n", rules(9, 8)), None);
    }

    #[test]
    fn labels_of_a_path_are_bounded_too() {
        let check = |tail: &str, rules: Rules| rules.check_key(&key(tail)).err();
        assert_eq!(check("/j/a/1", rules(3, 8)), None);
        assert_eq!(check("/j/a/1", rules(2, 8)), Some(KeyError::TooManyLabels));
        assert_eq!(check("/j/a/12345678", rules(3, 8)), None);
        assert_eq!(check("/j/a@base64/IiIiIiIiIiI", rules(3, 8)), None, "eight quotes");
        assert_eq!(check("/j/a/123456789", rules(3, 8)), Some(KeyError::LongLabel("a".into())));
        let name = "n".repeat(100);
        let cut = KeyError::LongLabel(name[..NAME_SHOWN].to_owned());
        assert_eq!(check(&format!("/j/{name}/1"), rules(3, 8)), Some(cut));
    }
}
