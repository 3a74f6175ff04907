//! How the gateway was built and started.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::json::success;
use crate::config::Config;
use crate::http::reply::Reply;
use crate::rules::{GroupRules, Rule};

/// What the status needs.
#[derive(Debug)]
pub(crate) struct BuildStatus {
    pub(crate) config: Arc<Config>,
    /// The rules for groups, as they are now; `None` without a file of them.
    pub(crate) rules: Option<watch::Receiver<Arc<GroupRules>>>,
    pub(crate) started: SystemTime,
}

impl BuildStatus {
    pub(crate) fn answer(&self) -> Reply {
        let flags = self.config.flags.iter();
        let flags: Map<String, Value> =
            flags.map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        let mut status = json!({
            "build_information": {
                "branch": "",
                "buildDate": "",
                "buildUser": "",
                "goVersion": "",
                "revision": option_env!("SHARDGATE_REVISION").unwrap_or_default(),
                "version": env!("CARGO_PKG_VERSION"),
            },
            "flags": flags,
            "start_time": humantime::format_rfc3339_nanos(self.started).to_string(),
        });
        if let Some(rules) = &self.rules {
            let rules = Arc::clone(&rules.borrow());
            status["rules"] = rules.rules().iter().map(rule).collect();
        }
        success(status)
    }
}

/// A rule as the file has it.
fn rule(rule: &Rule) -> Value {
    let settings = rule.settings().into_iter().map(|(key, value)| (key, value.into()));
    let settings: Map<String, Value> = std::iter::once(("match", rule.text.as_str().into()))
        .chain(settings)
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    settings.into()
}
