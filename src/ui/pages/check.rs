//! The push console: the command for a push, and whether the push would be accepted.

use askama::Template;

use crate::ui::pages::frame::Frame;

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
    /// What came of the check, if there was one.
    pub outcome: Option<Outcome>,
    /// What is said when not all of the exposition is shown again.
    pub cut: Option<String>,
}

/// What came of a check.
#[derive(Debug)]
pub enum Outcome {
    /// It would be taken: families, series and samples.
    Accepted(String),
    /// It would not: why.
    Rejected(String),
}

/// The command that pushes a file, for a shell.
pub fn command(url: &str, path: &str) -> String {
    let url = format!("{url}/metrics{path}").replace('\'', r"'\''");
    format!("curl --data-binary @metrics.txt '{url}'")
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
    fn the_command_is_one_word_to_a_shell() {
        let command = command("http://h:9091", "/job/a'; rm -rf b");
        assert_eq!(
            command,
            r"curl --data-binary @metrics.txt 'http://h:9091/metrics/job/a'\''; rm -rf b'"
        );
    }
}
