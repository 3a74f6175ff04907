//! The policy file: the rights and quotas of users and certificates.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::families::FamilyRules;
pub use super::rights::{Names, PushRate, Quota, Rights};
use super::tokens::Token;
use crate::config::UserName;
use crate::yaml;

/// The rights and quotas of all clients.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The rights of the users of basic authentication, by their names.
    #[serde(deserialize_with = "users")]
    pub users: BTreeMap<String, Rights>,
    /// The tokens, by names that the log shows, with their rights.
    pub tokens: BTreeMap<String, Token>,
    /// The rights of clients with a certificate that an authority has signed, by a name in the certificate: the
    /// common name or an alternative name.
    pub certificates: BTreeMap<String, Rights>,
    /// What may be pushed of some metric families, whoever pushes.
    pub families: FamilyRules,
    /// The rights of all other clients.
    #[serde(rename = "default")]
    pub everybody: Rights,
}

/// Reads the text of a policy. An empty policy denies everything.
///
/// # Errors
/// When the text is not a policy: the line and the reason.
pub fn parse(text: &[u8]) -> Result<Policy, String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    yaml::read(text)
}

fn users<'de, D: Deserializer<'de>>(entries: D) -> Result<BTreeMap<String, Rights>, D::Error> {
    let entries = BTreeMap::<UserName, Rights>::deserialize(entries)?;
    Ok(entries.into_iter().map(|(name, rights)| (name.into(), rights)).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rate::Rate;

    const WHOLE: &str = r#"
# A comment.
users:
  backup: { push: ["backup-*", "nightly"], quota: { groups: 1000, series: 100000, body_bytes: 1048576, pushes_per_second: 50 } }
  prometheus: { scrape: true }
  ops:
    push: ["*"]
    scrape: true
    read: true
    admin: true
certificates:
  "db1.example.org": { push: ["db-*"], quota: { pushes_per_second: 0.5 } }
tokens:
  ci: { sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, expires: 2027-01-31, push: ["ci-*"] }
default: { scrape: true }
"#;

    #[test]
    fn a_policy_says_who_may_do_what_and_how_much() {
        let policy = parse(WHOLE.as_bytes()).expect("it is valid");
        let backup = &policy.users["backup"];
        for (job, may) in [
            ("nightly", true),
            ("nightly2", false),
            ("backup-", true),
            ("backup-db", true),
            ("backup", false),
            ("my-backup-", false),
        ] {
            assert_eq!(backup.may_push(job), may, "{job}");
        }
        assert!(!backup.scrape && !backup.read && !backup.admin);
        let quota = &backup.quota;
        assert_eq!(
            (quota.groups, quota.series, quota.body_bytes),
            (Some(1000), Some(100_000), Some(1 << 20))
        );
        let rate = quota.pushes_per_second.expect("there is a rate");
        assert_eq!(rate.limit(), Rate { interval: Duration::from_millis(20), burst: 50 });
        let ops = &policy.users["ops"];
        assert!(ops.may_push("anything") && ops.scrape && ops.read && ops.admin);
        assert_eq!(ops.quota, Quota::default());
        let rate = policy.certificates["db1.example.org"].quota.pushes_per_second;
        let every_two_seconds = Rate { interval: Duration::from_secs(2), burst: 1 };
        assert_eq!(rate.map(PushRate::limit), Some(every_two_seconds));
        assert!(policy.everybody.scrape && !policy.everybody.may_push("x"));
        assert!(policy.tokens["ci"].rights.may_push("ci-1") && !policy.tokens["ci"].rights.scrape);
    }

    #[test]
    fn what_is_not_said_is_not_allowed() {
        for empty in ["", "# nothing\n", "{}", "users: {}\n"] {
            assert_eq!(parse(empty.as_bytes()), Ok(Policy::default()), "{empty}");
        }
        assert!(!Rights::default().may_push(""));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, line, named) in [
            ("user: {}\n", 1, "user"),
            ("users:\n  a: { pull: true }\n", 2, "pull"),
            ("users:\n  a: { scrape: true }\n  a: { read: true }\n", 3, "a"),
            ("users:\n  a:\n    scrape: true\n    scrape: true\n", 4, "scrape"),
            ("users:\n  a: { push: [\"a*b\"] }\n", 2, "a*b"),
            ("users:\n  a: { push: [\"\"] }\n", 2, "job"),
            ("users:\n  a: { push: \"x\" }\n", 2, "sequence"),
            ("users:\n  a: { scrape: 1 }\n", 2, "boolean"),
            ("users:\n  a: { quota: { groups: -1 } }\n", 2, ""),
            ("users:\n  a: { quota: { group: 1 } }\n", 2, "group"),
            ("users:\n  a: { quota: { pushes_per_second: 0 } }\n", 2, "pushes_per_second"),
            ("users:\n  a: { quota: { pushes_per_second: .inf } }\n", 2, ""),
            ("users:\n  a: true\n", 2, ""),
            ("users:\n  a: {}\n  a:b: {}\n", 3, "colon"),
            ("default: {}\ndefault: {}\n", 2, "default"),
            ("tokens:\n  a: { push: [x] }\n", 2, "sha256"),
            ("tokens:\n  a: { sha256: abc }\n", 2, "64 hexadecimal digits"),
            ("tokens:\n  a: { sha256: abc, pull: true }\n", 2, "pull"),
            ("users: [\n", 1, "mapping"),
            ("families:\n  a: { type: gage }\n", 2, "gage"),
            ("families:\n  a: { job: [b] }\n", 2, "job"),
            ("families:\n  'a*b': {}\n", 2, "a*b"),
            ("families:\n  a: {}\n  a: {}\n", 3, "a"),
        ] {
            let error = parse(text.as_bytes()).expect_err(text);
            assert!(error.contains(&format!("line {line}")), "{text}: {error}");
            assert!(error.contains(named) && !error.contains('\n'), "{text}: {error}");
        }
        assert!(parse(b"\xff").is_err());
    }
}
