//! What is said about a command line that cannot be understood.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::config::Flags;

/// The lines that say what is wrong and what would be right, without those that only repeat the usage.
pub(super) fn complaint(error: &Error) -> String {
    let text = error.to_string();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return format!("a command is missing\n{}", text.trim_end());
    }
    let is_missing =
        matches!(error.kind(), ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand);
    let mut lines: Vec<String> = text
        .trim_start_matches("error: ")
        .lines()
        .take_while(|line| is_missing || !line.starts_with("Usage:"))
        .filter(|line| !line.trim().is_empty() && !line.starts_with("For more information"))
        .map(str::to_owned)
        .collect();
    lines.extend(variable(error).map(|name| format!("  the value is that of the variable {name}")));
    let end = if lines.len() == 1 { "; see --help" } else { "\n  see --help" };
    lines.join("\n") + end
}

/// The variable that the wrong value comes from, if it does not come from the command line.
fn variable(error: &Error) -> Option<String> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return None;
    };
    let name = Flags::variable(flag.strip_prefix("--")?.split(' ').next()?);
    let set = std::env::var(&name).ok()?;
    set.split(',').any(|part| part == value).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> String {
        let words = std::iter::once("shardgate").chain(words.iter().copied()).map(Into::into);
        complaint(&Flags::from_command_line(words).expect_err("it is wrong"))
    }

    #[test]
    fn what_would_be_right_is_said_with_what_is_wrong() {
        for (words, parts) in [
            (&["--no-such-flag"][..], &["'--no-such-flag'", "; see --help"][..]),
            (&["--persistence.fil=x"], &["'--persistence.fil'", "'--persistence.file'"]),
            (&["--log.level=loud"], &["'loud'", "--log.level", "debug, info, warn, error"]),
            (&["--shards=0"], &["--shards", "from 1 to 1024"]),
            (&["store", "check"], &["<FILE>", "Usage: shardgate store check <FILE>"]),
            (&["store"], &["a command is missing", "export"]),
            (&["check", "web"], &["'web'", "web-config"]),
            (&["completions", "tcsh"], &["'tcsh'", "bash", "zsh"]),
            (&["healthcheck", "--user=a"], &["--password-file"]),
        ] {
            let said = of(words);
            assert!(parts.iter().all(|part| said.contains(part)), "{words:?}: {said}");
            assert!(!said.contains("\n\n\n") && !said.contains("For more"), "{said}");
        }
    }
}
