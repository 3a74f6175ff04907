//! The error pages.

use std::fmt;

use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;

use crate::access::Right;
use crate::http::failure::Failure;
use crate::http::reply::Reply;
use crate::http::request::admission::count_denied;
use crate::http::ui::site::Visitor;

/// Why a page cannot be shown, or a form is not acted upon.
pub(crate) enum PageError {
    Failed(Failure),
    /// The request makes no sense, for this reason.
    Misunderstood(String),
    /// The form may come from another site.
    NotOurs,
    /// The form comes from a page at another address than this gateway was asked at.
    OtherHost {
        /// The site of the page, as the browser names it.
        origin: String,
        /// The host that the request is for.
        host: String,
    },
    /// The admin API is not enabled.
    NotEnabled,
}

impl<E: Into<Failure>> From<E> for PageError {
    fn from(error: E) -> PageError {
        PageError::Failed(error.into())
    }
}

impl PageError {
    /// For a request that makes no sense.
    pub(super) fn misunderstood(reason: impl fmt::Display) -> PageError {
        PageError::Misunderstood(reason.to_string())
    }
}

const NOT_OURS: &str = "This form does not come from a page that this gateway has made for you since it was started. \
                        Go back, reload the page, and try again.";
const NOT_ENABLED: &str = "Deleting more than single groups needs --web.enable-admin-api.";

impl Visitor<'_> {
    pub(crate) fn error_page(&self, error: &PageError) -> Reply {
        let (status, title, text) = match error {
            PageError::Failed(failure) => return self.failed(failure),
            PageError::Misunderstood(reason) => {
                (StatusCode::BAD_REQUEST, "That is not understood", &**reason)
            }
            PageError::NotOurs => (StatusCode::FORBIDDEN, "Nothing was done", NOT_OURS),
            PageError::OtherHost { origin, host } => {
                let text = format!(
                    "This form comes from {origin}, and the gateway was asked as {host}. A proxy between them has probably \
                     changed the Host header: start the gateway with --web.external-url={origin} and its path, if it has one, \
                     or let the proxy pass the header on."
                );
                return self.message(StatusCode::FORBIDDEN, "Nothing was done", &text);
            }
            PageError::NotEnabled => (StatusCode::FORBIDDEN, "Nothing was done", NOT_ENABLED),
        };
        self.message(status, title, text)
    }

    /// A failure as a page, with the status and headers that it has everywhere.
    fn failed(&self, failure: &Failure) -> Reply {
        count_denied(&self.site.access, failure);
        let mut plain = Reply::from(failure);
        let text = failure.to_string();
        let mut reply = self.message(plain.status(), "That did not work", &text);
        reply.extensions_mut().extend(std::mem::take(plain.extensions_mut()));
        for (name, value) in plain.headers() {
            if *name != CONTENT_TYPE {
                reply.headers_mut().insert(name, value.clone());
            }
        }
        reply
    }

    /// Goes on only for a client that may administer, where the admin API is enabled.
    pub(super) fn must_administer(&self) -> Result<(), PageError> {
        if !self.site.config.web.enable_admin_api {
            return Err(PageError::NotEnabled);
        }
        Ok(self.caller.may(Right::Admin)?)
    }
}
