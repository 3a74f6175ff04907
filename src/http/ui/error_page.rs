//! What somebody gets instead of the page that they asked for.

use std::fmt;

use hyper::StatusCode;

use super::Visitor;
use crate::access::Right;
use crate::http::Http;
use crate::http::reply::{Failure, Reply};

/// Why there is another page.
pub(super) enum Instead {
    /// It could not be done.
    Failed(Failure),
    /// The request makes no sense, for this reason.
    Misunderstood(String),
    /// The form may come from another site.
    NotOurs,
    /// It takes the admin API.
    NotEnabled,
}

impl<E: Into<Failure>> From<E> for Instead {
    fn from(error: E) -> Instead {
        Instead::Failed(error.into())
    }
}

impl Instead {
    /// For a request that makes no sense.
    pub(super) fn misunderstood(reason: impl fmt::Display) -> Instead {
        Instead::Misunderstood(reason.to_string())
    }
}

impl Http {
    /// The page itself.
    pub(super) fn instead(&self, visitor: &Visitor<'_>, instead: &Instead) -> Reply {
        let (status, title, text) = match instead {
            Instead::Failed(failure) => return self.failed(visitor, failure),
            Instead::Misunderstood(reason) => {
                (StatusCode::BAD_REQUEST, "That is not understood", &**reason)
            }
            Instead::NotOurs => (
                StatusCode::FORBIDDEN,
                "Nothing was done",
                "This form does not come from a page that this gateway has made for you since it \
                 was started. Go back, reload the page, and try again.",
            ),
            Instead::NotEnabled => (
                StatusCode::FORBIDDEN,
                "Nothing was done",
                "Deleting more than single groups needs --web.enable-admin-api.",
            ),
        };
        self.message(visitor, status, title, text)
    }

    /// Goes on only with a form that is ours.
    pub(super) fn must_be_ours(&self, visitor: &Visitor<'_>, token: &str) -> Result<(), Instead> {
        if self.is_ours(visitor, token) { Ok(()) } else { Err(Instead::NotOurs) }
    }

    /// Goes on only for who may administer, where anybody may.
    pub(super) fn must_administer(&self, visitor: &Visitor<'_>) -> Result<(), Instead> {
        if !self.config.web.enable_admin_api {
            return Err(Instead::NotEnabled);
        }
        Ok(visitor.caller.may(Right::Admin).map_err(Failure::Denied)?)
    }
}
