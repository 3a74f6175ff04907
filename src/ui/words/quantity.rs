//! Numbers as people read them, and long texts cut short.

/// Longer texts are cut.
pub(crate) const SHOWN_CHARS_MAX: usize = 200;

/// A count, in groups of three digits.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// So many of something.
pub fn count_of(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Bytes, to about three digits.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut scaled = number as f64;
    let mut unit = "";
    for next in UNITS {
        scaled /= 1024.0;
        unit = next;
        if scaled < 1000.0 {
            break;
        }
    }
    if scaled < 10.0 { format!("{scaled:.1} {unit}") } else { format!("{scaled:.0} {unit}") }
}

/// A text, cut if it is too long; then its whole length follows.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_scaled() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(
            (count_of(1, "group", "groups"), count_of(2, "group", "groups")),
            ("1 group".into(), "2 groups".into())
        );
        let sizes = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1500, "1.5 KiB"),
            (64 << 20, "64 MiB"),
            (1023 << 20, "1.0 GiB"),
        ];
        for (number, text) in sizes {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let short = "é".repeat(SHOWN_CHARS_MAX);
        assert_eq!(shortened(&short), short);
        assert_eq!(shortened(&format!("{short}é")), format!("{short}… (402 bytes)"));
    }
}
