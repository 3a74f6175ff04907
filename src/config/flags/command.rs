//! The command line as clap sees it: the flags in groups, each with its variable, and the two sizes of help.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory};

use super::Flags;

/// What the names of variables begin with.
const VARIABLES: &str = "SHARDGATE_";

/// The groups of `--help`. A flag is in the first group that has its name, or a beginning of it.
const GROUPS: [(&str, &[&str]); 7] = [
    (
        "Common",
        &[
            "web.listen-address",
            "web.external-url",
            "web.enable-admin-api",
            "persistence.file",
            "log.",
        ],
    ),
    ("TLS and access", &["web.config.file", "auth.", "push.cors-"]),
    (
        "Limits",
        &["push.max-", "storage.", "web.max-", "web.header-", "web.body-", "web.idle-", "shards"],
    ),
    ("Persistence", &["persistence."]),
    ("Cluster", &["cluster."]),
    ("Pushes", &["push."]),
    ("Endpoints and paths", &["web."]),
];

/// What the group of all other flags is called.
const OTHERS: &str = "Further flags";

const EXAMPLES: &str = "\
Examples:
  shardgate
  shardgate --persistence.file=/var/lib/shardgate/metrics.store
  shardgate --web.config.file=web.yml --auth.policy-file=policy.yml
  shardgate check web-config web.yml
  shardgate import --from=http://pushgateway:9091 --to=http://127.0.0.1:9091

Each flag can also be set by a variable: SHARDGATE_, and the name of the flag in capitals with _ for dots and
dashes. The command line counts before a variable. An empty variable counts as none.";

/// The flags that `-h` shows, each in a few words.
const SHORT_FLAGS: [(&str, &str); 9] = [
    ("web.listen-address", "Where to listen"),
    ("web.external-url", "URL seen by clients, behind a proxy"),
    ("web.config.file", "TLS and passwords"),
    ("auth.policy-file", "Who may push what, and how much"),
    ("persistence.file", "Keeps the groups over a restart"),
    ("shards", "Tasks that share the groups"),
    ("log.level", "Least severe messages"),
    ("version", "Show the version"),
    ("help", "Show this help, or all of it (--help)"),
];

/// The commands that `-h` shows, likewise.
const SHORT_COMMANDS: [(&str, &str); 5] = [
    ("demo", "Push a small fleet of jobs, to look at the pages"),
    ("import", "Copy the groups of a Pushgateway or another gateway"),
    ("check", "Say whether a file of settings is valid"),
    ("store", "Look at a persistence file"),
    ("healthcheck", "Ask a gateway whether it is ready"),
];

/// The whole command line.
pub(super) fn whole() -> Command {
    let command = <Flags as CommandFactory>::command().after_long_help(EXAMPLES);
    command.mut_args(|arg| match name_of_variable(&arg) {
        Some(variable) => {
            let group = group(&arg);
            let arg = arg.help_heading(group).hide_env_values(true);
            let is_empty = std::env::var_os(&variable).is_some_and(|value| value.is_empty());
            if is_empty { arg } else { arg.env(variable) }
        }
        None => arg,
    })
}

/// The same with the help of `-h`, which fits on one screen.
pub(super) fn short() -> Command {
    let command = whole().mut_args(|arg| {
        let words = arg.get_long().and_then(|long| found(&SHORT_FLAGS, long));
        match words {
            Some(words) => {
                let takes_value = arg.get_action().takes_values();
                let arg = arg.help(words).help_heading(None::<&'static str>).hide_env(true);
                if takes_value { arg.hide_possible_values(true) } else { arg }
            }
            None => arg.hide_short_help(true),
        }
    });
    let command = command.mut_subcommands(|sub| match found(&SHORT_COMMANDS, sub.get_name()) {
        Some(words) => sub.about(words),
        None => sub.hide(true),
    });
    let command = command.about("A drop-in replacement for the Prometheus Pushgateway");
    command.after_help("All flags, with examples: --help. Manual: man shardgate.")
}

/// The same without the variable of each flag that the command line switches off.
pub(super) fn without_switched_off(command: Command, words: &[OsString]) -> Command {
    command.mut_args(|arg| {
        let off = arg.get_long().map(|long| format!("--no-{long}"));
        match off {
            Some(off) if words.iter().any(|word| *word == *off) => arg.env(None::<&'static str>),
            _ => arg,
        }
    })
}

/// The words of `name` in a table.
fn found(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(other, _)| *other == name).map(|(_, words)| *words)
}

fn group(arg: &Arg) -> &'static str {
    let long = arg.get_long().unwrap_or_default();
    let mut groups = GROUPS.iter();
    let group = groups.find(|(_, names)| names.iter().any(|name| long.starts_with(name)));
    group.map_or(OTHERS, |(heading, _)| heading)
}

/// The variable of a flag; none where the flag is hidden, or asks for something to be shown.
fn name_of_variable(arg: &Arg) -> Option<String> {
    let long = arg.get_long().filter(|long| !matches!(*long, "help" | "version"))?;
    (!arg.is_hide_set()).then(|| variable(long))
}

/// The variable that sets the flag of this name.
pub(super) fn variable(long: &str) -> String {
    format!("{VARIABLES}{}", long.replace(['.', '-'], "_").to_ascii_uppercase())
}

/// Warnings about variables that look like those of flags and belong to none.
pub(super) fn unknown_variables(
    command: &Command,
    names: impl Iterator<Item = OsString>,
) -> Vec<String> {
    let known: Vec<String> = command.get_arguments().filter_map(name_of_variable).collect();
    let families = known.iter().filter_map(|name| name.split('_').nth(1));
    let families: Vec<String> = families.map(|family| format!("{VARIABLES}{family}_")).collect();
    let names = names.filter_map(|name| name.into_string().ok());
    let is_meant = |name: &String| {
        !known.contains(name) && families.iter().any(|family| name.starts_with(family))
    };
    let mut unknown: Vec<String> = names.filter(is_meant).collect();
    unknown.sort_unstable();
    let warning = |name| format!("the variable {name} is that of no flag, and is ignored");
    unknown.into_iter().map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_has_a_variable_and_a_group() {
        let command = whole();
        let variables: Vec<String> = command.get_arguments().filter_map(name_of_variable).collect();
        assert!(variables.contains(&"SHARDGATE_WEB_LISTEN_ADDRESS".to_owned()), "{variables:?}");
        assert!(variables.len() > 30 && !variables.iter().any(|name| name.contains("_NO_")));
        for arg in command.get_arguments().filter(|arg| name_of_variable(arg).is_some()) {
            assert!(arg.get_env().is_some() && arg.get_help_heading().is_some(), "{arg:?}");
        }
    }

    #[test]
    fn a_variable_that_is_misspelled_is_warned_of_and_one_of_kubernetes_is_not() {
        let names =
            ["SHARDGATE_WEB_LISTEN_ADRESS", "SHARDGATE_SHARDS", "SHARDGATE_WEB_CONFIG_FILE"];
        let others = ["SHARDGATE_SERVICE_HOST", "SHARDGATE_PORT_9091_TCP", "PATH"];
        let names = names.iter().chain(&others).map(Into::into);
        let warnings = unknown_variables(&whole(), names);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("SHARDGATE_WEB_LISTEN_ADRESS"), "{warnings:?}");
    }

    #[test]
    fn what_the_short_help_shows_is_there() {
        let command = whole();
        for (long, _) in SHORT_FLAGS {
            assert!(command.get_arguments().any(|arg| arg.get_long() == Some(long)), "{long}");
        }
        for (name, _) in SHORT_COMMANDS {
            assert!(command.find_subcommand(name).is_some(), "{name}");
        }
    }
}
