//! Names that a narrow page breaks at their separators, and not within a word.

use askama::Template;
use askama::filters::HtmlSafe;

/// A name in pieces, each ending with a separator.
#[derive(Debug, Template)]
#[template(
    source = "{% for piece in pieces %}{{ piece }}{% if !loop.last %}<wbr>{% endif %}{% endfor %}",
    ext = "html"
)]
pub(crate) struct Breakable<'a> {
    pieces: Vec<&'a str>,
}

impl HtmlSafe for Breakable<'_> {}

/// The name, to be broken behind its separators.
pub(crate) fn breakable(name: &str) -> Breakable<'_> {
    Breakable { pieces: name.split_inclusive(['.', '-', '_', '/', ':', '@', '=', ',']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_breaks_behind_its_separators_and_stays_text() {
        for (name, html) in [
            ("db1.example.org:9100", "db1.<wbr>example.<wbr>org:<wbr>9100"),
            ("nightly", "nightly"),
            ("a_", "a_"),
            ("", ""),
            ("<b>-&", "&#60;b&#62;-<wbr>&#38;"),
        ] {
            assert_eq!(breakable(name).to_string(), html);
        }
    }
}
