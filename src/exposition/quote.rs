//! Pieces of what a client has sent, as an error quotes them.

use std::fmt;

/// How many bytes of a piece are quoted.
const QUOTED_BYTES_MAX: usize = 64;

/// A piece of a request in quotes: escaped, and cut where it is long. Its text may be anything.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(pub &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Quoted(piece) = self;
        let mut end = piece.len().min(QUOTED_BYTES_MAX);
        // Not amid a character, which has at most four bytes.
        let begins_char = |at: usize| piece.get(at).is_none_or(|byte| byte & 0xc0 != 0x80);
        end -= (0..4.min(end)).find(|back| begins_char(end - back)).unwrap_or(0);
        match std::str::from_utf8(&piece[..end]) {
            Ok(text) => write!(f, "{text:?}")?,
            Err(_) => write!(f, "\"{}\"", piece[..end].escape_ascii())?,
        }
        if end < piece.len() { write!(f, "... ({} bytes)", piece.len()) } else { Ok(()) }
    }
}

/// How many characters of a series are shown.
const SERIES_CHARS_MAX: usize = 256;

/// A series as an error shows it: its canonical spelling without control characters, cut where it is long.
pub fn shown_series(spelling: &str) -> String {
    let printable = |char: char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char };
    let mut shown: String = spelling.chars().take(SERIES_CHARS_MAX).map(printable).collect();
    if shown.len() < spelling.len() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_shown_as_it_is_spelled_up_to_a_bound() {
        assert_eq!(shown_series("m{a=\"\\n\u{1b}é\"}"), "m{a=\"\\n\u{fffd}é\"}");
        let long = "x".repeat(SERIES_CHARS_MAX);
        assert_eq!(shown_series(&long), long);
        assert_eq!(shown_series(&format!("{long}y")), format!("{long}..."));
    }

    #[test]
    fn a_piece_is_escaped_and_cut_between_characters() {
        for (piece, quoted) in [
            (&b"45%"[..], r#""45%""#.to_owned()),
            (b"", r#""""#.to_owned()),
            (b"a\"\n\x1b", r#""a\"\n\u{1b}""#.to_owned()),
            (b"\xffa", r#""\xffa""#.to_owned()),
            (&[b'x'; 65], format!("\"{}\"... (65 bytes)", "x".repeat(64))),
            ("é".repeat(40).as_bytes(), format!("\"{}\"... (80 bytes)", "é".repeat(32))),
            (
                format!("x{}", "é".repeat(40)).as_bytes(),
                format!("\"x{}\"... (81 bytes)", "é".repeat(31)),
            ),
            (&[0x80; 70], format!("\"{}\"... (70 bytes)", r"\x80".repeat(64))),
        ] {
            assert_eq!(Quoted(piece).to_string(), quoted);
        }
    }
}
