//! Whether a push would be applied, for clients that ask before they push.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hyper::StatusCode;
use serde_json::json;

use super::json::{failed, success};
use crate::exposition::unescape;
use crate::http::failure::Cause;
use crate::http::push::check::Checked;
use crate::http::push::format::Format;
use crate::http::push::prologue::Prologue;
use crate::http::reply::Reply;
use crate::http::request::admission::Request;
use crate::parameters::{ParameterError, Words, parameters};
use crate::shard::{How, Mode};

/// The job of a push for which the query names none.
const JOB_BY_DEFAULT: &[u8] = b"/check";

/// What checking a push over the API needs.
#[derive(Debug)]
pub(crate) struct CheckApi {
    pub(crate) prologue: Arc<Prologue>,
}

impl CheckApi {
    /// Checks a body as if its sender pushed it. Nothing is stored, no failure noted, and nothing taken from a quota.
    pub(crate) async fn answer(&self, request: Request<'_>) -> Reply {
        let (mode, tail) = match group(request.query()) {
            Ok(group) => group,
            Err(reason) => return failed(StatusCode::BAD_REQUEST, reason),
        };
        let (prologue, caller) = (&self.prologue, &request.sender.caller);
        let headers = request.headers();
        let checked = async {
            let key = prologue.key(&tail)?;
            caller.may_push_to(&unescape(key.job()))?;
            let format = Format::of(headers)?;
            let bytes_max = caller.body_bytes_max(prologue.body_bytes_max());
            let (body, room) = prologue.read(request.body, bytes_max).await?;
            let how = How { mode, asked: prologue.asked(&key, mode, headers)? };
            let checked = prologue.check(key, how, format, body, room, caller).await;
            checked.map_err(|conflict| conflict.failure)
        };
        match checked.await {
            Ok(Checked { families, series, samples }) => {
                success(json!({ "families": families, "series": series, "samples": samples }))
            }
            Err(failure) => {
                let quota = caller.denied_size(prologue.body_bytes_max());
                let failure = match (failure.cause(), quota) {
                    (Cause::TooLarge, Some(denied)) => denied.into(),
                    _ => failure,
                };
                // With the status and the headers that the push would get.
                let mut reply = Reply::from(&failure);
                let json = failed(reply.status(), &failure);
                reply.headers_mut().extend(json.headers().clone());
                *reply.body_mut() = json.into_body();
                reply
            }
        }
    }
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
