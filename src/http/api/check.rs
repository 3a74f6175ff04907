//! Whether a push would be applied, for who wants to know before.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, StatusCode};
use serde_json::json;

use super::JSON;
use crate::http::Http;
use crate::http::body::chunks::collect;
use crate::http::body::in_flight::Room;
use crate::http::push::check::{Candidate, Checked};
use crate::http::push::endpoint::{encoding, is_protobuf};
use crate::http::reply::{Failure, Reply, error, with_type};
use crate::parameters::{ParameterError, Words, parameters};
use crate::shard::Mode;

/// The job of a push for which the query names none.
const JOB_BY_DEFAULT: &[u8] = b"/check";

impl Http {
    /// Checks a body as if it were pushed. Nothing is stored, and no failure noted.
    pub(in crate::http) async fn api_check(
        &self,
        query: &str,
        headers: &HeaderMap,
        body: &mut Incoming,
    ) -> Reply {
        let (mode, tail) = match group(query) {
            Ok(group) => group,
            Err(reason) => return refused(error(StatusCode::BAD_REQUEST, &reason), &reason),
        };
        let bytes_max = self.config.bounds.body_bytes_max;
        let checked = async {
            let mut room = Room::of(&*self.in_flight);
            let wait = self.config.web.body_wait;
            let body = collect(body, bytes_max, &mut room, wait).await.map_err(Failure::Body)?;
            let is_protobuf = is_protobuf(headers);
            let encoding = encoding(headers);
            self.check(Candidate { tail, mode, is_protobuf, encoding, body }).await
        };
        match checked.await {
            Ok(Checked { families, series, samples }) => {
                let data = json!({ "families": families, "series": series, "samples": samples });
                let body = json!({ "status": "success", "data": data }).to_string();
                with_type(StatusCode::OK, JSON, Bytes::from(body).into())
            }
            Err(failure) => refused(Reply::from(&failure), &failure),
        }
    }
}

/// What a push would be answered, in the shape that the API gives errors.
fn refused(mut reply: Reply, reason: &impl fmt::Display) -> Reply {
    let error_type = match reply.status() {
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        status if status.is_server_error() => "internal",
        _ => "bad_data",
    };
    let error = reason.to_string();
    let body = json!({ "status": "error", "errorType": error_type, "error": error }).to_string();
    *reply.body_mut() = Bytes::from(body).into();
    reply.headers_mut().insert(CONTENT_TYPE, JSON);
    reply
}

const METHODS: Words<Mode, 4> = (
    "PUT or POST",
    [("PUT", Mode::Replace), ("put", Mode::Replace), ("POST", Mode::Add), ("post", Mode::Add)],
);

/// The group that the push would go to, as its path has it behind `/metrics/job`, and how. Parameters that
/// are not known mean nothing here.
fn group(query: &str) -> Result<(Mode, Vec<u8>), ParameterError> {
    let (mut mode, mut tail) = (Mode::Add, None);
    for parameter in parameters(query) {
        let group = match parameter.name() {
            "job" => {
                let job = BASE64_URL_SAFE_NO_PAD.encode(parameter.value());
                format!("@base64/{job}").into_bytes()
            }
            "path" => parameter.read("/job/NAME/LABEL/VALUE...", |path| {
                let tail = path.strip_prefix("/metrics").unwrap_or(path).strip_prefix("/job")?;
                let is_tail = tail.starts_with('/') || tail.starts_with("@base64/");
                is_tail.then(|| tail.into())
            })?,
            "method" => {
                mode = parameter.word(&METHODS)?;
                continue;
            }
            _ => continue,
        };
        if tail.replace(group).is_some() {
            let problem = "parameters job and path: expected one of them, once";
            return Err(ParameterError(problem.to_owned()));
        }
    }
    Ok((mode, tail.unwrap_or_else(|| JOB_BY_DEFAULT.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_names_the_group() {
        let group = |query: &str| {
            group(query).map(|(mode, tail)| format!("{mode:?} {}", String::from_utf8_lossy(&tail)))
        };
        assert_eq!(group("").as_deref(), Ok("Add /check"));
        assert_eq!(group("path=/job/a/x/1&method=PUT").as_deref(), Ok("Replace /a/x/1"));
        assert_eq!(group("path=/metrics/job@base64/YQ&_=1").as_deref(), Ok("Add @base64/YQ"));
        assert_eq!(group("path=%2Fjob%2Fa%20b").as_deref(), Ok("Add /a b"));
        assert_eq!(group("job=a/b&method=post").as_deref(), Ok("Add @base64/YS9i"));
        for path in ["", "/a", "/jobs/a", "/job", "job/a", "/metrics"] {
            let error = group(&format!("path={path}")).expect_err(path).to_string();
            let expected = "expected /job/NAME/LABEL/VALUE...";
            assert_eq!(error, format!("parameter path: {expected}, got {path:?}"));
        }
        for (query, said) in [
            ("job=a&path=/job/a", "parameters job and path: expected one of them, once"),
            ("method=GET", r#"parameter method: expected PUT or POST, got "GET""#),
        ] {
            assert_eq!(group(query).expect_err(query).to_string(), said);
        }
    }
}
