//! Checking a push: everything that a push does, without the change.

use bytes::Bytes;

use crate::access::Caller;
use crate::exposition::unescape;
use crate::http::body::in_flight::{InFlight, Room};
use crate::http::failure::Failure;
use crate::http::push::elsewhere::Conflict;
use crate::http::push::format::Format;
use crate::http::push::prologue::Prologue;
use crate::push::{Batch, GroupingKey};
use crate::shard::How;

/// What would be stored of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) families: usize,
    pub(crate) series: usize,
    /// Lines that a scrape would show.
    pub(crate) samples: u64,
}

impl Prologue {
    /// Whether a push of this client to this group would be applied now. The client may read, and may push to the job.
    pub(crate) async fn check(
        &self,
        key: GroupingKey,
        how: How,
        format: Format,
        body: Bytes,
        room: Room<&InFlight>,
        caller: &Caller,
    ) -> Result<Checked, Conflict> {
        self.storage.readable()?;
        let bytes_max = caller.body_bytes_max(self.body_bytes_max());
        let received = self.decode(key, body, format, bytes_max, room).await;
        let batch = received.batch?;
        let families = batch.families.iter().map(|family| (batch.name(family), family.kind));
        let job = || unescape(received.key.job()).into_owned();
        caller.may_push_families(job, families).map_err(Failure::from)?;
        let (checked, own) = (checked(&batch), received.key.clone());
        match self.storage.shards.check(received.key, how, batch).await {
            Ok(()) => Ok(checked),
            Err(error) => Err(self.conflict(error, &own).await),
        }
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
