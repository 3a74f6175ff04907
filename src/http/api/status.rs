//! How the gateway was built and started.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::json::success;
use crate::config::Config;
use crate::http::reply::Reply;

/// What the status needs.
#[derive(Debug)]
pub(crate) struct BuildStatus {
    pub(crate) config: Arc<Config>,
    pub(crate) started: SystemTime,
}

impl BuildStatus {
    pub(crate) fn answer(&self) -> Reply {
        let flags = self.config.flags.iter();
        let flags: Map<String, Value> =
            flags.map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        success(json!({
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
        }))
    }
}
