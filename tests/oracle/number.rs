//! Numbers by the book: Go's float syntax, letter by letter, and its shortest `'g'` spelling, laid
//! out by hand from the digits that Rust's own formatting finds.

/// Reads a sample value. `None` when it is not a number, or out of range.
pub(crate) fn read(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "nan" => return Some(f64::NAN),
        "inf" | "+inf" | "infinity" | "+infinity" => return Some(f64::INFINITY),
        "-inf" | "-infinity" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    if !is_decimal(&lower) {
        return None;
    }
    let value: f64 = lower.parse().ok()?;
    value.is_finite().then_some(value)
}

/// `[sign] digits [ "." digits ] [ "e" [sign] digits ]`, where one side of the point may be missing.
fn is_decimal(text: &str) -> bool {
    let mut letters = text.chars().peekable();
    letters.next_if(|letter| "+-".contains(*letter));
    let mut digits = 0;
    while letters.next_if(char::is_ascii_digit).is_some() {
        digits += 1;
    }
    if letters.next_if_eq(&'.').is_some() {
        while letters.next_if(char::is_ascii_digit).is_some() {
            digits += 1;
        }
    }
    if digits == 0 {
        return false;
    }
    if letters.next_if_eq(&'e').is_some() {
        letters.next_if(|letter| "+-".contains(*letter));
        if letters.next_if(char::is_ascii_digit).is_none() {
            return false;
        }
        while letters.next_if(char::is_ascii_digit).is_some() {}
    }
    letters.next().is_none()
}

/// Spells a value as the exposition does.
pub(crate) fn spell(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let scientific = shortest(value.abs());
    let (mantissa, exponent) = scientific.split_once('e').expect("the e form has an e");
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().expect("the exponent is an integer");
    let magnitude = if !(-4..6).contains(&exponent) {
        let fraction = if digits.len() > 1 { format!(".{}", &digits[1..]) } else { String::new() };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}{fraction}e{sign}{:02}", &digits[..1], exponent.abs())
    } else if exponent < 0 {
        format!("0.{}{digits}", "0".repeat((-exponent - 1) as usize))
    } else {
        let whole = exponent as usize + 1;
        let padded = format!("{digits:0<whole$}");
        let fraction = &padded[whole..];
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{}{point}{fraction}", &padded[..whole])
    };
    format!("{sign}{magnitude}")
}

/// The fewest digits that read back the same, as in "1.2345e-5"; of several, the nearest; of two as
/// near, the even one, which is where Go and Rust's own `e` form part.
fn shortest(magnitude: f64) -> String {
    let shortest = format!("{magnitude:e}");
    let digits = shortest.chars().take_while(|letter| *letter != 'e').filter(char::is_ascii_digit);
    let nearest = format!("{magnitude:.*e}", digits.count() - 1);
    if nearest.parse() == Ok(magnitude) { nearest } else { shortest }
}
