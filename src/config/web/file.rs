//! The YAML of a web configuration file, one field for each key.
//!
//! A key without a value counts as a missing key, as in Go.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::password::PasswordHash;
use super::tls::TlsSection;
use crate::config::UserName;
use crate::duration;
use crate::rate::Rate;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) tls_server_config: Option<TlsSection>,
    pub(super) http_server_config: Option<HttpSection>,
    pub(super) basic_auth_users: Option<BTreeMap<UserName, PasswordHash>>,
    pub(super) rate_limit: Option<RateSection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpSection {
    pub(super) http2: Option<bool>,
    pub(super) headers: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RateSection {
    interval: Option<Interval>,
    burst: Option<u32>,
}

impl RateSection {
    /// The bucket; `None` when every request may come at once.
    pub(super) fn limit(self) -> Option<Rate> {
        let Interval(interval) = self.interval?;
        let burst = self.burst.unwrap_or(0);
        (!interval.is_zero()).then_some(Rate { interval, burst })
    }
}

/// A Go duration, or a number of nanoseconds.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Interval(Duration);

impl TryFrom<String> for Interval {
    type Error = String;

    fn try_from(text: String) -> Result<Interval, String> {
        let read = text.parse().map(Duration::from_nanos).ok().or_else(|| duration::parse(&text));
        read.map(Interval).ok_or_else(|| format!("{text:?} is not a duration such as 100ms or 1s"))
    }
}
