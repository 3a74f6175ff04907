//! Durations as Go programs write them.

use std::time::Duration;

/// The units and how many nanoseconds each has.
const UNITS: [(&str, f64); 7] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// Reads a duration that is not negative: numbers, with fractions or not, each with its unit, such as `1.5s`
/// or `1h30m`. `None` where there is none.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let number_end = rest.find(|char: char| char != '.' && !char.is_ascii_digit())?;
        let (number, behind) = rest.split_at(number_end);
        let unit_end = behind.find(|char: char| char == '.' || char.is_ascii_digit());
        let (unit, behind) = behind.split_at(unit_end.unwrap_or(behind.len()));
        let (_, unit_nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
        nanos += number.parse::<f64>().ok()? * unit_nanos;
        rest = behind;
    }
    let is_read = text.contains(|char: char| char.is_ascii_digit()) && nanos <= i64::MAX as f64;
    is_read.then(|| Duration::from_nanos(nanos as u64))
}

/// Writes whole seconds as a user does, without the parts behind the last that is not zero: `1h30m`, `45s`.
pub(crate) fn spell(duration: Duration) -> String {
    let mut text = shown(Duration::from_secs(duration.as_secs()));
    for (unit, zero) in [("m", "m0s"), ("h", "h0m")] {
        if text.ends_with(zero) {
            text.truncate(text.len() - zero.len());
            text += unit;
        }
    }
    text
}

/// Writes a duration as Go does: `1.5s`, `1m30s`, `1h0m0s`, `250ms`.
pub(crate) fn shown(duration: Duration) -> String {
    let decimal = |number: f64, unit: &str| format!("{number}{unit}");
    let nanos = duration.as_nanos();
    match nanos {
        0 => return "0s".to_owned(),
        1..1_000 => return format!("{nanos}ns"),
        1_000..1_000_000 => return decimal(nanos as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => return decimal(nanos as f64 / 1e6, "ms"),
        _ => {}
    }
    let (minutes, rest) = (duration.as_secs() / 60, duration.as_secs() % 60);
    let seconds = format!("{rest}.{:09}", duration.subsec_nanos());
    let seconds = format!("{}s", seconds.trim_end_matches('0').trim_end_matches('.'));
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_spelled_so_that_it_is_read_as_the_same() {
        for (seconds, spelled) in [(0, "0s"), (45, "45s"), (5400, "1h30m"), (86_401, "24h0m1s")] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(spell(duration), spelled);
            assert_eq!(parse(spelled), Some(duration));
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for text in [
            "0s",
            "7ns",
            "1.5µs",
            "10ms",
            "250.5ms",
            "1s",
            "1.5s",
            "1m30s",
            "5m0s",
            "1h0m0s",
            "24h0m0.25s",
        ] {
            assert_eq!(parse(text).map(shown).as_deref(), Some(text));
        }
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let read = [
            ("5m", 300_000_000_000),
            ("1.5s", 1_500_000_000),
            ("1h15m30.5s", 4_530_500_000_000),
            ("100us", 100_000),
            ("1µs2ns", 1_002),
            (".5ms", 500_000),
            ("1.s", 1_000_000_000),
            ("+0", 0),
            ("0", 0),
            ("0s", 0),
        ];
        for (text, nanos) in read {
            assert_eq!(parse(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
        for bad in ["", "5", "-5m", "s", ".s", "1 s", "1d", "5m ", "1.2.3s", "9999999h", "+"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
