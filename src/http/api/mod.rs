//! The query API, in the reference's shapes.

mod check;
mod history;
mod metrics;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, HeaderValue,
};
use serde_json::json;

use super::Http;
use super::reply::{Failure, Reply, empty, with_type};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Http {
    /// How the gateway was built and started.
    pub(super) fn api_status(&self) -> Reply {
        let flags: serde_json::Map<String, serde_json::Value> = self
            .config
            .flags
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
            .collect();
        let answer = json!({
            "status": "success",
            "data": {
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
            },
        });
        with_cors(with_type(StatusCode::OK, JSON, Bytes::from(answer.to_string()).into()))
    }

    /// Every group with everything it holds.
    pub(super) async fn api_metrics(&self) -> Reply {
        let viewed = async {
            self.readable()?;
            Ok::<_, Failure>(self.shards.view().await?)
        };
        let groups = match viewed.await {
            Ok(groups) => groups,
            Err(failure) => return with_cors(Reply::from(&failure)),
        };
        let writing = tokio::task::spawn_blocking(move || metrics::write(&groups));
        let body = writing.await.expect("writing JSON does not panic and is not aborted");
        with_cors(with_type(StatusCode::OK, JSON, Bytes::from(body).into()))
    }

    /// What a browser asks before it lets a page of another site call the API.
    pub(super) fn api_options(&self) -> Reply {
        with_cors(empty(StatusCode::OK))
    }
}

/// Lets pages of any site read the answer, and no cache keep it.
fn with_cors(mut reply: Reply) -> Reply {
    let headers = [
        (ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE, OPTIONS"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
        (CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
    ];
    for (name, value) in headers {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}
