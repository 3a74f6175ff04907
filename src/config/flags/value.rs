//! The values of flags: what each may be, and the words of an error.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::config::{Address, prefix};
use crate::duration;
use crate::push::RENDERED_BYTES_MAX;
use crate::shard::GROUP_BYTES_MAX;

/// The page and the API go through all of them.
const REJECTIONS_KEPT_MAX: usize = 10_000;
/// More shards than this only cost memory and longer scrapes.
const SHARDS_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);
/// Each may hold on to a state of the gateway that is gone.
const SCRAPES_MAX: usize = 1024;
/// More often than this no disk answers;
const INTERVAL_MIN: Duration = Duration::from_millis(10);
/// and who wants to lose a day need not write anything.
const INTERVAL_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Offsets into a push are 32 bits wide.
const BODY_BYTES_MAX: usize = 1 << 30;

/// More than the descriptors of any process.
const CONNECTIONS_MAX: usize = 1 << 20;
/// Each shows five series in every scrape.
const JOBS_MAX: usize = 1_000_000;
/// A shorter lease takes a garbage collection of NATS or of the machine for a failure.
const LEASE_MIN: Duration = Duration::from_millis(500);
/// A longer lease keeps pushes waiting after a failure for longer than clients wait.
const LEASE_MAX: Duration = Duration::from_secs(60);
/// A shorter staleness makes replicas not ready whenever the leader changes.
const STALENESS_MIN: Duration = Duration::from_secs(1);
/// Groups that are older than this pass for no present.
const STALENESS_MAX: Duration = Duration::from_secs(60 * 60);
/// NATS makes folders of the names of streams.
const CLUSTER_NAME_BYTES_MAX: usize = 64;
/// A wait that is longer bounds nothing.
const WAIT_MAX: Duration = Duration::from_secs(60 * 60);

/// A number in a range; an error says what it is a number of.
fn number<T: FromStr + PartialOrd + Display>(
    text: &str,
    what: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("expected {what} from {} to {}", range.start(), range.end()))
}

pub(super) fn shards(text: &str) -> Result<NonZeroUsize, String> {
    number(text, "a number of shards", NonZeroUsize::MIN..=SHARDS_MAX)
}

pub(super) fn scrapes(text: &str) -> Result<usize, String> {
    number(text, "a number of scrapes", 1..=SCRAPES_MAX)
}

pub(super) fn connections(text: &str) -> Result<usize, String> {
    number(text, "a number of connections", 1..=CONNECTIONS_MAX)
}

pub(super) fn jobs(text: &str) -> Result<usize, String> {
    number(text, "a number of jobs", 1..=JOBS_MAX)
}

pub(super) fn rejections(text: &str) -> Result<usize, String> {
    number(text, "a number of rejections", 0..=REJECTIONS_KEPT_MAX)
}

pub(super) fn body_bytes(text: &str) -> Result<usize, String> {
    number(text, "a number of bytes", 1..=BODY_BYTES_MAX)
}

pub(super) fn rendered_bytes(text: &str) -> Result<usize, String> {
    number(text, "a number of bytes", 1..=RENDERED_BYTES_MAX)
}

pub(super) fn group_bytes(text: &str) -> Result<u64, String> {
    number(text, "a number of bytes", 1..=GROUP_BYTES_MAX)
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "expected a number, at least 1".to_owned())
}

pub(super) fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration::parse(text);
    interval
        .filter(|interval| (INTERVAL_MIN..=INTERVAL_MAX).contains(interval))
        .ok_or_else(|| "expected a duration such as 1s, 1.5s or 5m, from 10ms to 24h".to_owned())
}

pub(super) fn wait(text: &str) -> Result<Duration, String> {
    let wait =
        duration::parse(text).filter(|wait| (Duration::from_millis(10)..=WAIT_MAX).contains(wait));
    wait.ok_or_else(|| "expected a duration such as 10s or 1.5m, from 10ms to 1h".to_owned())
}

pub(super) fn lease(text: &str) -> Result<Duration, String> {
    let lease = duration::parse(text).filter(|lease| (LEASE_MIN..=LEASE_MAX).contains(lease));
    lease.ok_or_else(|| "expected a duration such as 3s, from 500ms to 1m".to_owned())
}

pub(super) fn staleness(text: &str) -> Result<Duration, String> {
    let staleness = duration::parse(text);
    staleness
        .filter(|staleness| (STALENESS_MIN..=STALENESS_MAX).contains(staleness))
        .ok_or_else(|| "expected a duration such as 30s, from 1s to 1h".to_owned())
}

pub(super) fn replicas(text: &str) -> Result<u8, String> {
    let number = text.parse().ok().filter(|number| [1, 3, 5].contains(number));
    number.ok_or_else(|| {
        "expected 1, 3 or 5: an even number of copies survives no more failures than one less"
            .to_owned()
    })
}

/// The name of a replica set, which becomes part of the name of a stream and of a subject.
pub(super) fn cluster_name(text: &str) -> Result<String, String> {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_name = (1..=CLUSTER_NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_fit);
    is_name.then(|| text.to_owned()).ok_or_else(|| {
        format!("expected letters, digits, - and _, at most {CLUSTER_NAME_BYTES_MAX}")
    })
}

/// The URL of a NATS server, perhaps with user and password.
pub(super) fn nats(text: &str) -> Result<String, String> {
    let behind = ["nats://", "tls://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let host = behind.map(|behind| behind.rsplit_once('@').map_or(behind, |(_, host)| host));
    host.is_some_and(prefix::is_host).then(|| text.to_owned()).ok_or_else(|| {
        "expected a URL such as nats://nats-1:4222, or tls://nats-1:4222 for TLS".to_owned()
    })
}

/// The URL at which the other replicas reach this one.
pub(super) fn advertise(text: &str) -> Result<String, String> {
    let host = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let host = host.map(|host| host.trim_end_matches('/')).filter(|host| prefix::is_host(host));
    let Some(host) = host else {
        return Err(
            "expected http://HOST:PORT or https://HOST:PORT, without a path, such as http://10.0.0.1:9091"
                .to_owned(),
        );
    };
    let address = host.rsplit_once(':').map_or(host, |(address, _)| address);
    if ["0.0.0.0", "[::]"].contains(&address) || host == "[::]" {
        return Err("no other replica can connect to this address: \
                    name the host, or the address of this machine in its network"
            .to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

pub(super) fn path(text: &str) -> Result<String, String> {
    let is_path = text.starts_with('/') && !text.contains(char::is_whitespace);
    is_path.then(|| text.to_owned()).ok_or_else(|| "expected a path such as /-/ready".to_owned())
}

/// Where Prometheus reaches a gateway, which takes both a host and a port.
pub(super) fn sd_target(text: &str) -> Result<String, String> {
    let is_host = |host: &str| !host.contains(|c: char| c.is_whitespace() || "/@?#,".contains(c));
    match text.parse() {
        Ok(Address::Tcp { host: Some(host), port: 1.. }) if is_host(&host) => Ok(text.to_owned()),
        _ => Err("expected HOST:PORT, such as gateway-1:9091".to_owned()),
    }
}

/// The site of a page, as browsers send it in `Origin`; `*` for any.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    let host = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let is_origin = text == "*" || host.is_some_and(prefix::is_host);
    is_origin.then_some(text).ok_or_else(|| {
        "expected the scheme, host and port of a page, such as https://example.org, or *".to_owned()
    })
}

/// The URL of the gateway from outside.
#[derive(Debug, Clone)]
pub(super) struct ExternalUrl {
    /// As it was given.
    pub(super) text: String,
    /// Its path, as a prefix of paths.
    pub(super) prefix: String,
}

pub(super) fn external_url(text: &str) -> Result<ExternalUrl, String> {
    Ok(ExternalUrl { text: text.to_owned(), prefix: prefix::external_prefix(text)? })
}

/// What all paths begin with; `None` where it was not said.
#[derive(Debug, Clone)]
pub(super) struct RoutePrefix(pub(super) Option<String>);

pub(super) fn route_prefix(text: &str) -> Result<RoutePrefix, String> {
    Ok(RoutePrefix(if text.is_empty() { None } else { Some(prefix::route_prefix(text)?) }))
}
