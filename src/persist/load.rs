//! From a store to the shards, at the start.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::record::{Record, RecordError};
use super::status::Status;
use super::storage::{Storage, StorageError};
use crate::exposition::has_quoted_names;
use crate::shard::{RestoreError, RestoredGroup, Shards};

/// How many groups are given to the shards at a time.
const GROUPS_AT_A_TIME: usize = 512;
/// How often a long load says how far it is.
const TELLS_EVERY: Duration = Duration::from_secs(2);

/// What was loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loaded {
    /// The number of the last commit.
    pub(super) sequence: u64,
    pub(super) groups: u64,
    /// How many bytes their records have.
    pub(super) bytes: u64,
    /// Whether any of them has names in quotes.
    pub(super) has_quoted_names: bool,
}

/// Reads all records and stores their groups.
///
/// # Errors
/// When one of them cannot be read or does not agree with the others; or once `is_stopped` says so.
pub(super) fn load(
    storage: &dyn Storage,
    shards: &Shards,
    status: &Status,
    runtime: &Handle,
    is_stopped: impl Fn() -> bool,
) -> Result<Loaded, StorageError> {
    let mut loaded = Loaded { sequence: 0, groups: 0, bytes: 0, has_quoted_names: false };
    let (started, mut told) = (Instant::now(), Instant::now());
    let mut storing = Storing { shards, runtime, chunk: Vec::new(), at_hand: None };
    loaded.sequence = storage.load(&mut |bytes| {
        let group = Record::read(bytes).and_then(|record| record.restore()).map_err(of_record)?;
        loaded.groups += 1;
        loaded.bytes += bytes.len() as u64;
        loaded.has_quoted_names |= has_quoted_names_in(&group);
        storing.chunk.push(group);
        if storing.chunk.len() < GROUPS_AT_A_TIME {
            return Ok(());
        }
        if is_stopped() {
            return Err(StorageError::Stopped);
        }
        status.loading(loaded.groups);
        if told.elapsed() > TELLS_EVERY {
            told = Instant::now();
            tracing::info!(groups = loaded.groups, "loading");
        }
        storing.store()
    })?;
    storing.store()?;
    storing.finish()?;
    let seconds = started.elapsed().as_secs_f64();
    tracing::info!(groups = loaded.groups, bytes = loaded.bytes, seconds, "loaded");
    Ok(loaded)
}

/// Groups on their way to the shards. While one chunk is stored, the next is read.
struct Storing<'a> {
    shards: &'a Shards,
    runtime: &'a Handle,
    chunk: Vec<RestoredGroup>,
    at_hand: Option<JoinHandle<Result<(), RestoreError>>>,
}

impl Storing<'_> {
    /// Has the chunk stored, once the one before is.
    fn store(&mut self) -> Result<(), StorageError> {
        self.finish()?;
        let (shards, groups) = (self.shards.clone(), std::mem::take(&mut self.chunk));
        self.at_hand = Some(self.runtime.spawn(async move { shards.restore(groups).await }));
        Ok(())
    }

    /// Waits until the last chunk is stored.
    fn finish(&mut self) -> Result<(), StorageError> {
        let Some(at_hand) = self.at_hand.take() else { return Ok(()) };
        match self.runtime.block_on(at_hand) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(RestoreError::Refused(key, refusal))) => {
                Err(StorageError::Damaged(format!("group {key}: {refusal}")))
            }
            Ok(Err(RestoreError::Unavailable(reason))) => {
                Err(StorageError::Failed(reason.to_string()))
            }
            Err(error) => Err(StorageError::Failed(error.to_string())),
        }
    }
}

fn has_quoted_names_in(group: &RestoredGroup) -> bool {
    let key = group.key.text();
    key.starts_with('"')
        || has_quoted_names(key.as_bytes())
        || group.batch.families.iter().any(|family| family.has_quoted_names)
}

/// What it means that a record cannot be read.
pub(super) fn of_record(error: RecordError) -> StorageError {
    match error {
        RecordError::Newer(version) => StorageError::Newer(version.into()),
        error => StorageError::Damaged(error.to_string()),
    }
}
