//! A scrape, rendered as the HTTP layer has it rendered, but on one thread.

use std::io::Read;

use flate2::read::GzDecoder;
use shardgate::scrape::{Form, Runs, Scrape};
use shardgate::shard::{HomedPage, Part, Snapshot};

use crate::oracle::own;

/// The text of a scrape, decompressed if the form is a compressed one, and the pages that the shards
/// may adopt.
pub(crate) fn expose(
    snapshots: Vec<Snapshot>,
    form: Form,
    runs: &Runs,
) -> (String, Vec<HomedPage>) {
    let is_first = form.part.is_none_or(Part::is_first);
    let own = if is_first { own::families() } else { Vec::new() };
    let (mut scrape, tasks) = Scrape::new(snapshots, own, form);
    let mut pages = Vec::new();
    for task in tasks {
        let (done, page) = task.run();
        scrape.take(done);
        pages.extend(page);
    }
    let answer = scrape.answer(runs);
    let mut text = answer.chunks.concat();
    if form.gzip {
        let compressed = std::mem::take(&mut text);
        let mut decoder = GzDecoder::new(&compressed[..]);
        decoder.read_to_end(&mut text).expect("the member is whole, its checks right");
        assert!(decoder.into_inner().is_empty(), "nothing stands behind the member");
    }
    assert_eq!(text.len(), answer.plain_bytes);
    (String::from_utf8(text).expect("an exposition is UTF-8"), pages)
}
