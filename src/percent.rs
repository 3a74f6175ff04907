//! Percent-encoding: how the path of a URL carries any bytes.

use std::borrow::Cow;

use memchr::memchr;

/// Undoes percent-encoding; `None` when a `%` is not followed by two hexadecimal digits.
pub(crate) fn decode(path: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(first) = memchr(b'%', path) else {
        return Some(Cow::Borrowed(path));
    };
    let mut decoded = path[..first].to_vec();
    let mut rest = &path[first..];
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            decoded.push(byte);
            rest = after;
            continue;
        }
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        decoded.push((digit(0)? * 16 + digit(1)?) as u8);
        rest = &after[2..];
    }
    Some(Cow::Owned(decoded))
}

/// Bytes as they stand in a URL's path, slashes included.
pub(crate) fn encode(path: &[u8]) -> String {
    path.iter().flat_map(|&byte| spell(byte)).collect()
}

fn spell(byte: u8) -> impl Iterator<Item = char> {
    let plain = byte.is_ascii_alphanumeric() || b"-_.~$&+,:;=@!*'()/".contains(&byte);
    let hex = |nibble: u8| {
        char::from_digit(u32::from(nibble), 16).map(|digit| digit.to_ascii_uppercase())
    };
    let encoded = [Some('%'), hex(byte >> 4), hex(byte & 15)];
    let own = [Some(char::from(byte)), None, None];
    (if plain { own } else { encoded }).into_iter().flatten()
}
