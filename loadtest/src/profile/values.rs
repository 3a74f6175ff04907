//! Values a profile is made of, each checked as it is read, so that an impossible one is an error
//! that names its line and nothing behind this file checks again.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// A duration of more than zero, written as `250ms`, `10s`, `1.5m` or `2h`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span(Duration);

/// The longest duration accepted: what a run could need, and far from any overflow.
const SPAN_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

impl Span {
    pub(crate) const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub(crate) const fn get(self) -> Duration {
        self.0
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let seconds_per_unit = match unit {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => {
                return Err(format!("`{text}` is not a duration such as 250ms, 10s or 2m"));
            }
        };
        let number: f64 = number
            .parse()
            .map_err(|_| format!("`{text}` is not a duration such as 250ms, 10s or 2m"))?;
        let duration = Duration::try_from_secs_f64(number * seconds_per_unit)
            .map_err(|_| format!("`{text}` is too long"))?;
        if duration > SPAN_MAX {
            return Err(format!("`{text}` is longer than a week"));
        }
        Ok(Self(duration))
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

/// A number of things of which there is at least one and at most ten million.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct Count(u32);

const COUNT_MAX: u64 = 10_000_000;

impl Count {
    pub(crate) const fn new(count: u32) -> Self {
        assert!(count > 0, "a count is at least one");
        Self(count)
    }

    pub(crate) const fn get(self) -> usize {
        self.0 as usize
    }
}

impl TryFrom<u64> for Count {
    type Error = String;

    fn try_from(count: u64) -> Result<Self, String> {
        match u32::try_from(count) {
            Ok(small) if (1..=COUNT_MAX).contains(&count) => Ok(Self(small)),
            _ => Err(format!("{count} is not between 1 and {COUNT_MAX}")),
        }
    }
}

/// A part of a whole, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Share(f64);

impl Share {
    pub(crate) fn new(share: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&share) {
            Ok(Self(share))
        } else {
            Err(format!("{share} is not a share from 0 to 1"))
        }
    }

    pub(crate) const fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(deserializer.deserialize_any(Number)?).map_err(de::Error::custom)
    }
}

/// Events a second: finite and more than zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate(f64);

const RATE_MAX: f64 = 10_000_000.0;

impl Rate {
    pub(crate) const fn get(self) -> f64 {
        self.0
    }

    pub(crate) fn new(per_second: f64) -> Result<Self, String> {
        if per_second > 0.0 && per_second <= RATE_MAX {
            Ok(Self(per_second))
        } else {
            Err(format!("{per_second} is not a rate: above 0 and at most {RATE_MAX} a second"))
        }
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(deserializer.deserialize_any(Number)?).map_err(de::Error::custom)
    }
}

/// TOML keeps `1` and `1.0` apart; a person writing a profile does not.
struct Number;

impl Visitor<'_> for Number {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<f64, E> {
        i32::try_from(value)
            .map(f64::from)
            .map_err(|_| E::custom(format!("{value} is out of range")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        assert_eq!(Span::parse("250ms").map(Span::get), Ok(Duration::from_millis(250)));
        assert_eq!(Span::parse("1.5m").map(Span::get), Ok(Duration::from_secs(90)));
        for wrong in ["", "10", "s", "-1s", "1 s", "9999999h", "1.2.3s"] {
            assert!(Span::parse(wrong).is_err(), "{wrong}");
        }
    }
}
