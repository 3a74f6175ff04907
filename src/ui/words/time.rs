//! Times and durations as people read them.

use std::time::{Duration, SystemTime};

use askama::Template;
use askama::filters::HtmlSafe;

use crate::shard::Timestamp;

/// A moment: how long ago it was, or how far ahead it is, with the exact time as a tooltip.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    source = r#"<time datetime="{{ exact }}" title="{{ exact }}">{{ ago }}</time>"#,
    ext = "html"
)]
pub struct Moment {
    pub(crate) exact: String,
    ago: String,
}

impl HtmlSafe for Moment {}

impl Moment {
    /// `None` for never.
    pub fn new(at: Timestamp, now: Timestamp) -> Option<Moment> {
        if at == Timestamp::NEVER {
            return None;
        }
        Some(Moment { exact: exact(at), ago: ago(since(at, now)) })
    }
}

impl Moment {
    /// A moment that is still to come; "now" once it has.
    pub fn ahead(at: Timestamp, now: Timestamp) -> Moment {
        let left = since(now, at);
        let words = if left.is_zero() { "now".to_owned() } else { format!("in {}", span(left)) };
        Moment { exact: exact(at), ago: words }
    }
}

/// A moment as a date.
fn exact(at: Timestamp) -> String {
    let at = SystemTime::UNIX_EPOCH + Duration::from_nanos(at.nanos());
    humantime::format_rfc3339_seconds(at).to_string()
}

/// How long ago that was; zero if a clock was set back.
pub(crate) fn since(at: Timestamp, now: Timestamp) -> Duration {
    Duration::from_nanos(now.nanos().saturating_sub(at.nanos()))
}

fn ago(age: Duration) -> String {
    if age < Duration::from_secs(2) { "just now".to_owned() } else { format!("{} ago", span(age)) }
}

/// A duration in its largest unit, or in two units if it is less than ten of the largest.
pub fn span(length: Duration) -> String {
    const UNITS: [(u64, &str, u64, &str); 4] = [
        (365 * 86_400, "y", 86_400, "d"),
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ];
    let seconds = length.as_secs();
    for (unit, name, next, next_name) in UNITS {
        let (whole, rest) = (seconds / unit, seconds % unit / next);
        if whole >= 10 || (whole > 0 && rest == 0) {
            return format!("{whole} {name}");
        }
        if whole > 0 {
            return format!("{whole} {name} {rest} {next_name}");
        }
    }
    format!("{seconds} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_one_unit_or_two() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (600, "10 min"),
            (3599, "59 min"),
            (3 * 3600 + 59, "3 h"),
            (3 * 3600 + 60, "3 h 1 min"),
            (36 * 3600, "1 d 12 h"),
            (400 * 86_400, "1 y 35 d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_moment_shows_both_how_long_ago_and_when() {
        let at = |seconds: u64| Timestamp::from_nanos(seconds * 1_000_000_000);
        let moment = Moment::new(at(1_000_000_000), at(1_000_000_090)).expect("not never");
        let exact = "2001-09-09T01:46:40Z";
        let html = format!(r#"<time datetime="{exact}" title="{exact}">1 min 30 s ago</time>"#);
        assert_eq!(moment.to_string(), html);
        assert_eq!(Moment::new(Timestamp::NEVER, at(1)), None);
        let ahead = Moment::new(at(9), at(1)).expect("not never");
        assert!(ahead.to_string().contains("just now"), "a clock was set back");
        let html = format!(r#"<time datetime="{exact}" title="{exact}">in 1 min 30 s</time>"#);
        assert_eq!(Moment::ahead(at(1_000_000_000), at(999_999_910)).to_string(), html);
        assert!(Moment::ahead(at(9), at(9)).to_string().contains(">now<"));
    }
}
