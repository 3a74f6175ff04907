//! The page of the groups that have expired in the last hour.

use std::sync::Arc;

use hyper::StatusCode;

use crate::exposition::unescape;
use crate::http::reply::Reply;
use crate::http::storage::Storage;
use crate::http::ui::error_page::PageError;
use crate::http::ui::page::html;
use crate::http::ui::site::Visitor;
use crate::shard::{ExpiredGroup, Timestamp};
use crate::ui::{ExpiredPage, Filter, Gone, Row};

/// What the page of expired groups needs.
#[derive(Debug)]
pub(crate) struct ExpiredPages {
    pub(crate) storage: Storage,
}

impl ExpiredPages {
    pub(crate) fn page(&self, visitor: &Visitor<'_>, query: &str) -> Result<Reply, PageError> {
        let filter = Filter::parse(query).map_err(PageError::misunderstood)?;
        let (now, lately) = (Timestamp::now(), &self.storage.shards.ledger().lately);
        let groups = lately.groups(now);
        let known = groups.len();
        let gone = groups.iter().map(Gone::from).filter(|gone| {
            let is_of_job = |job: &String| unescape(gone.row.job()) == job.as_str();
            filter.job.as_ref().is_none_or(is_of_job) && filter.takes(&gone.row, now)
        });
        let gone: Vec<_> = gone.collect();
        let (frame, counted) = (visitor.frame("/groups"), (known, lately.count(now)));
        let page = ExpiredPage::new(frame, &filter, &gone, counted, visitor.site.has_rules(), now);
        Ok(html(StatusCode::OK, &page))
    }
}

impl From<&ExpiredGroup> for Gone {
    fn from(group: &ExpiredGroup) -> Gone {
        let row = Row::of_key(Arc::clone(&group.key), group.has_empty_instance, group.pushed);
        Gone { row, expired: group.expired, after: group.after, rule: group.rule }
    }
}
