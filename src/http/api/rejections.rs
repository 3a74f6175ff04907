//! The last rejections, for programs.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::json::{failed, success, time_stamp};
use crate::http::reply::Reply;
use crate::rejections::{Rejection, RejectionFilter, Rejections};

/// What answers for rejections.
#[derive(Debug)]
pub(crate) struct RejectionsApi {
    pub(crate) rejections: Arc<Rejections>,
}

/// A rejection. A text that is not known is `null`.
#[derive(Serialize)]
struct Shown<'a> {
    number: u64,
    time: String,
    method: &'a str,
    path: &'a str,
    job: Option<&'a str>,
    source: &'a str,
    user: Option<&'a str>,
    status: u16,
    reason: &'a str,
    request_id: &'a str,
}

impl<'a> From<&'a Rejection> for Shown<'a> {
    fn from(rejection: &'a Rejection) -> Shown<'a> {
        fn known(text: &str) -> Option<&str> {
            Some(text).filter(|text| !text.is_empty())
        }
        Shown {
            number: rejection.number,
            time: time_stamp(rejection.time),
            method: &rejection.method,
            path: &rejection.path,
            job: known(&rejection.job),
            source: &rejection.source,
            user: known(&rejection.user),
            status: rejection.status,
            reason: &rejection.reason,
            request_id: &rejection.request_id,
        }
    }
}

impl RejectionsApi {
    /// The rejections that the query asks for, newest first.
    pub(crate) fn answer(&self, query: &str) -> Reply {
        let filter = match RejectionFilter::parse(query) {
            Ok(filter) => filter,
            Err(reason) => return failed(StatusCode::BAD_REQUEST, reason),
        };
        let (kept, total) = self.rejections.all();
        let taken = kept.iter().filter(|rejection| filter.takes(rejection));
        let shown = taken.take(filter.limit.unwrap_or(usize::MAX));
        let shown: Vec<Shown<'_>> = shown.map(|rejection| Shown::from(&**rejection)).collect();
        success(json!({ "rejections": shown, "kept": kept.len(), "total": total }))
    }
}
