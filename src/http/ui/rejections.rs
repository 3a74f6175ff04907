//! The page of the last rejections.

use std::sync::Arc;

use hyper::StatusCode;

use crate::http::reply::Reply;
use crate::http::ui::error_page::PageError;
use crate::http::ui::page::html;
use crate::http::ui::site::Visitor;
use crate::rejections::{RejectionFilter, Rejections};
use crate::shard::Timestamp;
use crate::ui::RejectionsPage;

/// What the page of rejections needs.
#[derive(Debug)]
pub(crate) struct RejectionPages {
    pub(crate) rejections: Arc<Rejections>,
}

impl RejectionPages {
    pub(crate) fn page(&self, visitor: &Visitor<'_>, query: &str) -> Result<Reply, PageError> {
        let filter = RejectionFilter::parse(query).map_err(PageError::misunderstood)?;
        let (mut found, total) = self.rejections.all();
        let kept = found.len();
        found.retain(|rejection| filter.takes(rejection));
        let frame = visitor.frame("/rejections");
        let page = RejectionsPage::new(frame, &filter, &found, (kept, total), Timestamp::now());
        Ok(html(StatusCode::OK, &page))
    }
}
