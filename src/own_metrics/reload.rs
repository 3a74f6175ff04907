//! Whether the last change of a file of settings is in effect.

use std::sync::{Mutex, PoisonError};

use super::table::family;
use crate::scrape::OwnFamily;
use crate::shard::Timestamp;

/// The families of the policy file, of the rules, and of the web configuration.
pub(super) const POLICY: [&str; 2] =
    ["shardgate_policy_last_reload_success_timestamp_seconds", "shardgate_policy_reload_failed"];
pub(super) const RULES: [&str; 2] =
    ["shardgate_rules_last_reload_success_timestamp_seconds", "shardgate_rules_reload_failed"];
pub(super) const WEB_CONFIG: [&str; 2] = [
    "shardgate_web_config_last_reload_success_timestamp_seconds",
    "shardgate_web_config_reload_failed",
];

/// Whether what the files of a setting say is in effect. Only scrapes and reloads look at it.
#[derive(Debug, Default)]
pub struct ReloadStatus {
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    has_failed: bool,
    /// `None` while nothing is reloaded at all.
    succeeded: Option<Timestamp>,
}

impl ReloadStatus {
    /// Notes that what the files say has been applied.
    pub fn succeeded(&self) {
        let state = State { has_failed: false, succeeded: Some(Timestamp::now()) };
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Notes that what the files say now cannot be applied.
    pub fn failed(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).has_failed = true;
    }

    /// Whether what the files say now cannot be applied.
    #[cfg(test)]
    pub(crate) fn has_failed(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).has_failed
    }

    /// Whether there is a setting.
    pub(super) fn is_used(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).succeeded.is_some()
    }

    /// The families of a setting, where there is one.
    pub(super) fn families(&self, [success, failed]: [&'static str; 2]) -> Vec<OwnFamily> {
        let State { has_failed, succeeded } =
            *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(succeeded) = succeeded else { return Vec::new() };
        let failed = family(failed).value(f64::from(u8::from(has_failed)));
        vec![family(success).value(succeeded.seconds()), failed]
    }
}
