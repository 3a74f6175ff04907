//! The value of a sample as people read it: in the unit that the name of its family tells, with the exact value beside it.

use std::time::{Duration, SystemTime};

use crate::exposition::parse_number;
use crate::shard::Timestamp;
use crate::ui::words::quantity::{bytes, count};
use crate::ui::words::time::{since, span};

/// Families whose values are moments, though their names do not say so.
const MOMENTS: [&str; 3] =
    ["process_start_time_seconds", "push_time_seconds", "push_failure_time_seconds"];

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) shown: String,
    /// As it is stored; empty where that is what is shown.
    pub(crate) exact: String,
}

impl Reading {
    /// Of a value of this family, as it is stored.
    pub(crate) fn new(family: &str, stored: &str, now: Timestamp) -> Reading {
        let number = parse_number(stored.as_bytes()).filter(|number| number.is_finite());
        let shown = number
            .map(|number| in_unit(family, number, now).unwrap_or_else(|| grouped(number, stored)));
        let shown = shown.unwrap_or_else(|| stored.to_owned());
        let exact = if shown == stored { String::new() } else { stored.to_owned() };
        Reading { shown, exact }
    }
}

fn in_unit(family: &str, number: f64, now: Timestamp) -> Option<String> {
    let name = family.strip_suffix("_total").unwrap_or(family);
    if name.ends_with("_timestamp_seconds") || MOMENTS.contains(&name) {
        return Timestamp::from_seconds(number)
            .filter(|at| *at > Timestamp::NEVER)
            .map(|at| moment(at, now));
    }
    amount_in_unit(name, number)
}

/// A number of bytes or seconds, as the name of the family tells; `None` for any other.
pub(crate) fn amount_in_unit(name: &str, number: f64) -> Option<String> {
    let sign = if number < 0.0 { "-" } else { "" };
    let magnitude = number.abs();
    if name.ends_with("_bytes") && magnitude < 1e18 && (number.fract() == 0.0 || magnitude > 1024.0)
    {
        return Some(format!("{sign}{}", bytes(magnitude as u64)));
    }
    if name.ends_with("_seconds") && magnitude < 1e10 {
        return Some(format!("{sign}{}", seconds(magnitude)));
    }
    None
}

fn moment(at: Timestamp, now: Timestamp) -> String {
    let exact = SystemTime::UNIX_EPOCH + Duration::from_nanos(at.nanos());
    let exact = humantime::format_rfc3339_seconds(exact);
    if at > now {
        format!("{exact}, in {}", span(since(now, at)))
    } else {
        format!("{exact}, {} ago", span(since(at, now)))
    }
}

/// A duration to about three digits, or in two units from two minutes on.
pub(crate) fn seconds(number: f64) -> String {
    let digits = |number: f64| {
        let decimals = if number >= 100.0 {
            0
        } else if number >= 10.0 {
            1
        } else {
            2
        };
        let text = format!("{number:.decimals$}");
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    };
    match number {
        0.0 => "0 s".to_owned(),
        ..0.000_999_5 => format!("{} µs", digits(number * 1e6)),
        ..0.999_5 => format!("{} ms", digits(number * 1e3)),
        ..120.0 => format!("{} s", digits(number)),
        _ => span(Duration::from_secs_f64(number)),
    }
}

/// Its digits in groups of three, unless it is very large or small.
fn grouped(number: f64, stored: &str) -> String {
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e15).contains(&magnitude) {
        return stored.to_owned();
    }
    let text = magnitude.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let sign = if number < 0.0 { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", count(whole.parse().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_in_their_unit_with_the_exact_value_beside() {
        let now = Timestamp::from_nanos(1_700_000_090_000_000_000);
        for (family, stored, shown) in [
            ("rows", "120934", "120,934"),
            ("rows_total", "1.288490188e+09", "1,288,490,188"),
            ("rows", "-1234.5", "-1,234.5"),
            ("rows", "0.00025", "0.00025"),
            ("rows", "1e+20", "1e+20"),
            ("rows", "42", "42"),
            ("rows", "NaN", "NaN"),
            ("rows", "+Inf", "+Inf"),
            ("backup_bytes", "7.340032e+07", "70 MiB"),
            ("sent_bytes_total", "512", "512 B"),
            ("free_bytes", "-2048", "-2.0 KiB"),
            ("half_bytes", "0.5", "0.5"),
            ("took_seconds", "0.00025", "250 µs"),
            ("took_seconds", "0.0123", "12.3 ms"),
            ("took_seconds", "59.5", "59.5 s"),
            ("cpu_seconds_total", "3661", "1 h 1 min"),
            ("took_seconds", "-90", "-90 s"),
            ("took_seconds", "0", "0 s"),
            ("last_success_timestamp_seconds", "1.7e+09", "2023-11-14T22:13:20Z, 1 min 30 s ago"),
            ("expires_timestamp_seconds", "1.7000001e+09", "2023-11-14T22:15:00Z, in 10 s"),
            ("process_start_time_seconds", "1.7e+09", "2023-11-14T22:13:20Z, 1 min 30 s ago"),
            ("last_success_timestamp_seconds", "0", "0"),
            ("last_success_timestamp_seconds", "-1", "-1"),
        ] {
            let reading = Reading::new(family, stored, now);
            assert_eq!(reading.shown, shown, "{family} {stored}");
            assert_eq!(reading.exact, if stored == shown { "" } else { stored }, "{family}");
        }
    }
}
