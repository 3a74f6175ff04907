//! Puts one group into the target.

use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;

use super::group::SourceGroup;
use crate::client::{Answer, ClientError, Connection};

/// How many tries a group gets.
pub const TRIES_MAX: u32 = 5;
/// The longest wait before the next try that a target may ask for. A target that asks for more has no room.
pub const RETRY_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long to wait where it does not say.
const RETRY_WAIT: Duration = Duration::from_secs(1);

const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// How groups get there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// With their times; one that is newer there may be kept.
    WithTimes {
        /// Whether it is.
        keeps_newer: bool,
    },
    /// As pushes, which sets their push time to now.
    AsPushes {
        /// Whether one that was newer there at the beginning is kept.
        keeps_newer: bool,
    },
}

/// What has become of a group.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Copied,
    /// The one there had the same push times; it has been written again.
    Unchanged,
    /// The one there is newer, and has been left alone.
    Newer,
    Failed(String),
}

/// Why no group can be put there.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It cannot be asked.
    #[error(transparent)]
    Client(ClientError),
    /// The target rejects such requests.
    #[error("answers {}: {}", .0.status, .0.line)]
    Refused(Answer),
    /// It does not know how.
    #[error(
        "answers 404: it takes groups with their times only if it is a shardgate with --web.enable-admin-api"
    )]
    NoAdminApi,
}

/// Puts a group there.
pub(super) async fn place(
    target: &mut Connection,
    way: Way,
    group: SourceGroup,
) -> Result<Outcome, TargetError> {
    let path = request_path(way, &group);
    let body = Bytes::from(group.body);
    let mut tries = 0;
    loop {
        tries += 1;
        let answer = match target.put(&path, PROTOBUF, body.clone()).await {
            Ok(answer) => answer,
            // It may not want to read this one to its end.
            Err(error @ ClientError::Broken(_)) if tries == TRIES_MAX => {
                return Ok(Outcome::Failed(error.to_string()));
            }
            // Its path is too long.
            Err(error @ ClientError::Request(_)) => return Ok(Outcome::Failed(error.to_string())),
            Err(error) if tries == TRIES_MAX => return Err(TargetError::Client(error)),
            Err(_) => {
                tokio::time::sleep(RETRY_WAIT).await;
                continue;
            }
        };
        match answer.status {
            StatusCode::OK | StatusCode::ACCEPTED => return Ok(Outcome::Copied),
            StatusCode::CONFLICT => return Ok(Outcome::Newer),
            StatusCode::UNAUTHORIZED => return Err(TargetError::Refused(answer)),
            StatusCode::NOT_FOUND => {
                return Err(match way {
                    Way::WithTimes { .. } => TargetError::NoAdminApi,
                    Way::AsPushes { .. } => TargetError::Refused(answer),
                });
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                let wait = answer.retry_after.unwrap_or(RETRY_WAIT);
                if tries < TRIES_MAX && wait <= RETRY_WAIT_MAX {
                    tokio::time::sleep(wait).await;
                    continue;
                }
            }
            _ => {}
        }
        return Ok(Outcome::Failed(format!("{} {}", answer.status.as_str(), answer.line)));
    }
}

fn request_path(way: Way, group: &SourceGroup) -> String {
    let path = group.key.path();
    match way {
        Way::AsPushes { .. } => format!("/metrics{path}"),
        Way::WithTimes { keeps_newer } => {
            let (pushed, failed) = (group.pushed.seconds(), group.failed.seconds());
            format!(
                "/api/v1/admin/groups{path}?push_time={pushed}&push_failure_time={failed}&keep_newer={keeps_newer}"
            )
        }
    }
}
