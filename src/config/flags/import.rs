//! The flags of `shardgate import`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::client::Endpoint;
use crate::migrate::{Options, Source, Way};
use crate::selector::Selector;

/// Where groups come from, where they go, and which.
#[derive(Debug, Args)]
#[group(id = "source", required = true, multiple = false, args = ["from", "gob"])]
pub struct ImportFlags {
    /// The gateway that has the groups: a Pushgateway from 1.5.1 on, or a shardgate.
    #[arg(long, value_name = "URL")]
    from: Option<String>,

    /// The persistence file of a Pushgateway that has the groups.
    #[arg(long, value_name = "FILE")]
    gob: Option<PathBuf>,

    /// The gateway that is to have them: a shardgate with --web.enable-admin-api.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9091")]
    to: String,

    /// Only the groups that this selector matches, such as {job=~"backup-.*"}. Repeatable: any of them.
    #[arg(long = "match", value_name = "SELECTOR")]
    selectors: Vec<String>,

    /// Say what would be copied, and copy nothing.
    #[arg(long)]
    dry_run: bool,

    /// Replace also what was pushed to the target later than to the source.
    #[arg(long)]
    overwrite: bool,

    /// Push the groups as jobs do, which any Pushgateway takes: the times of their pushes are lost.
    #[arg(long)]
    as_pushes: bool,

    /// Who asks the source, where it wants to know.
    #[arg(long, value_name = "NAME", requires = "from_password_file")]
    from_user: Option<String>,

    /// File whose first line is their password.
    #[arg(long, value_name = "FILE", requires = "from_user")]
    from_password_file: Option<PathBuf>,

    /// File with the authorities to trust where the source is https://.
    #[arg(long, value_name = "FILE")]
    from_ca: Option<PathBuf>,

    /// Who asks the target, where it wants to know.
    #[arg(long, value_name = "NAME", requires = "to_password_file")]
    to_user: Option<String>,

    /// File whose first line is their password.
    #[arg(long, value_name = "FILE", requires = "to_user")]
    to_password_file: Option<PathBuf>,

    /// File with the authorities to trust where the target is https://.
    #[arg(long, value_name = "FILE")]
    to_ca: Option<PathBuf>,
}

impl ImportFlags {
    /// What they say. Reads the files of passwords and authorities.
    ///
    /// # Errors
    /// Which flag makes no sense, and why.
    pub fn options(&self) -> Result<Options, String> {
        let source = match (&self.from, &self.gob) {
            (Some(from), _) => {
                let asker = asker(self.from_user.as_ref(), self.from_password_file.as_ref());
                Source::Gateway(endpoint("--from", from, self.from_ca.as_ref(), asker)?)
            }
            (None, Some(file)) => Source::Gob(file.clone()),
            (None, None) => return Err("--from or --gob is needed".to_owned()),
        };
        let asker = asker(self.to_user.as_ref(), self.to_password_file.as_ref());
        let target = endpoint("--to", &self.to, self.to_ca.as_ref(), asker)?;
        let keeps_newer = !self.overwrite;
        let way = if self.as_pushes {
            Way::AsPushes { keeps_newer }
        } else {
            Way::WithTimes { keeps_newer }
        };
        let selectors = self.selectors.iter().map(|text| {
            let selector = Selector::parse(text);
            let selector = selector.map_err(|error| format!("--match {text}: {error}"))?;
            Ok((text.clone(), selector))
        });
        let selectors = selectors.collect::<Result<Arc<[_]>, String>>()?;
        Ok(Options { source, target: (!self.dry_run).then_some((target, way)), selectors })
    }
}

/// A user, and the file with their password. One of them alone is no use, and the flags want both.
pub(super) fn asker<'f>(
    user: Option<&'f String>,
    file: Option<&'f PathBuf>,
) -> Option<(&'f str, &'f PathBuf)> {
    user.map(String::as_str).zip(file)
}

pub(super) fn endpoint(
    flag: &str,
    url: &str,
    ca_file: Option<&PathBuf>,
    asker: Option<(&str, &PathBuf)>,
) -> Result<Endpoint, String> {
    let endpoint =
        Endpoint::new(url, ca_file.map(PathBuf::as_path)).and_then(|endpoint| match asker {
            Some((user, file)) => endpoint.asked_by(user, file),
            None => Ok(endpoint),
        });
    endpoint.map_err(|error| format!("{flag} {error}"))
}

#[cfg(test)]
mod tests {
    use crate::config::{Command, Flags};
    use crate::migrate::{Options, Source, Way};

    fn options(words: &[&str]) -> Result<Options, String> {
        let words = ["shardgate", "import"].iter().chain(words).map(Into::into);
        let flags = Flags::from_command_line(words).map_err(|error| error.to_string())?;
        match flags.command() {
            Some(Command::Import(flags)) => flags.options(),
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
