//! The scrape.

use std::sync::Arc;
use std::time::Instant;

use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue, VARY};
use hyper::{HeaderMap, StatusCode};

use super::Http;
use super::body::Chunks;
use super::reply::{Failure, Reply, with_type};
use crate::scrape::{accepts_gzip, gzip, merge};
use crate::shard::{StalePage, stale_pages};

const TEXT_FORMAT: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// Fewer stale pages than this are concatenated where they are, rather than handed to other threads.
const PAGES_INLINE: usize = 8;

impl Http {
    pub(super) async fn scrape(&self, headers: &HeaderMap) -> Reply {
        let since = Instant::now();
        self.own.scrape_begins();
        let mut text_bytes = 0;
        let reply = match self.exposition(wants_gzip(headers), &mut text_bytes).await {
            Ok(reply) => reply,
            Err(failure) => {
                tracing::error!(err = %failure, "scrape failed");
                Reply::from(&failure)
            }
        };
        self.own.scraped(reply.status().as_u16(), text_bytes, since);
        reply
    }

    async fn exposition(&self, as_gzip: bool, text_bytes: &mut u64) -> Result<Reply, Failure> {
        let snapshots = self.shards.snapshot().await?;
        let stale = stale_pages(&snapshots);
        concatenate(&stale).await;
        let chunks = merge(&snapshots, self.own.families(&self.shards)).text();
        self.shards.adopt(stale);
        *text_bytes = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        if !as_gzip {
            return Ok(with_type(StatusCode::OK, TEXT_FORMAT, chunks.into()));
        }
        let compressing = tokio::task::spawn_blocking(move || gzip(&chunks));
        let body = compressing.await.expect("compressing does not panic and is not aborted");
        let mut reply = with_type(StatusCode::OK, TEXT_FORMAT, Chunks::from(body));
        reply.headers_mut().insert(CONTENT_ENCODING, GZIP);
        reply.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        Ok(reply)
    }
}

/// Has the text of the pages made, on as many threads as there are CPUs.
async fn concatenate(stale: &[StalePage]) {
    if stale.len() <= PAGES_INLINE {
        return stale.iter().for_each(|stale| {
            stale.page.text();
        });
    }
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let mut working = Vec::with_capacity(threads);
    for share in stale.chunks(stale.len().div_ceil(threads)) {
        let pages: Vec<_> = share.iter().map(|stale| Arc::clone(&stale.page)).collect();
        working.push(tokio::task::spawn_blocking(move || {
            for page in &pages {
                page.text();
            }
        }));
    }
    for worker in working {
        worker.await.expect("concatenating does not panic and is not aborted");
    }
}

fn wants_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING);
    accepts_gzip(values.iter().filter_map(|value| value.to_str().ok()))
}
