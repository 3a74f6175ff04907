//! Explains what applies to a group: the answer of `shardgate check rules --explain`.

use std::fmt::Write;

use super::GroupRules;
use crate::selector::Selector;

impl GroupRules {
    /// What applies to a group that has the labels `{job="x"}`, and which rules say so. One line a setting.
    ///
    /// # Errors
    /// When `text` does not name labels with their values.
    pub fn explain(&self, text: &str) -> Result<String, String> {
        let wrong = |reason: &dyn std::fmt::Display| {
            format!(
                "--explain {text:?}: {reason}; name the labels of a group, such as {{job=\"x\"}}"
            )
        };
        let selector = Selector::parse(text).map_err(|error| wrong(&error))?;
        let labels = selector.labels().ok_or_else(|| wrong(&"only = names a value"))?;
        let applied = self.apply(|name| {
            labels.iter().find(|(label, _)| *label == name).map_or("", |(_, value)| value)
        });
        let settings = applied.settings();
        if settings.is_empty() {
            return Ok(format!("{text}: no rule applies\n"));
        }
        let mut said = format!("{text}:\n");
        for (key, value, rule) in settings {
            let matcher = &self.rules()[usize::from(rule) - 1].text;
            writeln!(said, "  {key}: {value}  # rule {rule}: {matcher}")
                .expect("a text takes everything");
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_is_explained_by_its_rule() {
        let file = b"rules:\n- { match: '{job=\"a\"}', expire: never }\n- { match: '{}', expire: 1h, merge: series }\n";
        let rules = GroupRules::parse(file).expect("it is valid");
        let explained = rules.explain(r#"{job="a"}"#).expect("it names labels");
        let expected =
            "{job=\"a\"}:\n  expire: never  # rule 1: {job=\"a\"}\n  merge: series  # rule 2: {}\n";
        assert_eq!(explained, expected);
        let none = GroupRules::default().explain(r#"{job="a"}"#);
        assert_eq!(none.as_deref(), Ok("{job=\"a\"}: no rule applies\n"));
        for bad in ["job", "{job=~\"a\"}", "{job!=\"a\"}", "{job=\"a\"", ""] {
            let error = rules.explain(bad).expect_err(bad);
            assert!(
                error.contains("--explain") && error.contains("such as {job=\"x\"}"),
                "{error}"
            );
        }
    }
}
