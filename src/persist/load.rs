//! Loads the groups of a persistence file into the shards, at the start.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use redb::StorageBackend;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::error::StorageError;
use super::record::Record;
use super::status::Status;
use super::store::Store;
use crate::exposition::has_quoted_names;
use crate::shard::{RestoredGroup, Shards};

/// How many groups are given to the shards at a time, and how many bytes of records, unless one is
/// larger.
const GROUPS_AT_A_TIME: usize = 512;
const BYTES_AT_A_TIME: usize = 1 << 20;
/// How many times that may be on the way to them.
const CHUNKS_AT_HAND: usize = 4;
/// How often a long load says how far it is.
const TELLS_EVERY: Duration = Duration::from_secs(2);

/// What was loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loaded {
    /// The number of the last commit.
    pub(super) sequence: u64,
    /// Which store it is.
    pub(super) id: u64,
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
pub(super) fn load<B: StorageBackend>(
    store: &mut Store<B>,
    shards: &Shards,
    status: &Status,
    runtime: &Handle,
    is_stopped: impl Fn() -> bool,
) -> Result<Loaded, StorageError> {
    let id = store.id()?;
    let mut loaded = Loaded { sequence: 0, id, groups: 0, bytes: 0, has_quoted_names: false };
    let (started, mut told) = (Instant::now(), Instant::now());
    let mut storing = Storing {
        shards,
        runtime,
        chunk: Chunk::default(),
        at_hand: VecDeque::new(),
        quoted: false,
    };
    loaded.sequence = store.load(&mut |record| {
        if let Some(counts) = Record::of_ledger(record)? {
            shards.ledger().restore(&counts);
            return Ok(());
        }
        loaded.groups += 1;
        loaded.bytes += record.len() as u64;
        storing.chunk.add(record);
        let Chunk { bytes, ends } = &storing.chunk;
        if ends.len() < GROUPS_AT_A_TIME && bytes.len() < BYTES_AT_A_TIME {
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
    storing.finish(0)?;
    runtime.block_on(shards.read_roles())?;
    loaded.has_quoted_names = storing.quoted;
    let seconds = started.elapsed().as_secs_f64();
    tracing::info!(groups = loaded.groups, bytes = loaded.bytes, seconds, "loaded");
    Ok(loaded)
}

/// Some records.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Chunk {
    fn add(&mut self, record: &[u8]) {
        self.bytes.extend_from_slice(record);
        self.ends.push(self.bytes.len());
    }

    fn groups(&self) -> Result<Vec<RestoredGroup>, StorageError> {
        let mut start = 0;
        let records = self.ends.iter().map(|end| {
            let record = &self.bytes[std::mem::replace(&mut start, *end)..*end];
            Ok(Record::read(record)?.restore()?)
        });
        records.collect()
    }
}

/// Records on their way to the shards. While some are made into groups and stored, more are read.
struct Storing<'a> {
    shards: &'a Shards,
    runtime: &'a Handle,
    chunk: Chunk,
    at_hand: VecDeque<JoinHandle<Result<bool, StorageError>>>,
    /// Whether any group so far has names in quotes.
    quoted: bool,
}

impl Storing<'_> {
    /// Has the chunk stored, once there is room for it.
    fn store(&mut self) -> Result<(), StorageError> {
        self.finish(CHUNKS_AT_HAND - 1)?;
        let (shards, chunk) = (self.shards.clone(), std::mem::take(&mut self.chunk));
        self.at_hand.push_back(self.runtime.spawn(async move {
            let groups = chunk.groups()?;
            let quoted = groups.iter().any(has_quoted_names_in);
            shards.restore(groups).await?;
            Ok(quoted)
        }));
        Ok(())
    }

    /// Waits until no more than so many chunks are at hand.
    fn finish(&mut self, at_hand_max: usize) -> Result<(), StorageError> {
        while self.at_hand.len() > at_hand_max
            && let Some(oldest) = self.at_hand.pop_front()
        {
            let stored = self.runtime.block_on(oldest);
            self.quoted |= stored.map_err(|error| StorageError::Failed(error.to_string()))??;
        }
        Ok(())
    }
}

pub(crate) fn has_quoted_names_in(group: &RestoredGroup) -> bool {
    let key = group.key.text();
    key.starts_with('"')
        || has_quoted_names(key.as_bytes())
        || group.batch.families.iter().any(|family| family.has_quoted_names)
}
