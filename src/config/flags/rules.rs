//! The flags of the rules for groups.

use std::path::PathBuf;

use clap::Args;

use super::value;
use crate::config::RulesSettings;

#[derive(Debug, Args)]
pub(super) struct RulesFlags {
    /// File of rules for groups: when groups expire, and which series a POST replaces.
    #[arg(long = "rules.file", value_name = "FILE", default_value = "", hide_default_value = true)]
    file: String,

    /// Most jobs whose pushes are counted for the rules. The least recently pushed give way.
    #[arg(long = "rules.max-jobs", value_name = "N", default_value = "10000", value_parser = value::jobs)]
    jobs_max: usize,
}

impl RulesFlags {
    /// The flags with their values, and what they come to.
    pub(super) fn into_settings(self) -> ([(&'static str, String); 2], RulesSettings) {
        let flags =
            [("rules.file", self.file.clone()), ("rules.max-jobs", self.jobs_max.to_string())];
        let file = Some(PathBuf::from(self.file)).filter(|path| path != "");
        (flags, RulesSettings { file, jobs_max: self.jobs_max })
    }
}
