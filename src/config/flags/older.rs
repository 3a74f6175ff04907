//! Flags of older Pushgateways and of Debian's: each is understood, or passed over with a warning.

use std::ffi::OsString;

/// Flags that took one dash before version 0.5 of the Pushgateway begin so.
const FAMILIES: [&str; 4] = ["web.", "persistence.", "push.", "log."];

/// The words of a command line as they are written today, and what to warn of.
pub(super) fn adapt(words: impl IntoIterator<Item = OsString>) -> (Vec<OsString>, Vec<String>) {
    let (mut adapted, mut warnings) = (Vec::new(), Vec::new());
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        let (name, value) =
            text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        let old = name
            .strip_prefix('-')
            .filter(|name| FAMILIES.iter().any(|family| name.starts_with(family)));
        match name {
            "--help-long" => adapted.push("--help".into()),
            "--help-man" => adapted.push("man".into()),
            "--completion-script-bash" => adapted.extend(["completions", "bash"].map(Into::into)),
            "--completion-script-zsh" => adapted.extend(["completions", "zsh"].map(Into::into)),
            "--web.local-assets" | "-web.local-assets" => {
                if value.is_none() {
                    words.next();
                }
                warnings.push(
                    "--web.local-assets is ignored: the web pages are part of the program"
                        .to_owned(),
                );
            }
            _ => match old {
                Some(new) => {
                    warnings.push(format!("{name}: write --{new}, with two dashes"));
                    adapted.push(format!("-{text}").into());
                }
                None => adapted.push(word),
            },
        }
    }
    (adapted, warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_old_are_understood_or_passed_over() {
        for (words, now, warned) in [
            (&["--web.local-assets=/usr/share/x", "--shards=1"][..], &["--shards=1"][..], true),
            (&["--web.local-assets", "/usr/share/x", "--shards=1"], &["--shards=1"], true),
            (&["--web.local-assets"], &[], true),
            (&["-web.listen-address", ":1"], &["--web.listen-address", ":1"], true),
            (&["-log.level=info"], &["--log.level=info"], true),
            (&["--help-long"], &["--help"], false),
            (&["--help-man"], &["man"], false),
            (&["--completion-script-bash"], &["completions", "bash"], false),
            (&["-h", "--web.max-scrapes=1", "-x"], &["-h", "--web.max-scrapes=1", "-x"], false),
        ] {
            let (adapted, warnings) = adapt(words.iter().map(Into::into));
            assert_eq!(adapted, now, "{words:?}");
            assert_eq!(!warnings.is_empty(), warned, "{words:?}: {warnings:?}");
        }
    }
}
