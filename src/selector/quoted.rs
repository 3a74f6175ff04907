//! Strings in Go's syntax: `"…"` and `'…'` with escapes, `` `…` `` without.

use super::error::Reason;

/// Undoes the quotes that `rest` begins with. Answers what was in them and how many bytes that took, or
/// at which byte what is wrong.
pub(super) fn unquote(rest: &str) -> Result<(String, usize), (usize, Reason)> {
    let quote = rest.as_bytes()[0];
    let mut unquoted = Vec::new();
    let mut at = 1;
    loop {
        let &byte = rest.as_bytes().get(at).ok_or((0, Reason::Unterminated))?;
        match byte {
            _ if byte == quote => break,
            b'\n' if quote != b'`' => return Err((0, Reason::Unterminated)),
            b'\\' if quote != b'`' => {
                let escape = &rest.as_bytes()[at + 1..];
                at += 1 + unescape(escape, quote, &mut unquoted).ok_or((at, Reason::Escape))?;
            }
            _ => {
                unquoted.push(byte);
                at += 1;
            }
        }
    }
    match String::from_utf8(unquoted) {
        Ok(text) => Ok((text, at + 1)),
        Err(_) => Err((0, Reason::NotUtf8)),
    }
}

/// Appends what an escape stands for, without its backslash, and answers how long it is.
fn unescape(escape: &[u8], quote: u8, out: &mut Vec<u8>) -> Option<usize> {
    let plain = match *escape.first()? {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' => b'\\',
        byte if byte == quote => quote,
        b'0'..=b'7' => {
            out.push(u8::try_from(number(escape.get(..3)?, 8)?).ok()?);
            return Some(3);
        }
        b'x' => {
            out.push(u8::try_from(number(escape.get(1..3)?, 16)?).ok()?);
            return Some(3);
        }
        b'u' => return push_char(number(escape.get(1..5)?, 16)?, out).map(|()| 5),
        b'U' => return push_char(number(escape.get(1..9)?, 16)?, out).map(|()| 9),
        _ => return None,
    };
    out.push(plain);
    Some(1)
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let digits = digits.iter().map(|digit| char::from(*digit).to_digit(radix));
    digits
        .into_iter()
        .try_fold(0_u32, |number, digit| number.checked_mul(radix)?.checked_add(digit?))
}

fn push_char(code: u32, out: &mut Vec<u8>) -> Option<()> {
    let char = char::from_u32(code)?;
    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}
