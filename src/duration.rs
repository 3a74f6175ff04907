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

/// Writes whole seconds as Go does, without the parts that are zero: `1h30m`, `45s`.
pub(crate) fn spell(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let spelled: String = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    if spelled.is_empty() { "0s".to_owned() } else { spelled }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_spelled_so_that_it_is_read_as_the_same() {
        for (seconds, spelled) in [(0, "0s"), (45, "45s"), (5400, "1h30m"), (86_401, "24h1s")] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(spell(duration), spelled);
            assert_eq!(parse(spelled), Some(duration));
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
