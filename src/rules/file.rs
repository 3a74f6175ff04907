//! The file of rules.

use std::sync::Arc;

use serde::Deserialize;

use super::aggregation::Checked;
use super::period::{Hold, Lifetime, Period};
use super::{Applied, GroupRules, Merge, Rule, Said};
use crate::selector::Selector;
use crate::yaml;

/// How many rules a file may have.
pub const RULES_MAX: usize = 1000;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    rules: Option<Vec<Entry>>,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
struct Entry {
    matcher: Matcher,
    says: Applied,
}

/// A rule as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    r#match: Matcher,
    expire: Option<Lifetime>,
    expire_min: Option<Period>,
    expire_max: Option<Period>,
    allow_headers: Option<bool>,
    hold_until_scraped: Option<Hold>,
    merge: Option<MergeWord>,
    aggregate: Option<Checked>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MergeWord {
    Family,
    Series,
}

/// A selector with its text.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Matcher {
    text: String,
    selector: Selector,
}

impl TryFrom<String> for Matcher {
    type Error = String;

    fn try_from(text: String) -> Result<Matcher, String> {
        match Selector::parse(&text) {
            Ok(selector) => Ok(Matcher { text, selector }),
            Err(error) => {
                let shown: String = text.chars().take(200).collect();
                Err(format!("match {shown:?}: {error}"))
            }
        }
    }
}

impl TryFrom<Written> for Entry {
    type Error = String;

    fn try_from(written: Written) -> Result<Entry, String> {
        fn said<T>(value: T) -> Said<T> {
            Said { value, rule: 0 } // The number is known once all rules have been read.
        }
        let says = Applied {
            expire: written.expire.map(|expire| said(expire.0)),
            expire_min: written.expire_min.map(|min| said(min.0)),
            expire_max: written.expire_max.map(|max| said(max.0)),
            allow_headers: written.allow_headers.map(said),
            hold_until_scraped: written.hold_until_scraped.map(|hold| said(hold.0)),
            merge: written.merge.map(|merge| {
                said(match merge {
                    MergeWord::Family => Merge::Family,
                    MergeWord::Series => Merge::Series,
                })
            }),
            aggregate: written.aggregate.map(|checked| said(Arc::new(checked.0))),
        };
        if says == Applied::default() {
            return Err(format!("the rule {} has no setting", written.r#match.text));
        }
        if let (Some(min), Some(max)) = (says.expire_min, says.expire_max)
            && min.value > max.value
        {
            return Err(format!(
                "the rule {} has an expire_min that is longer than its expire_max",
                written.r#match.text
            ));
        }
        Ok(Entry { matcher: written.r#match, says })
    }
}

impl GroupRules {
    /// Reads the text of a file. An empty file has no rules.
    ///
    /// # Errors
    /// What is wrong with it: the line and the reason.
    pub fn parse(text: &[u8]) -> Result<GroupRules, String> {
        let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
        let rules = yaml::read::<File>(text)?.rules.unwrap_or_default();
        if rules.len() > RULES_MAX {
            return Err(format!("{} rules; at most {RULES_MAX} are allowed", rules.len()));
        }
        let rules = rules.into_iter().zip(1..).map(|(entry, number)| {
            let Entry { matcher: Matcher { text, selector }, mut says } = entry;
            says.number(number);
            Rule { text, selector, says }
        });
        Ok(GroupRules { rules: rules.collect() })
    }
}

impl Applied {
    /// Says that all of it comes from this rule.
    fn number(&mut self, number: u16) {
        fn set<T>(said: &mut Option<Said<T>>, number: u16) {
            if let Some(said) = said {
                said.rule = number;
            }
        }
        set(&mut self.expire, number);
        set(&mut self.expire_min, number);
        set(&mut self.expire_max, number);
        set(&mut self.allow_headers, number);
        set(&mut self.hold_until_scraped, number);
        set(&mut self.merge, number);
        set(&mut self.aggregate, number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rules_are_rules_too() {
        for empty in ["", "# nothing\n", "{}", "rules: []\n", "rules:\n"] {
            let rules = GroupRules::parse(empty.as_bytes()).expect(empty);
            assert_eq!(rules.apply_to(r#"job="x""#), Applied::default());
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let rule = |line: &str| format!("rules:\n  - match: '{{}}'\n    {line}\n");
        let cases = [
            ("rule: []\n".to_owned(), 1, "rule"),
            (rule("expires: 1h"), 3, "expires"),
            (rule("expire: 1d"), 3, "\"1d\" is not a duration from 1s to 87600h"),
            (rule("expire: -1h"), 3, "-1h"),
            (rule("expire: 0"), 3, "\"0\""),
            (rule("expire: 500ms"), 3, "500ms"),
            (rule("expire: 100000h"), 3, "100000h"),
            (rule("expire: 99999999999999999999"), 3, "9999"),
            (rule("expire: forever"), 3, "never"),
            (rule("expire_min: never"), 3, "never"),
            (rule("hold_until_scraped: -5m"), 3, "-5m"),
            (rule("merge: all"), 3, "all"),
            (rule("allow_headers: 1"), 3, "boolean"),
            (rule("expire: 1h\n    expire: 2h"), 4, "expire"),
            ("rules:\n  - match: 'job=\"x\"'\n    expire: 1h\n".to_owned(), 2, "match"),
            ("rules:\n  - match: '{job=~\"(\"}'\n    expire: 1h\n".to_owned(), 2, "regular"),
            ("rules:\n  - expire: 1h\n".to_owned(), 2, "match"),
            ("rules:\n  - match: '{a=\"b\"}'\n".to_owned(), 2, "has no setting"),
            (rule("expire_min: 2h\n    expire_max: 1h"), 2, "longer than its expire_max"),
            ("rules: {}\n".to_owned(), 1, "sequence"),
        ];
        for (text, line, named) in cases {
            let error = GroupRules::parse(text.as_bytes()).expect_err(&text);
            assert!(error.starts_with(&format!("line {line}: ")), "{text}: {error}");
            assert!(error.contains(named) && !error.contains('\n'), "{text}: {error}");
        }
        assert!(GroupRules::parse(b"\xff").is_err());
        let many = format!("rules:\n{}", "- { match: '{}', expire: 1h }\n".repeat(RULES_MAX + 1));
        assert!(GroupRules::parse(many.as_bytes()).is_err_and(|error| error.contains("1000")));
    }
}
