//! The forms that delete. Each first shows what it would delete, and deletes it once that is confirmed.

use std::borrow::Cow;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::body::Incoming;

use crate::exposition::{NameRules, unescape};
use crate::http::push::prologue::Prologue;
use crate::http::reply::Reply;
use crate::http::ui::error_page::PageError;
use crate::http::ui::group_scan::GroupScans;
use crate::http::ui::page::{html, see_other};
use crate::http::ui::site::Visitor;
use crate::listen::Client;
use crate::push::GroupingKey;
use crate::shard::{GroupSummary, Timestamp};
use crate::ui::{ConfirmPage, Filter, GroupLine, NAMED_MAX, Row, count_of, start_of};

/// How large a form may be, in bytes.
const FORM_BYTES_MAX: usize = 1 << 20;
/// How many groups a form may name.
const SELECTED_MAX: usize = 1000;
/// How much of a path an error quotes, in bytes.
const QUOTED_BYTES_MAX: usize = 200;

/// A form that is ours.
#[derive(Default)]
struct Fields {
    /// Whether it was confirmed.
    is_sure: bool,
    /// Which groups are deleted: `selected` or `matching`.
    what: String,
    /// Groups, each as what follows `/metrics` in its push path.
    groups: Vec<String>,
    /// The query whose groups are deleted.
    matching: String,
}

/// What the forms need.
#[derive(Debug)]
pub(crate) struct Forms {
    pub(crate) scans: GroupScans,
    pub(crate) prologue: Arc<Prologue>,
    pub(crate) name_rules: NameRules,
}

impl Forms {
    /// Deletes the selected groups, or all groups that match a filter.
    pub(crate) async fn delete(
        &self,
        visitor: &Visitor<'_>,
        body: &mut Incoming,
        client: &Client,
    ) -> Result<Reply, PageError> {
        let fields = self.fields(visitor, body).await?;
        let found = if fields.what == "matching" {
            visitor.must_administer()?;
            let filter = Filter::parse(&fields.matching).map_err(PageError::misunderstood)?;
            if !filter.is_narrow() {
                return Err(PageError::misunderstood("a filter that takes every group"));
            }
            self.matching(&filter).await?
        } else {
            self.scans.storage.readable()?;
            let keys = self.keys(&fields.groups).map_err(PageError::misunderstood)?;
            for key in &keys {
                let job = unescape(key.job());
                visitor.caller.may_push(&job)?;
            }
            self.scans.storage.shards.find(&keys).await?
        };
        if found.is_empty() {
            let text = "None of these groups is there any more, or none was selected.";
            return Ok(visitor.message(StatusCode::OK, "Nothing to delete", text));
        }
        if !fields.is_sure {
            return Ok(self.ask_to_delete(visitor, &found, fields));
        }
        self.scans.storage.writable().await?;
        let groups = found.into_iter().map(|summary| summary.group).collect();
        let deleted = self.scans.storage.shards.delete_listed(groups).await?;
        let (source, matching) = (client.source, &*fields.matching);
        tracing::info!(%source, by = %visitor.name, matching, deleted, "groups deleted on a page");
        Ok(see_other(&format!("{}/groups?deleted={deleted}", visitor.prefix)))
    }

    fn ask_to_delete(
        &self,
        visitor: &Visitor<'_>,
        found: &[GroupSummary],
        fields: Fields,
    ) -> Reply {
        let mut rows: Vec<_> = found.iter().map(Row::from).collect();
        rows.sort_unstable_by(|one, other| {
            one.job().cmp(other.job()).then(one.key.cmp(&other.key))
        });
        let groups = count_of(found.len() as u64, "group", "groups");
        let mut sent: Vec<(&'static str, String)> = Vec::new();
        if fields.what == "matching" {
            sent.push(("matching", fields.matching));
        } else {
            sent.extend(fields.groups.into_iter().map(|group| ("group", group)));
        }
        sent.push(("what", fields.what));
        let now = Timestamp::now();
        let page = ConfirmPage {
            frame: visitor.frame("/groups"),
            question: format!("Delete {groups}?"),
            answer: format!("Delete {groups}"),
            action: "/groups/delete",
            fields: sent,
            sources: rows.iter().filter_map(|row| row.sources).sum(),
            groups: rows.iter().take(NAMED_MAX).map(|row| GroupLine::new(row, now)).collect(),
            groups_left: rows.len().saturating_sub(NAMED_MAX),
            back: "/groups".to_owned(),
        };
        html(StatusCode::OK, &page)
    }

    /// Asks whether everything is to be deleted.
    pub(crate) fn ask_to_wipe(&self, visitor: &Visitor<'_>) -> Result<Reply, PageError> {
        visitor.must_administer()?;
        let groups = self.scans.storage.groups();
        let groups = count_of(groups, "group", "groups");
        let page = ConfirmPage {
            frame: visitor.frame(""),
            question: format!("Wipe everything: {groups}?"),
            answer: format!("Wipe {groups}"),
            action: "/wipe",
            fields: Vec::new(),
            sources: 0,
            groups: Vec::new(),
            groups_left: 0,
            back: "/".to_owned(),
        };
        Ok(html(StatusCode::OK, &page))
    }

    /// Wipes everything.
    pub(crate) async fn wipe(
        &self,
        visitor: &Visitor<'_>,
        body: &mut Incoming,
        client: &Client,
    ) -> Result<Reply, PageError> {
        let fields = self.fields(visitor, body).await?;
        visitor.must_administer()?;
        if !fields.is_sure {
            return self.ask_to_wipe(visitor);
        }
        let groups = self.scans.storage.groups();
        tracing::info!(source = %client.source, by = %visitor.name, groups, "wiping all groups");
        self.scans.storage.writable().await?;
        self.scans.storage.shards.wipe().await?;
        Ok(see_other(&format!("{}/groups?deleted={groups}", visitor.prefix)))
    }

    /// The groups that a filter takes.
    async fn matching(&self, filter: &Filter) -> Result<Vec<GroupSummary>, PageError> {
        let (now, mut matching) = (Timestamp::now(), Vec::new());
        let turn = self.scans.each_of(filter, self.name_rules, |group| {
            if filter.takes(&Row::from(&group), now) {
                matching.push(group);
            }
        });
        drop(turn.await?);
        Ok(matching)
    }

    fn keys(&self, groups: &[String]) -> Result<Vec<GroupingKey>, Cow<'static, str>> {
        if groups.len() > SELECTED_MAX {
            return Err(format!("more than {SELECTED_MAX} groups at a time").into());
        }
        let key = |path: &String| {
            let tail = path.strip_prefix("/job").unwrap_or_default();
            GroupingKey::parse(tail.as_bytes(), self.name_rules).map_err(|error| {
                format!("group {:?}: {error}", start_of(path, QUOTED_BYTES_MAX)).into()
            })
        };
        groups.iter().map(key).collect()
    }

    /// Reads a form. Goes on only with one that is ours.
    async fn fields(
        &self,
        visitor: &Visitor<'_>,
        body: &mut Incoming,
    ) -> Result<Fields, PageError> {
        let (body, _until_read) = self.prologue.read(body, FORM_BYTES_MAX).await?;
        let (mut fields, mut token) = (Fields::default(), Cow::default());
        for (name, value) in form_urlencoded::parse(&body) {
            match &*name {
                "token" => token = value,
                "sure" => fields.is_sure = value == "yes",
                "what" => fields.what = value.into_owned(),
                "group" => fields.groups.push(value.into_owned()),
                "matching" => fields.matching = value.into_owned(),
                _ => {}
            }
        }
        visitor.must_be_ours(&token)?;
        Ok(fields)
    }
}
