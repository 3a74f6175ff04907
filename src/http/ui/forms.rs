//! What deletes: each asks first, naming what goes, and then does it.

use std::borrow::Cow;

use hyper::StatusCode;
use hyper::body::Incoming;

use super::error_page::Instead;
use super::page::{html, see_other};
use super::{FORM_BYTES_MAX, SELECTED_MAX, Visitor};
use crate::http::Http;
use crate::http::reply::{Failure, Reply};
use crate::listen::Client;
use crate::push::GroupingKey;
use crate::shard::{GroupSummary, Timestamp};
use crate::ui::{ConfirmPage, Filter, GroupLine, NAMED_MAX, Row, count_of};

/// How much of a path that was typed an error quotes, in bytes.
const QUOTED_BYTES_MAX: usize = 200;

/// A form, read.
#[derive(Default)]
struct Fields {
    token: String,
    /// Whether it was confirmed.
    is_sure: bool,
    /// What is to be deleted: `selected` or `matching`.
    what: String,
    /// Groups, each as what follows `/metrics` in its push path.
    groups: Vec<String>,
    /// The query of those that match.
    matching: String,
}

impl Http {
    /// Deletes what was selected, or what matches.
    pub(super) async fn delete_form(
        &self,
        visitor: &Visitor<'_>,
        body: &mut Incoming,
        client: &Client,
    ) -> Result<Reply, Instead> {
        let fields = self.fields(body).await?;
        self.must_be_ours(visitor, &fields.token)?;
        let found = if fields.what == "matching" {
            self.must_administer(visitor)?;
            let filter = Filter::parse(&fields.matching).map_err(Instead::misunderstood)?;
            if !filter.is_narrow() {
                return Err(Instead::misunderstood("a filter that takes every group"));
            }
            self.matching(&filter).await?
        } else {
            self.readable()?;
            let keys = self.keys(&fields.groups).map_err(Instead::misunderstood)?;
            for key in &keys {
                let job = crate::ui::plain(key.job());
                visitor.caller.may_push(&job).map_err(Failure::Denied)?;
            }
            self.shards.find(&keys).await?
        };
        if found.is_empty() {
            let text = "None of these groups is there any more, or none was selected.";
            return Ok(self.message(visitor, StatusCode::OK, "Nothing to delete", text));
        }
        if !fields.is_sure {
            return Ok(self.ask_to_delete(visitor, &found, fields));
        }
        self.writable().await?;
        let groups = found.into_iter().map(|summary| summary.group).collect();
        let deleted = self.shards.delete_listed(groups).await?;
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
            frame: self.frame(visitor, "/groups"),
            question: format!("Delete {groups}?"),
            answer: format!("Delete {groups}"),
            action: "/groups/delete",
            fields: sent,
            groups: rows.iter().take(NAMED_MAX).map(|row| GroupLine::new(row, now)).collect(),
            groups_left: rows.len().saturating_sub(NAMED_MAX),
            back: "/groups".to_owned(),
        };
        html(StatusCode::OK, &page)
    }

    /// Asks whether everything is to go.
    pub(super) fn ask_to_wipe(&self, visitor: &Visitor<'_>) -> Result<Reply, Instead> {
        self.must_administer(visitor)?;
        let groups = self.shards.stats().map(|(stats, _)| stats.groups()).sum();
        let groups = count_of(groups, "group", "groups");
        let page = ConfirmPage {
            frame: self.frame(visitor, ""),
            question: format!("Wipe everything: {groups}?"),
            answer: format!("Wipe {groups}"),
            action: "/wipe",
            fields: Vec::new(),
            groups: Vec::new(),
            groups_left: 0,
            back: "/".to_owned(),
        };
        Ok(html(StatusCode::OK, &page))
    }

    /// Wipes everything.
    pub(super) async fn wipe_form(
        &self,
        visitor: &Visitor<'_>,
        body: &mut Incoming,
        client: &Client,
    ) -> Result<Reply, Instead> {
        let fields = self.fields(body).await?;
        self.must_be_ours(visitor, &fields.token)?;
        self.must_administer(visitor)?;
        if !fields.is_sure {
            return self.ask_to_wipe(visitor);
        }
        let groups: u64 = self.shards.stats().map(|(stats, _)| stats.groups()).sum();
        tracing::info!(source = %client.source, by = %visitor.name, groups, "wiping all groups");
        self.writable().await?;
        self.shards.wipe().await?;
        Ok(see_other(&format!("{}/groups?deleted={groups}", visitor.prefix)))
    }

    /// The groups that a filter takes.
    async fn matching(&self, filter: &Filter) -> Result<Vec<GroupSummary>, Failure> {
        let (now, mut matching) = (Timestamp::now(), Vec::new());
        let turn = self.each_group(filter.escaped_job().into_iter().collect(), |group| {
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
            GroupingKey::parse(tail.as_bytes(), self.config.name_rules).map_err(|error| {
                format!("group {:?}: {error}", crate::ui::start_of(path, QUOTED_BYTES_MAX)).into()
            })
        };
        groups.iter().map(key).collect()
    }

    async fn fields(&self, body: &mut Incoming) -> Result<Fields, Failure> {
        let (body, _until_read) = self.form_body(body, FORM_BYTES_MAX).await?;
        let mut fields = Fields::default();
        for (name, value) in form_urlencoded::parse(&body) {
            match &*name {
                "token" => fields.token = value.into_owned(),
                "sure" => fields.is_sure = value == "yes",
                "what" => fields.what = value.into_owned(),
                "group" => fields.groups.push(value.into_owned()),
                "matching" => fields.matching = value.into_owned(),
                _ => {}
            }
        }
        Ok(fields)
    }
}
