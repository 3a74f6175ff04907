//! Checking a push: everything that a push does, without the change.

use bytes::Bytes;

use crate::http::body::in_flight::{InFlight, Room};
use crate::http::failure::Failure;
use crate::http::push::format::Format;
use crate::http::push::prologue::Prologue;
use crate::push::{Batch, GroupingKey};
use crate::shard::Mode;

/// What would be stored of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) families: usize,
    pub(crate) series: usize,
    /// Lines that a scrape would show.
    pub(crate) samples: u64,
}

impl Prologue {
    /// Whether a push to this group would be applied now. Who asks may read.
    pub(crate) async fn check(
        &self,
        key: GroupingKey,
        mode: Mode,
        format: Format,
        body: Bytes,
        room: Room<&InFlight>,
    ) -> Result<Checked, Failure> {
        self.storage.readable()?;
        let bytes_max = self.body_bytes_max();
        let received = self.decode(key, body, format, bytes_max, room).await;
        let batch = received.batch?;
        let checked = checked(&batch);
        let own = received.key.clone();
        match self.storage.shards.check(received.key, mode, batch).await {
            Ok(()) => Ok(checked),
            Err(error) => Err(self.rejected(error, &own).await),
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
