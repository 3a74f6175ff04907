//! A push that is only tried: it goes the way of a push up to where something would change.

use std::sync::Arc;

use bytes::Bytes;

use crate::http::Http;
use crate::http::body::in_flight::Room;
use crate::http::push::groups::decoder;
use crate::http::reply::Failure;
use crate::push::{Batch, Encoding, GroupingKey};
use crate::shard::Mode;

/// What would be pushed.
#[derive(Debug)]
pub(in crate::http) struct Candidate {
    /// The group it would go to, as the path of a push has it behind `/metrics/job`.
    pub(in crate::http) tail: Vec<u8>,
    /// Whether it would replace the group, or be added to it.
    pub(in crate::http) mode: Mode,
    /// Whether the body is delimited protobuf.
    pub(in crate::http) is_protobuf: bool,
    /// How the body is compressed.
    pub(in crate::http) encoding: Encoding,
    /// What would be sent.
    pub(in crate::http) body: Bytes,
}

/// What would be stored of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Checked {
    pub(in crate::http) families: usize,
    pub(in crate::http) series: usize,
    /// Lines that a scrape would show.
    pub(in crate::http) samples: u64,
}

impl Http {
    /// Whether a push would be applied now.
    pub(in crate::http) async fn check(&self, candidate: Candidate) -> Result<Checked, Failure> {
        let Candidate { tail, mode, is_protobuf, encoding, body } = candidate;
        let rules = self.rules();
        let key = GroupingKey::parse(&tail, rules.names).map_err(Failure::Key)?;
        rules.check_key(&key).map_err(Failure::Key)?;
        self.readable()?;
        let bytes_max = self.config.bounds.body_bytes_max;
        let room = Room::of(Arc::clone(&self.in_flight));
        let decode = decoder(is_protobuf);
        let (key, batch, _until_checked) =
            self.decode_aside(key, body, encoding, decode, bytes_max, room).await;
        let batch = batch?;
        let checked = checked(&batch);
        self.shards.check(key, mode, batch).await.map_err(Failure::Push)?;
        Ok(checked)
    }
}

fn checked(batch: &Batch) -> Checked {
    let families = &batch.families;
    Checked {
        families: families.len(),
        series: families.iter().map(|family| batch.series(family).len()).sum(),
        samples: families.iter().map(|family| u64::from(family.samples)).sum(),
    }
}
