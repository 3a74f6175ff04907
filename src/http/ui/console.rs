//! The push console: shows the command for a push, and checks an exposition that is pasted.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Incoming;
use memchr::memmem;

use crate::exposition::unescape;
use crate::http::failure::Failure;
use crate::http::push::check::Checked;
use crate::http::push::elsewhere::{Conflict, may_be_in};
use crate::http::push::format::Format;
use crate::http::push::prologue::Prologue;
use crate::http::reply::Reply;
use crate::http::ui::error_page::PageError;
use crate::http::ui::group_scan::GroupScans;
use crate::http::ui::page::html;
use crate::http::ui::site::Visitor;
use crate::percent;
use crate::push::GroupingKey;
use crate::shard::{GroupRef, GroupSummary, GroupView, Mode};
use crate::ui::{CheckPage, Found, Outcome, bytes, command, count_of, excerpt, job_in, start_of};

/// How large a form with an exposition may be, in bytes: more is nothing to paste.
const CONSOLE_BYTES_MAX: usize = 4 << 20;
/// How much of the pasted text the console shows again, in bytes. A byte may become five when it is escaped.
const SHOWN_AGAIN_BYTES_MAX: usize = 64 << 10;
/// The same for the path.
const PATH_SHOWN_BYTES_MAX: usize = 4 << 10;
/// How many groups may be the one in which a series is: their labels are all among its labels.
const HOLDERS_MAX: usize = 16;
/// If there are several, only those of at most so many bytes are looked at.
const LOOKED_AT_BYTES_MAX: u64 = 256 << 10;
/// The path of a push for which none is given.
const PATH_BY_DEFAULT: &str = "/job/some_job";

/// What the console needs.
#[derive(Debug)]
pub(crate) struct Console {
    pub(crate) prologue: Arc<Prologue>,
    pub(crate) scans: GroupScans,
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
        let key = match tail(&path) {
            Some(tail) => prologue.key(&tail),
            None => Err(Failure::bad_request("the path of a push begins with /job/NAME")),
        };
        let (mut denied, mut holder) = (None, None);
        let checked = match key {
            Ok(key) => {
                // Somebody who may only read can still check what others push.
                let may_push = visitor.caller.may_push_to(&unescape(key.job()));
                let (caller, own) = (may_push.is_ok().then_some(visitor.caller), key.clone());
                denied = may_push.err().map(|denied| denied.to_string());
                let (body, room) = (Bytes::from(exposition.clone()), prologue.room());
                let caller = caller.cloned().unwrap_or_default();
                let checked = prologue.check(key, mode.into(), Format::TEXT, body, room, &caller);
                match checked.await {
                    Ok(checked) => Ok(checked),
                    Err(Conflict { failure, series }) => {
                        if let Some(series) = series {
                            holder = self.holder(&series, &own).await;
                        }
                        Err(failure.to_string())
                    }
                }
            }
            Err(failure) => Err(failure.to_string()),
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
        let found = Found { outcome, holder, denied };
        Ok(self.show(visitor, &path, mode, &exposition, Some(found)))
    }

    /// The push path of the group in which this series is, if that is not the group `own`.
    async fn holder(&self, series: &str, own: &GroupingKey) -> Option<String> {
        let job = job_in(&series[series.find('{')? + 1..]).to_owned();
        let mut found: Vec<GroupSummary> = Vec::new();
        let turn = self.scans.each(vec![job], |group| {
            let key = &group.group.key;
            if found.len() < HOLDERS_MAX && **key != *own.text() && may_be_in(series, key) {
                found.push(group);
            }
        });
        drop(turn.await.ok()?);
        let holder = match &found[..] {
            [one] => (Arc::clone(&one.group.key), one.has_empty_instance),
            several => {
                let small = several.iter().filter(|group| group.bytes <= LOOKED_AT_BYTES_MAX);
                let small: Vec<GroupRef> = small.map(|group| group.group.clone()).collect();
                let views = self.prologue.storage.shards.views(&small).await.ok()?;
                let line = format!("{series} ");
                let is_in = |text: &[u8]| memmem::find(text, line.as_bytes()).is_some();
                let holds = |view: &&GroupView| view.families.iter().any(|held| is_in(&held.text));
                let found = views.iter().find(holds)?;
                (Arc::clone(&found.key), found.has_empty_instance)
            }
        };
        GroupingKey::from_text(&holder.0, holder.1).map(|key| key.path())
    }

    fn show(
        &self,
        visitor: &Visitor<'_>,
        path: &str,
        mode: Mode,
        exposition: &str,
        found: Option<Found>,
    ) -> Reply {
        let (url, replaces) = (visitor.url(), mode == Mode::Replace);
        let excerpt = match found.as_ref().map(|found| &found.outcome) {
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
        let page = CheckPage { frame, path, exposition, command, found, replaces, excerpt, cut };
        html(StatusCode::OK, &page)
    }
}

/// What follows `/metrics/job` in a push path as it was typed.
fn tail(path: &str) -> Option<Vec<u8>> {
    let path = path.trim();
    let path = path.strip_prefix("/metrics").unwrap_or(path);
    let tail = path.strip_prefix("/job").filter(|tail| tail.starts_with(['/', '@']))?;
    percent::decode(tail.as_bytes()).map(Cow::into_owned)
}
