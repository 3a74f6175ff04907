//! Makes the options of an import from its flags.

use std::sync::Arc;

use super::place::Way;
use super::run::Options;
use super::source::Source;
use crate::client::Endpoint;
use crate::config::ImportFlags;
use crate::selector::Selector;

impl Options {
    /// What they say. Reads the files of passwords and authorities.
    ///
    /// # Errors
    /// Which flag makes no sense, and why.
    pub fn new(flags: &ImportFlags) -> Result<Options, String> {
        let source = match (&flags.from, &flags.gob) {
            (Some(from), _) => Source::Gateway(Endpoint::of_flag(
                "--from",
                from,
                flags.from_ca.as_deref(),
                (flags.from_user.as_deref(), flags.from_password_file.as_deref()),
            )?),
            (None, Some(file)) => Source::Gob(file.clone()),
            (None, None) => return Err("--from or --gob is needed".to_owned()),
        };
        let asker = (flags.to_user.as_deref(), flags.to_password_file.as_deref());
        let target = Endpoint::of_flag("--to", &flags.to, flags.to_ca.as_deref(), asker)?;
        if matches!(&source, Source::Gateway(from) if from.to_string() == target.to_string()) {
            return Err(format!("--from and --to are the same gateway, {target}"));
        }
        let keeps_newer = !flags.overwrite;
        let way = if flags.as_pushes {
            Way::AsPushes { keeps_newer }
        } else {
            Way::WithTimes { keeps_newer }
        };
        let selectors = flags.selectors.iter().map(|text| {
            let selector = Selector::parse(text);
            let selector = selector.map_err(|error| format!("--match {text}: {error}"))?;
            Ok((text.clone(), selector))
        });
        let selectors = selectors.collect::<Result<Arc<[_]>, String>>()?;
        Ok(Options { source, target: (!flags.dry_run).then_some((target, way)), selectors })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Command, Flags};

    fn options(words: &[&str]) -> Result<Options, String> {
        let words = ["shardgate", "import"].iter().chain(words).map(Into::into);
        let flags = Flags::from_command_line(words).map_err(|error| error.to_string())?;
        match flags.command() {
            Some(Command::Import(flags)) => Options::new(flags),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn a_source_is_all_that_is_needed() {
        let found = options(&["--from", "http://old:9091"]).expect("they are valid");
        let (target, way) = found.target.expect("it is no dry run");
        assert_eq!(target.to_string(), "http://127.0.0.1:9091");
        assert_eq!(way, Way::WithTimes { keeps_newer: true });
        let found =
            options(&["--gob=x", "--dry-run", "--match={job=\"a\"}"]).expect("they are valid");
        assert!(matches!(found.source, Source::Gob(_)) && found.target.is_none());
        let found = options(&["--from=http://a", "--as-pushes", "--overwrite"]);
        let way = found.expect("they are valid").target.map(|(_, way)| way);
        assert_eq!(way, Some(Way::AsPushes { keeps_newer: false }));
    }

    #[test]
    fn what_makes_no_sense_names_its_flag() {
        for (words, named) in [
            (&[][..], "--from"),
            (&["--from=http://a", "--gob=b"], "--gob"),
            (&["--from=a:1"], "--from"),
            (&["--from=http://a", "--to=b"], "--to"),
            (&["--from=http://a", "--match={"], "--match"),
            (&["--from=http://a", "--to-user=b"], "--to-password-file"),
            (&["--from=http://a", "--to-user=b", "--to-password-file=/no/such"], "/no/such"),
        ] {
            let error = options(words).expect_err(named);
            assert!(error.contains(named), "{words:?}: {error}");
        }
    }
}
