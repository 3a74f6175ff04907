//! Durations of rules: how they are written, and how long they may be.

use std::time::Duration;

use serde::Deserialize;

use crate::duration;

/// The shortest time after which a group may expire.
pub const EXPIRE_MIN: Duration = Duration::from_secs(1);
/// The longest time after which a group may expire, or be held: ten years.
pub const EXPIRE_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// What stands in the place of a time after which a group expires if it never does.
pub(super) const NEVER: &str = "never";

/// A time after which a group expires.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Period(pub(super) Duration);

/// The same, or `never`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Lifetime(pub(super) Option<Duration>);

/// A time for which a group is held, which may be none.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Hold(pub(super) Duration);

/// Reads a Go duration or a number of seconds, within bounds.
pub(super) fn read(text: &str, min: Duration, max: Duration) -> Result<Duration, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let read = match is_number {
        true => text.parse().ok().map(Duration::from_secs),
        false => duration::parse(text),
    };
    read.filter(|period| (min..=max).contains(period)).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        let [min, max] = [min, max].map(duration::spell);
        format!(
            "{shown:?} is not a duration from {min} to {max}, such as 24h, 90m or a number of seconds"
        )
    })
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Period, String> {
        read(&text, EXPIRE_MIN, EXPIRE_MAX).map(Period)
    }
}

impl TryFrom<String> for Lifetime {
    type Error = String;

    fn try_from(text: String) -> Result<Lifetime, String> {
        if text == NEVER {
            return Ok(Lifetime(None));
        }
        let read = read(&text, EXPIRE_MIN, EXPIRE_MAX).map(|period| Lifetime(Some(period)));
        read.map_err(|error| format!("{error}, or {NEVER}"))
    }
}

impl TryFrom<String> for Hold {
    type Error = String;

    fn try_from(text: String) -> Result<Hold, String> {
        read(&text, Duration::ZERO, EXPIRE_MAX).map(Hold)
    }
}
