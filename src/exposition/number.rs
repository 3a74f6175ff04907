//! Sample values: Go's float syntax in, Go's shortest `'g'` spelling out.

/// Reads a number as Go's `strconv.ParseFloat` does, less hexadecimal, `_` and `p`. `None` when it is
/// not one, or is too large for a float.
pub fn parse_number(text: &[u8]) -> Option<f64> {
    let (negative, magnitude) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let value = match magnitude.first()? {
        b'0'..=b'9' | b'.' => {
            // An overflow comes back as infinity, which Go calls out of range.
            fast_float2::parse::<f64, _>(magnitude).ok().filter(|value| value.is_finite())?
        }
        b'i' | b'I' => {
            let named = magnitude.eq_ignore_ascii_case(b"inf")
                || magnitude.eq_ignore_ascii_case(b"infinity");
            named.then_some(f64::INFINITY)?
        }
        // Go knows no signed NaN.
        b'n' | b'N' => text.eq_ignore_ascii_case(b"nan").then_some(f64::NAN)?,
        _ => return None,
    };
    Some(if negative { -value } else { value })
}

/// Whether a count fits an unsigned integer of 64 bits.
pub fn is_whole(count: f64) -> bool {
    count.fract() == 0.0 && (0.0..u64::MAX as f64).contains(&count)
}

/// Decimal exponents of the numbers that Go's shortest `'g'` spells without an exponent.
const EXPONENT_FIRST: i32 = -4;
const EXPONENT_LAST: i32 = 5;

/// Below this, all digits of an integer are needed to tell it from its neighbours, but for zeros at the end.
const WHOLE_BELOW: u64 = 1 << 53;

/// Appends `value` in Go's shortest `'g'` form: with an exponent below 1e-4 and from 1e6 up, and `0`
/// for minus zero.
pub fn write_number(out: &mut Vec<u8>, value: f64) {
    if value == 0.0 {
        return out.push(b'0');
    }
    if !value.is_finite() {
        let name: &[u8] = if value.is_nan() {
            b"NaN"
        } else if value > 0.0 {
            b"+Inf"
        } else {
            b"-Inf"
        };
        return out.extend_from_slice(name);
    }
    let magnitude = value.abs();
    if value < 0.0 {
        out.push(b'-');
    }
    let whole = magnitude as u64;
    if whole < WHOLE_BELOW && whole as f64 == magnitude {
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(whole).as_bytes();
        if digits.len() as i32 <= EXPONENT_LAST + 1 {
            return out.extend_from_slice(digits);
        }
        let zeros = digits.iter().rev().take_while(|&&digit| digit == b'0').count();
        return lay_out(out, &digits[..digits.len() - zeros], digits.len() as i32 - 1);
    }
    let mut buffer = zmij::Buffer::new();
    let (digits, exponent) = significant(buffer.format_finite(magnitude).as_bytes());
    lay_out(out, &digits, exponent);
}

/// Splits a decimal spelling into its significant digits and the decimal exponent of the first.
fn significant(spelling: &[u8]) -> (smallvec::SmallVec<[u8; 24]>, i32) {
    let (mantissa, power) = match spelling.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&spelling[..at], parse_exponent(&spelling[at + 1..])),
        None => (spelling, 0),
    };
    let point = mantissa.iter().position(|&byte| byte == b'.').unwrap_or(mantissa.len());
    let (whole, part) = mantissa.split_at(point);
    let mut digits = smallvec::SmallVec::<[u8; 24]>::from_slice(whole);
    digits.extend_from_slice(part.get(1..).unwrap_or_default());
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    if zeros > 0 {
        digits.drain(..zeros);
    }
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    (digits, power + point as i32 - zeros as i32 - 1)
}

fn parse_exponent(text: &[u8]) -> i32 {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let magnitude = digits.iter().fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'));
    if negative { -magnitude } else { magnitude }
}

fn lay_out(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    if !(EXPONENT_FIRST..=EXPONENT_LAST).contains(&exponent) {
        out.push(digits[0]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            out.push(b'0');
        }
        let mut buffer = itoa::Buffer::new();
        return out.extend_from_slice(buffer.format(exponent.abs()).as_bytes());
    }
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', (-exponent - 1) as usize));
        return out.extend_from_slice(digits);
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        out.extend_from_slice(digits);
        return out.extend(std::iter::repeat_n(b'0', whole - digits.len()));
    }
    out.extend_from_slice(&digits[..whole]);
    out.push(b'.');
    out.extend_from_slice(&digits[whole..]);
}

/// Whether `text` is a number exactly as [`write_number`] would spell it, so that it can be copied.
///
/// Cheap and one-sided: it knows the decimal forms with at most 15 significant digits, every one of
/// which survives the way to a float and back. Other spellings are parsed and written anew.
pub fn is_canonical(text: &[u8]) -> bool {
    let magnitude = match text.split_first() {
        Some((b'-', rest)) => rest,
        _ => text,
    };
    let whole_len = leading_digits(magnitude);
    let (whole, rest) = magnitude.split_at(whole_len);
    let (fraction, power) = match rest.split_first() {
        None => (&rest[..0], rest),
        Some((b'.', after)) => {
            let fraction_len = leading_digits(after);
            if fraction_len == 0 || after[fraction_len - 1] == b'0' {
                return false;
            }
            after.split_at(fraction_len)
        }
        Some(_) => (&rest[..0], rest),
    };
    if whole_len + fraction.len() > 15 {
        return false;
    }
    match (whole, power) {
        // Minus zero is written without its sign.
        (b"0", b"") => match fraction.iter().position(|&digit| digit != b'0') {
            Some(zeros) => zeros < -EXPONENT_FIRST as usize,
            None => fraction.is_empty() && text.len() == 1,
        },
        ([b'1'..=b'9', ..], b"") => whole_len as i32 <= EXPONENT_LAST + 1,
        ([b'1'..=b'9'], [b'e', b'+', tens @ b'0'..=b'9', ones @ b'0'..=b'9']) => {
            *tens > b'0' || i32::from(ones - b'0') > EXPONENT_LAST
        }
        ([b'1'..=b'9'], [b'e', b'-', tens @ b'0'..=b'9', ones @ b'0'..=b'9']) => {
            *tens > b'0' || i32::from(ones - b'0') > -EXPONENT_FIRST
        }
        _ => false,
    }
}

fn leading_digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_whole_where_an_integer_holds_it() {
        assert!([0.0, -0.0, 3.0, 18446744073709549568.0].into_iter().all(is_whole));
        let others = [0.5, -1.0, u64::MAX as f64, f64::INFINITY, f64::NAN];
        assert!(!others.into_iter().any(is_whole));
    }
    use proptest::prelude::*;

    fn written(value: f64) -> String {
        let mut out = Vec::new();
        write_number(&mut out, value);
        String::from_utf8(out).expect("numbers are ASCII")
    }

    #[test]
    fn numbers_are_spelled_as_go_spells_them() {
        // Each line is what `strconv.FormatFloat(value, 'g', -1, 64)` answers.
        let known = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (123_456_789.0, "1.23456789e+08"),
            (123_456.789, "123456.789"),
            (0.0001, "0.0001"),
            (0.00012, "0.00012"),
            (0.00001, "1e-05"),
            (1e21, "1e+21"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1_763_900_000.123, "1.763900000123e+09"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, spelling) in known {
            assert_eq!(written(value), spelling);
        }
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for good in
            ["1", "+1", "-1", "1.", ".5", "1e5", "1E+5", "1e-400", "inf", "-Infinity", "nAn"]
        {
            assert!(parse_number(good.as_bytes()).is_some(), "{good}");
        }
        let bad = [
            "", "+", ".", "1e", "1e999", "-1e999", "+nan", "0x10", "1_0", "1p3", "--1", "+-1",
            "1 ", "infi",
        ];
        for bad in bad {
            assert!(parse_number(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn canonical_spellings_are_told_from_others() {
        for yes in [
            "0",
            "7",
            "-7",
            "999999",
            "42.731",
            "0.0001",
            "1e+06",
            "1.7639e+09",
            "1e-05",
            "6.7108864e+07",
        ] {
            assert!(is_canonical(yes.as_bytes()), "{yes}");
        }
        let no = [
            "", "-", "-0", "00", "01", "1.0", "1.", ".5", "1000000", "0.00001", "1e6", "1e+05",
            "1e-04", "12e+06", "+1", "0e+06", "1.0e+06", "0.0", "NaN",
        ];
        for no in no {
            assert!(!is_canonical(no.as_bytes()), "{no}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_is_written_reads_back_the_same(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(!value.is_nan());
            prop_assert_eq!(parse_number(written(value).as_bytes()), Some(value));
        }

        #[test]
        fn what_counts_as_canonical_is_what_would_be_written(
            text in "-?[0-9]{1,7}(\\.[0-9]{1,9})?(e[+-][0-9]{2,3})?"
        ) {
            if is_canonical(text.as_bytes()) {
                let value = parse_number(text.as_bytes()).expect("a canonical number is a number");
                prop_assert_eq!(written(value), text);
            }
        }
    }
}
