//! The push console.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::HOST;

use super::Visitor;
use super::error_page::Instead;
use super::page::html;
use crate::http::Http;
use crate::http::push::check::{Candidate, Checked};
use crate::http::reply::Reply;
use crate::percent;
use crate::push::Encoding;
use crate::shard::Mode;
use crate::ui::{CheckPage, Outcome, bytes, command, count_of, start_of};

/// How large a form with an exposition may be, in bytes: more is nothing to paste.
pub(super) const CONSOLE_BYTES_MAX: usize = 4 << 20;
/// Where a push goes when nobody says otherwise.
/// How much of what was typed the console shows again, in bytes. Escaped, a byte may become five.
pub(super) const SHOWN_AGAIN_BYTES_MAX: usize = 64 << 10;
/// The same for the path.
const PATH_SHOWN_BYTES_MAX: usize = 4 << 10;
const PATH_BY_DEFAULT: &str = "/job/some_job";

impl Http {
    /// The empty console, perhaps for a certain group.
    pub(super) fn console(&self, visitor: &Visitor<'_>, query: &str) -> Result<Reply, Instead> {
        let path = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "path");
        let path = path.map_or(PATH_BY_DEFAULT.to_owned(), |(_, path)| path.into_owned());
        Ok(self.console_with(visitor, &path, "", None))
    }

    /// Checks what was pasted.
    pub(super) async fn check_form(
        &self,
        visitor: &Visitor<'_>,
        body: &mut Incoming,
    ) -> Result<Reply, Instead> {
        let (body, _until_shown) = self.form_body(body, CONSOLE_BYTES_MAX).await?;
        let (mut token, mut path, mut exposition) = Default::default();
        for (name, value) in form_urlencoded::parse(&body) {
            match &*name {
                "token" => token = value.into_owned(),
                "path" => path = value.into_owned(),
                // So browsers end the lines of what is typed.
                "exposition" => exposition = value.replace("\r\n", "\n"),
                _ => {}
            }
        }
        self.must_be_ours(visitor, &token)?;
        // What is typed ends where its last line does. One line that is a comment is a file that lost its line ends.
        let is_comment = exposition.trim_start().starts_with('#') && !exposition.contains('\n');
        if !exposition.is_empty() && !exposition.ends_with('\n') && !is_comment {
            exposition.push('\n');
        }
        let checked = match self.tail(&path) {
            Some(tail) => {
                let body = Bytes::from(exposition.clone());
                let (is_protobuf, encoding) = (false, Encoding::Identity);
                self.check(Candidate { tail, mode: Mode::Add, is_protobuf, encoding, body })
                    .await
                    .map_err(|failure| failure.to_string())
            }
            None => Err("the path of a push begins with /job/NAME".to_owned()),
        };
        let outcome = match checked {
            Ok(Checked { families, series, samples }) => Outcome::Accepted(format!(
                "{}, {}, {}",
                count_of(families as u64, "family", "families"),
                count_of(series as u64, "series", "series"),
                count_of(samples, "sample", "samples"),
            )),
            Err(reason) => Outcome::Rejected(reason),
        };
        Ok(self.console_with(visitor, &path, &exposition, Some(outcome)))
    }

    /// What follows `/metrics/job` in a push path that somebody has typed.
    fn tail(&self, path: &str) -> Option<Vec<u8>> {
        let path = path.trim();
        let path = path.strip_prefix("/metrics").unwrap_or(path);
        let tail = path.strip_prefix("/job").filter(|tail| tail.starts_with(['/', '@']))?;
        percent::decode(tail.as_bytes()).map(Cow::into_owned)
    }

    fn console_with(
        &self,
        visitor: &Visitor<'_>,
        path: &str,
        exposition: &str,
        outcome: Option<Outcome>,
    ) -> Reply {
        let host = visitor.headers.get(HOST).and_then(|host| host.to_str().ok());
        let scheme = if self.is_tls { "https" } else { "http" };
        let url = match self.external_url().trim_end_matches('/') {
            "" => format!("{scheme}://{}{}", host.unwrap_or("localhost:9091"), visitor.prefix),
            url => url.to_owned(),
        };
        let path = start_of(path, PATH_SHOWN_BYTES_MAX);
        let command = command(&url, path.trim());
        let sent_bytes = exposition.len();
        let exposition = start_of(exposition, SHOWN_AGAIN_BYTES_MAX);
        let cut = (exposition.len() < sent_bytes).then(|| {
            format!(
                "All {} were checked. Only the first {} are shown below.",
                bytes(sent_bytes as u64),
                bytes(exposition.len() as u64)
            )
        });
        let frame = self.frame(visitor, "/check");
        html(StatusCode::OK, &CheckPage { frame, path, exposition, command, outcome, cut })
    }
}
