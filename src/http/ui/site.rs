//! What all pages need: the site, its visitor, the frame of a page, and the message page.

use std::sync::Arc;

use hyper::header::HOST;
use hyper::{HeaderMap, StatusCode};

use crate::access::{Access, Caller};
use crate::config::Config;
use crate::http::api::sd::external_url;
use crate::http::reply::Reply;
use crate::http::ui::page::html;
use crate::http::ui::token::Tokens;
use crate::percent;
use crate::ui::{self, Frame, ManualPage, MessagePage};

/// What all pages share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) config: Arc<Config>,
    pub(crate) access: Arc<Access>,
    pub(crate) tokens: Tokens,
    /// Whether connections begin with a TLS handshake.
    pub(crate) is_tls: bool,
}

/// The client that asks for a page, and what goes into the page for it.
pub(crate) struct Visitor<'a> {
    pub(super) site: &'a Site,
    pub(super) caller: &'a Caller,
    pub(super) headers: &'a HeaderMap,
    pub(super) name: String,
    token: String,
    /// What all paths begin with as seen from outside, percent-encoded; empty for nothing.
    pub(super) prefix: String,
}

impl Site {
    /// Whether there are rules by which groups may expire.
    pub(super) fn has_rules(&self) -> bool {
        self.config.rules.file.is_some()
    }

    pub(crate) fn visitor<'a>(&'a self, headers: &'a HeaderMap, caller: &'a Caller) -> Visitor<'a> {
        let name = caller.to_string();
        let token = self.tokens.token(&name);
        let prefix = percent::encode(self.config.web.external_prefix.as_bytes());
        Visitor { site: self, caller, headers, name, token, prefix }
    }
}

impl Visitor<'_> {
    /// The URL of this gateway, without a slash at its end, as the visitor can use it.
    pub(super) fn url(&self) -> String {
        let host = self.headers.get(HOST).and_then(|host| host.to_str().ok());
        let scheme = if self.site.is_tls { "https" } else { "http" };
        match external_url(&self.site.config).trim_end_matches('/') {
            "" => format!("{scheme}://{}{}", host.unwrap_or("localhost:9091"), self.prefix),
            url => url.to_owned(),
        }
    }

    pub(super) fn frame(&self, section: &'static str) -> Frame<'_> {
        Frame {
            prefix: &self.prefix,
            telemetry_path: &self.site.config.web.telemetry_path,
            is_admin: self.site.config.web.enable_admin_api,
            section,
            token: &self.token,
        }
    }

    /// A page of the manual; `path` is what follows `/manual/`.
    pub(crate) fn manual(&self, path: &[u8]) -> Reply {
        let path = std::str::from_utf8(path).unwrap_or("?");
        match ui::manual(path, &self.prefix) {
            Some(page) => html(StatusCode::OK, &ManualPage { frame: self.frame(""), page }),
            None => {
                let text = "The manual has no such page.";
                self.message(StatusCode::NOT_FOUND, "No such page", text)
            }
        }
    }

    /// A page that says one thing.
    pub(crate) fn message(&self, status: StatusCode, title: &str, text: &str) -> Reply {
        html(status, &MessagePage { frame: self.frame(""), title, text })
    }
}
