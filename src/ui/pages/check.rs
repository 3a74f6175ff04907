//! The push console: the command for a push, and whether the push would be accepted.

use askama::Template;

use crate::ui::pages::frame::Frame;
use crate::ui::words::quantity::shortened;

/// How many lines are shown before and behind the one that is wrong.
const LINES_AROUND: usize = 2;

/// The page.
#[derive(Debug, Template)]
#[template(path = "check.html")]
pub struct CheckPage<'a> {
    /// What all pages have.
    pub frame: Frame<'a>,
    /// Where the push would go: what follows `/metrics`.
    pub path: &'a str,
    /// What would be pushed.
    pub exposition: &'a str,
    /// The command.
    pub command: String,
    /// What the check has found, if there was one.
    pub found: Option<Found>,
    /// Whether it would replace the group: PUT instead of POST.
    pub replaces: bool,
    /// The lines around the one that is wrong.
    pub excerpt: Vec<ExcerptLine>,
    /// What is said when not all of the exposition is shown again.
    pub cut: Option<String>,
}

/// What a check has found.
#[derive(Debug)]
pub struct Found {
    /// What came of it.
    pub outcome: Outcome,
    /// The push path of a group that is in the way, behind `/metrics`.
    pub holder: Option<String>,
    /// Why the visitor may not make this push, if that is so.
    pub denied: Option<String>,
}

/// What came of a check.
#[derive(Debug)]
pub enum Outcome {
    /// It would be taken: families, series and samples.
    Accepted(String),
    /// It would not: why.
    Rejected(String),
}

/// A line of the exposition.
#[derive(Debug, PartialEq)]
pub struct ExcerptLine {
    number: usize,
    text: String,
    /// Whether it is the one that is wrong.
    is_wrong: bool,
}

/// The lines around the one that an error names as `line N`; none where it names none.
pub fn excerpt(exposition: &str, error: &str) -> Vec<ExcerptLine> {
    let digits = error.split("line ").skip(1).filter_map(|rest| {
        rest.split(|char: char| !char.is_ascii_digit()).next().filter(|digits| !digits.is_empty())
    });
    let Some(wrong) = digits.filter_map(|digits| digits.parse::<usize>().ok()).next() else {
        return Vec::new();
    };
    let around = wrong.saturating_sub(LINES_AROUND)..=wrong.saturating_add(LINES_AROUND);
    let lines = exposition.lines().zip(1..).filter(|(_, number)| around.contains(number));
    let line =
        |(text, number)| ExcerptLine { number, text: shortened(text), is_wrong: number == wrong };
    lines.map(line).collect()
}

/// The command that pushes a file, or deletes a group, for a shell.
pub fn command(method: &str, url: &str, path: &str) -> String {
    let url = format!("{url}/metrics{path}").replace('\'', r"'\''");
    let body = if method == "DELETE" { "" } else { " --data-binary @metrics.txt" };
    format!("curl -X {method}{body} '{url}'")
}

/// The start of a text, cut between two characters.
pub fn start_of(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(start_of("aéb", 2), "a");
        assert_eq!(start_of("aéb", 3), "aé");
        assert_eq!(start_of("aéb", 30), "aéb");
    }

    #[test]
    fn the_line_that_an_error_names_is_marked() {
        let shown = |error: &str| {
            let lines = excerpt("a\nb\nc\nd\ne\nf\n", error);
            let line = |line: ExcerptLine| format!("{}{}{}", line.number, line.text, line.is_wrong);
            lines.into_iter().map(line).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            shown("text format parsing error in line 2: x"),
            "1afalse 2btrue 3cfalse 4dfalse"
        );
        assert_eq!(shown("the line ends are missing in line 6"), "4dfalse 5efalse 6ftrue");
        assert_eq!(shown("line 99: x") + &shown("no line") + &shown(""), "");
    }

    #[test]
    fn the_command_is_one_word_to_a_shell() {
        let command = command("PUT", "http://h:9091", "/job/a'; rm -rf b");
        assert_eq!(
            command,
            r"curl -X PUT --data-binary @metrics.txt 'http://h:9091/metrics/job/a'\''; rm -rf b'"
        );
    }
}
