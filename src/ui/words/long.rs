//! Texts that are too long to be shown whole at once: the start, and the rest once somebody opens it.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::ui::words::quantity::SHOWN_CHARS_MAX;

/// How much of a text can be opened, in bytes.
pub(crate) const OPENED_BYTES_MAX: usize = 2048;

/// A text. A long one can be opened.
#[derive(Debug, Template)]
#[template(
    source = r#"{% if start.is_empty() %}{{ whole }}{% else %}<details class="long"><summary>{{ start }}…</summary>{{ whole }}</details>{% endif %}"#,
    ext = "html"
)]
pub(crate) struct Long<'a> {
    /// Empty where the text is not long.
    start: &'a str,
    whole: &'a str,
}

impl HtmlSafe for Long<'_> {}

/// The text, to be opened where it is long.
pub(crate) fn long(whole: &str) -> Long<'_> {
    let end = whole.char_indices().nth(SHOWN_CHARS_MAX).map_or(0, |(end, _)| end);
    Long { start: &whole[..end], whole }
}

/// The part of a text that can be opened; then its whole length follows.
pub(crate) fn openable(text: &str) -> String {
    match text.char_indices().find(|(at, _)| *at >= OPENED_BYTES_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_texts_are_folded_and_only_so_much_is_kept() {
        assert_eq!(long("<b>").to_string(), "&#60;b&#62;");
        let text = "é".repeat(SHOWN_CHARS_MAX + 1);
        let html = long(&text).to_string();
        let start = "é".repeat(SHOWN_CHARS_MAX);
        assert_eq!(
            html,
            format!("<details class=\"long\"><summary>{start}…</summary>{text}</details>")
        );
        let huge = "é".repeat(OPENED_BYTES_MAX);
        assert_eq!(openable(&huge), format!("{}… (4096 bytes)", "é".repeat(OPENED_BYTES_MAX / 2)));
        assert_eq!(openable(&text), text);
    }
}
