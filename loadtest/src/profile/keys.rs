//! The keys a profile may have, as they stand in the file.

use std::ops::Range;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::path::PathTemplate;
use super::values::{Count, Rate, Share, Span};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileKeys {
    pub(super) about: Spanned<String>,
    #[serde(default = "default_seed")]
    pub(super) seed: u64,
    #[serde(default = "default_connections")]
    pub(super) connections: Count,
    #[serde(default = "yes")]
    pub(super) keep_alive: bool,
    #[serde(default = "default_duration")]
    pub(super) duration: Span,
    #[serde(default = "default_warmup")]
    pub(super) warmup: Span,
    #[serde(default = "default_timeout")]
    pub(super) timeout: Span,
    pub(super) groups: GroupsKeys,
    #[serde(default)]
    pub(super) mix: Option<Spanned<Mix>>,
    pub(super) bodies: Spanned<Vec<Spanned<BodyKeys>>>,
    #[serde(default)]
    pub(super) arrivals: Option<Spanned<ArrivalsKeys>>,
    #[serde(default)]
    pub(super) scraper: Option<Scraper>,
    #[serde(default)]
    pub(super) basic_auth: Option<BasicAuth>,
    #[serde(default)]
    pub(super) tls: Option<Tls>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupsKeys {
    pub(super) count: Count,
    #[serde(default = "default_path")]
    pub(super) path: PathTemplate,
    #[serde(default)]
    pub(super) prefill: bool,
    #[serde(default)]
    pub(super) churn: Share,
    #[serde(default)]
    pub(super) delete_replaced: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BodyKeys {
    #[serde(default = "one")]
    pub(super) weight: Count,
    pub(super) file: Option<PathBuf>,
    pub(super) kinds: Option<Count>,
    pub(super) families: Option<Count>,
    pub(super) series: Option<Count>,
    pub(super) labels: Option<u8>,
    pub(super) label_value_bytes: Option<u8>,
    pub(super) histogram_share: Option<Share>,
    pub(super) summary_share: Option<Share>,
    pub(super) buckets: Option<Count>,
    #[serde(default)]
    pub(super) format: Format,
    #[serde(default)]
    pub(super) gzip: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    #[default]
    Text,
    Protobuf,
}

/// How often each method is chosen, relative to the others.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mix {
    #[serde(default)]
    pub(crate) put: u16,
    #[serde(default)]
    pub(crate) post: u16,
    #[serde(default)]
    pub(crate) delete: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ArrivalsKeys {
    pub(super) kind: ArrivalsKind,
    pub(super) rate: Option<Rate>,
    pub(super) size: Option<Count>,
    pub(super) every: Option<Span>,
    pub(super) within: Option<Span>,
    pub(super) from: Option<Rate>,
    pub(super) to: Option<Rate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ArrivalsKind {
    Constant,
    Poisson,
    Bursts,
    Ramp,
}

/// A scraper beside the pushers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scraper {
    pub(crate) interval: Span,
    /// Whether it asks for gzip, as Prometheus does.
    #[serde(default = "yes")]
    pub(crate) gzip: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BasicAuth {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// What https targets need; those that a comparison starts then speak https.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// The authority that signed it, as PEM, relative to the profile.
    pub(super) ca_file: PathBuf,
}

/// A message and where in the file it belongs.
pub(super) type Complaint = (Range<usize>, String);

const fn default_seed() -> u64 {
    1
}

const fn yes() -> bool {
    true
}

const fn one() -> Count {
    Count::new(1)
}

const fn default_connections() -> Count {
    Count::new(64)
}

const fn default_duration() -> Span {
    Span::from_secs(10)
}

const fn default_warmup() -> Span {
    Span::from_secs(2)
}

const fn default_timeout() -> Span {
    Span::from_secs(30)
}

fn default_path() -> PathTemplate {
    PathTemplate::try_from("/metrics/job/job{group%50}/instance/node-{group}".to_owned())
        .expect("the default path is a valid template")
}
