//! The push console: shows the command for a push, and checks an exposition that is pasted.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Incoming;

use crate::http::failure::Failure;
use crate::http::push::check::Checked;
use crate::http::push::format::Format;
use crate::http::push::prologue::Prologue;
use crate::http::reply::Reply;
use crate::http::ui::error_page::PageError;
use crate::http::ui::page::html;
use crate::http::ui::site::Visitor;
use crate::percent;
use crate::push::GroupingKey;
use crate::shard::{GroupRef, GroupView, Mode};
use crate::ui::{CheckPage, Outcome, bytes, command, count_of, excerpt, start_of};

/// How large a form with an exposition may be, in bytes: more is nothing to paste.
const CONSOLE_BYTES_MAX: usize = 4 << 20;
/// How much of the pasted text the console shows again, in bytes. A byte may become five when it is escaped.
const SHOWN_AGAIN_BYTES_MAX: usize = 64 << 10;
/// The same for the path.
const PATH_SHOWN_BYTES_MAX: usize = 4 << 10;
/// How many groups are searched for the one that is in the way of a push,
const LOOKED_AT_MAX: usize = 5000;
/// how many of them at a time,
const LOOKED_AT_AT_A_TIME: usize = 16;
/// and how large each of them may be, in bytes.
const LOOKED_AT_BYTES_MAX: u64 = 256 << 10;
/// The path of a push for which none is given.
const PATH_BY_DEFAULT: &str = "/job/some_job";

/// What the console needs.
#[derive(Debug)]
pub(crate) struct Console {
    pub(crate) prologue: Arc<Prologue>,
}

impl Console {
    /// The empty console, perhaps for a certain group.
    pub(crate) fn page(&self, visitor: &Visitor<'_>, query: &str) -> Result<Reply, PageError> {
        let path = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "path");
        let path = path.map_or(PATH_BY_DEFAULT.to_owned(), |(_, path)| path.into_owned());
        Ok(self.show(visitor, &path, Mode::Add, "", None))
    }

    /// Checks the pasted exposition.
    pub(crate) async fn check(
        &self,
        visitor: &Visitor<'_>,
        body: &mut Incoming,
    ) -> Result<Reply, PageError> {
        let prologue = &self.prologue;
        let (body, _until_shown) = prologue.read(body, CONSOLE_BYTES_MAX).await?;
        let (mut token, mut path, mut exposition): (String, String, String) = Default::default();
        let mut mode = Mode::Add;
        for (name, value) in form_urlencoded::parse(&body) {
            match &*name {
                "token" => token = value.into_owned(),
                "path" => path = value.into_owned(),
                "method" if value == "PUT" => mode = Mode::Replace,
                // Browsers end the lines of a form with CR LF.
                "exposition" => exposition = value.replace("\r\n", "\n"),
                _ => {}
            }
        }
        visitor.must_be_ours(&token)?;
        // Pasted text may lack its last line end. A single line that is a comment is a file that has lost its line ends.
        let is_comment = exposition.trim_start().starts_with('#') && !exposition.contains('\n');
        if !exposition.is_empty() && !exposition.ends_with('\n') && !is_comment {
            exposition.push('\n');
        }
        let checked = match tail(&path) {
            Some(tail) => {
                let body = Bytes::from(exposition.clone());
                let checked = async {
                    let key = prologue.key(&tail)?;
                    prologue.check(key, mode, Format::TEXT, body, prologue.room()).await
                };
                checked.await.map_err(|failure: Failure| failure.to_string())
            }
            None => Err("the path of a push begins with /job/NAME".to_owned()),
        };
        let holder = match &checked {
            Err(reason) => self.holder(reason, &tail(&path).unwrap_or_default()).await,
            Ok(_) => None,
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
        Ok(self.show(visitor, &path, mode, &exposition, Some((outcome, holder))))
    }

    /// The push path of another group that holds the family that `reason` names, if one of the first groups does.
    async fn holder(&self, reason: &str, own: &[u8]) -> Option<String> {
        let family = in_the_way(reason)?;
        let own = self.prologue.key(own).ok();
        let shards = &self.prologue.storage.shards;
        let (mut groups, mut looked_at) = (shards.scan(Vec::new()).await.ok()?, 0);
        while let Some(next) = groups.next().await.ok()? {
            let small = next.into_iter().filter(|group| group.bytes <= LOOKED_AT_BYTES_MAX);
            let small: Vec<GroupRef> = small.map(|summary| summary.group).collect();
            for some in small.chunks(LOOKED_AT_AT_A_TIME) {
                let views = shards.views(some).await.ok()?;
                let holds = |view: &&GroupView| {
                    let is_own = own.as_ref().is_some_and(|own| own.text() == &*view.key);
                    !is_own && view.families.iter().any(|held| *held.name == *family)
                };
                if let Some(found) = views.iter().find(holds) {
                    let key = GroupingKey::from_text(&found.key, found.has_empty_instance);
                    return key.map(|key| key.path());
                }
                looked_at += some.len();
                if looked_at >= LOOKED_AT_MAX {
                    return None;
                }
            }
        }
        None
    }

    fn show(
        &self,
        visitor: &Visitor<'_>,
        path: &str,
        mode: Mode,
        exposition: &str,
        checked: Option<(Outcome, Option<String>)>,
    ) -> Reply {
        let (url, replaces) = (visitor.url(), mode == Mode::Replace);
        let (outcome, holder) =
            checked.map_or((None, None), |(outcome, holder)| (Some(outcome), holder));
        let excerpt = match &outcome {
            Some(Outcome::Rejected(reason)) => excerpt(exposition, reason),
            _ => Vec::new(),
        };
        let path = start_of(path, PATH_SHOWN_BYTES_MAX);
        let command = command(if replaces { "PUT" } else { "POST" }, &url, path.trim());
        let sent_bytes = exposition.len();
        let exposition = start_of(exposition, SHOWN_AGAIN_BYTES_MAX);
        let cut = (exposition.len() < sent_bytes).then(|| {
            format!(
                "All {} were checked. Only the first {} are shown below.",
                bytes(sent_bytes as u64),
                bytes(exposition.len() as u64)
            )
        });
        let frame = visitor.frame("/check");
        let page =
            CheckPage { frame, path, exposition, command, outcome, holder, replaces, excerpt, cut };
        html(StatusCode::OK, &page)
    }
}

/// The family that an error names as inconsistent with what is stored.
fn in_the_way(reason: &str) -> Option<&str> {
    let (_, behind) =
        reason.split_once("inconsistent with existing metrics")?.1.split_once("family \"")?;
    behind.split('"').next()
}

/// What follows `/metrics/job` in a push path as it was typed.
fn tail(path: &str) -> Option<Vec<u8>> {
    let path = path.trim();
    let path = path.strip_prefix("/metrics").unwrap_or(path);
    let tail = path.strip_prefix("/job").filter(|tail| tail.starts_with(['/', '@']))?;
    percent::decode(tail.as_bytes()).map(Cow::into_owned)
}
