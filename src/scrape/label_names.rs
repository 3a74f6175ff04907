//! The label names of one family, as they are shown.

use std::collections::{BTreeMap, BTreeSet};

use crate::exposition::{Escaping, escape_label_name, is_label_name, sample_lines};

/// Label names that are shown under another name, all of one family.
///
/// **Invariant:** no two names of the family are shown as one. Names within the classic grammar are shown
/// as they are, and no escaped one begins with `__`: such are reserved, and strict readers refuse them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct LabelNames {
    /// As stored, as shown.
    renamed: BTreeMap<String, String>,
}

impl LabelNames {
    /// Those of a family in which all label names are shown as they are.
    #[cfg(test)]
    pub(super) fn plain() -> &'static LabelNames {
        static PLAIN: LabelNames = LabelNames { renamed: BTreeMap::new() };
        &PLAIN
    }

    /// Shows each of `names`, all that the family has, by `escaping`. Those that would meet another or
    /// begin with `__` are escaped by [`Escaping::Values`] instead.
    pub(super) fn assign(names: &BTreeSet<String>, escaping: Escaping) -> LabelNames {
        if escaping == Escaping::AllowUtf8 {
            return LabelNames::default();
        }
        let (kept, escaped): (Vec<&str>, Vec<&str>) =
            names.iter().map(String::as_str).partition(|name| is_label_name(name.as_bytes()));
        let by_scheme = |name: &str| escape_label_name(name, escaping).into_owned();
        // How many would be shown as it. What is kept counts twice, so that nothing else gets its name.
        let mut wanted: BTreeMap<String, usize> =
            kept.into_iter().map(|name| (name.to_owned(), 2)).collect();
        for name in &escaped {
            *wanted.entry(by_scheme(name)).or_default() += 1;
        }
        let is_free = |shown: &String| wanted[shown] == 1 && !shown.starts_with("__");
        let (free, meeting): (Vec<&str>, Vec<&str>) =
            escaped.into_iter().partition(|name| is_free(&by_scheme(name)));
        let mut renamed = BTreeMap::new();
        for name in free {
            renamed.insert(name.to_owned(), by_scheme(name));
        }
        for name in meeting {
            let mut shown = escape_label_name(name, Escaping::Values).into_owned();
            // Only where a stored name looks like an escaped one.
            while wanted.contains_key(&shown) {
                shown.push('_');
            }
            wanted.insert(shown.clone(), 1);
            renamed.insert(name.to_owned(), shown);
        }
        LabelNames { renamed }
    }

    /// What the label `stored` is shown as.
    pub(super) fn shown<'a>(&'a self, stored: &'a str) -> &'a str {
        self.renamed.get(stored).map_or(stored, String::as_str)
    }

    /// Whether all names are shown as they are.
    pub(super) fn is_plain(&self) -> bool {
        self.renamed.is_empty()
    }
}

/// Adds the label names of a canonical text to `names`. Of use only where
/// [`has_quoted_names`](crate::exposition::has_quoted_names) says that there may be any to escape.
pub(super) fn label_names(text: &[u8], names: &mut BTreeSet<String>) {
    for sample in sample_lines(text) {
        for (name, _) in &sample.labels {
            if !names.contains(&**name) {
                names.insert(name.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assign(names: &[&str], escaping: Escaping) -> Vec<String> {
        let labels = LabelNames::assign(&names.iter().map(ToString::to_string).collect(), escaping);
        names.iter().map(|name| labels.shown(name).to_owned()).collect()
    }

    #[test]
    fn names_that_would_meet_keep_all_that_they_are() {
        assert_eq!(assign(&["job", "a.b"], Escaping::Underscores), ["job", "a_b"]);
        assert_eq!(assign(&["a_b", "a.b"], Escaping::Underscores), ["a_b", "U__a_2e_b"]);
        assert_eq!(assign(&["a-b", "a.b"], Escaping::Underscores), ["U__a_2d_b", "U__a_2e_b"]);
        assert_eq!(assign(&["a_b", "a.b", "c:d"], Escaping::Dots), ["a_b", "a_dot_b", "c__d"]);
        assert_eq!(assign(&["a-b", "a.b"], Escaping::AllowUtf8), ["a-b", "a.b"]);
        assert_eq!(assign(&["..name__"], Escaping::Underscores), ["U___2e__2e_name____"]);
        assert_eq!(assign(&["é", "__a"], Escaping::Dots), ["U___e9_", "__a"]);
        assert_eq!(assign(&["U__a_2e_b", "a.b"], Escaping::Values), ["U__a_2e_b", "U__a_2e_b_"]);
    }

    #[test]
    fn all_label_names_of_a_text_are_found() {
        let mut names = BTreeSet::new();
        label_names(b"a{job=\"x\",\"b.c\"=\"y\"} 1\n{\"d.e\",job=\"x\",le=\"1\"} 1\n", &mut names);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["b.c", "job", "le"]);
    }

    proptest! {
        #[test]
        fn no_two_names_are_shown_as_one(
            names in prop::collection::btree_set("(U__)?[ab_.:é9-]{1,4}(_2e_)?_?", 1..8),
            escaping in prop::sample::select(vec![Escaping::Underscores, Escaping::Dots, Escaping::Values]),
        ) {
            let labels = LabelNames::assign(&names, escaping);
            let shown: BTreeSet<&str> = names.iter().map(|name| labels.shown(name)).collect();
            prop_assert_eq!(shown.len(), names.len());
            prop_assert!(shown.iter().all(|name| is_label_name(name.as_bytes())));
            let reserved = |name: &&&str| name.starts_with("__");
            prop_assert!(shown.iter().filter(reserved).all(|name| names.contains(*name)));
            let kept = |name: &&String| is_label_name(name.as_bytes());
            prop_assert!(names.iter().filter(kept).all(|name| labels.shown(name) == *name));
        }
    }
}
