//! What an entry of the policy grants: rights and a quota.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::rate::Rate;

/// The rights of one entry. Anything not listed is denied.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rights {
    /// Which jobs to push to, and to delete groups of.
    pub push: Vec<Names>,
    /// To scrape.
    pub scrape: bool,
    /// To see the pages and to ask the API.
    pub read: bool,
    /// To wipe, to delete many groups, and to stop the gateway.
    pub admin: bool,
    /// How much of it.
    pub quota: Quota,
}

/// Which jobs or metric families are meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub enum Names {
    /// That of this name.
    Named(String),
    /// All whose names begin so.
    Beginning(String),
}

/// The quota of one entry; no bound where there is none.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    /// Groups stored at a time.
    pub groups: Option<u64>,
    /// Series stored at a time, the push times of each group included.
    pub series: Option<u64>,
    /// Bytes stored at a time, as `--storage.max-bytes` counts them, without what groups share.
    pub bytes: Option<u64>,
    /// Bytes in a push, before and after decompression.
    pub body_bytes: Option<usize>,
    /// Pushes and deletes a second; those of a second may be saved up.
    pub pushes_per_second: Option<PushRate>,
}

/// A number of pushes a second; more than none.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct PushRate(f64);

impl TryFrom<String> for Names {
    type Error = String;

    fn try_from(text: String) -> Result<Names, String> {
        match text.strip_suffix('*') {
            Some(start) if !start.contains('*') => Ok(Names::Beginning(start.to_owned())),
            None if text.is_empty() => Err("\"\" is the name of no job and no family".to_owned()),
            None if !text.contains('*') => Ok(Names::Named(text)),
            _ => Err(format!("{text:?}: a * may stand at the end only")),
        }
    }
}

impl Names {
    pub(super) fn include(&self, name: &str) -> bool {
        match self {
            Names::Named(this) => this == name,
            Names::Beginning(start) => name.starts_with(start.as_str()),
        }
    }
}

impl TryFrom<f64> for PushRate {
    type Error = String;

    fn try_from(per_second: f64) -> Result<PushRate, String> {
        // Less is a push in a year, more is one in a nanosecond.
        let is_a_rate = (1e-8..=1e9).contains(&per_second);
        is_a_rate.then_some(PushRate(per_second)).ok_or_else(|| {
            format!("pushes_per_second: {per_second} is not more than 0 and at most 1000000000")
        })
    }
}

impl PushRate {
    /// The same as a rate limit, whose burst is the pushes of a second, but at least one.
    pub(super) fn limit(self) -> Rate {
        Rate { interval: Duration::from_secs_f64(1.0 / self.0), burst: (self.0 as u32).max(1) }
    }
}

impl fmt::Display for PushRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Rights {
    /// Whether groups of the job may be changed.
    pub fn may_push(&self, job: &str) -> bool {
        self.push.iter().any(|jobs| jobs.include(job))
    }
}
