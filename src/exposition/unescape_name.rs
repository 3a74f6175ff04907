//! Undoes the escapes of names that begin with `U__`.

/// Most hexadecimal digits of a character. The reference stops one short of what the last plane of
/// Unicode, of private use, would need.
const HEX_DIGITS: usize = 5;

/// Undoes the escapes of a name that begins with `U__`: `_HEX_` for a character, `__` for an
/// underscore. `None` when it does not begin so, or an escape is not one: then the name means itself.
pub fn unescape_name(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix("U__")?;
    let mut out = String::with_capacity(rest.len());
    while let Some((plain, behind)) = rest.split_once('_') {
        let (digits, behind) = behind.split_once('_')?;
        out.push_str(plain);
        out.push(if digits.is_empty() { '_' } else { character(digits)? });
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

fn character(digits: &str) -> Option<char> {
    let is_hex = digits.len() <= HEX_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_and_underscores_are_unescaped() {
        for (escaped, name) in [
            ("U__a_2e_b", "a.b"),
            ("U__a__b", "a_b"),
            ("U__", ""),
            ("U___e9__1F600_", "é😀"),
            ("U____", "_"),
            ("U___2E____2f_", "._/"),
            ("U__é", "é"),
        ] {
            assert_eq!(unescape_name(escaped).as_deref(), Some(name), "{escaped}");
        }
    }

    #[test]
    fn what_is_not_escaped_means_itself() {
        let bad = ["a", "u__a", "_U__a", "U__a_", "U__a_2e", "U__a_2g_", "U__a_+2_", "U__a_d800_"];
        for name in bad.into_iter().chain(["U__a_10ffff_", "U__a_0000041_", "U__a_é_"]) {
            assert_eq!(unescape_name(name), None, "{name}");
        }
    }
}
