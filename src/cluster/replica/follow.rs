//! Brings what the leader has appended into the shards, one or more whole epochs at a time.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::super::entry::Entry;
use super::super::log::Log;
use super::super::reading::Heard;
use super::state::{ENTRY_BYTES, Replica};
use crate::persist::record::JOB_KEY;
use crate::persist::{Record, RecordError, StorageError, has_quoted_names_in, records};
use crate::shard::{RestoreError, Unavailable, UnhashedGroup};

/// How many bytes of epochs go into the shards together at most, unless one is larger.
const TOGETHER_BYTES: usize = 4 << 20;
/// How many groups one task makes of their records.
const GROUPS_A_TASK: usize = 256;

/// What whole epochs have changed: of each group its last record, or that it is gone.
#[derive(Debug, Default)]
struct Changed {
    groups: HashMap<Arc<str>, Option<Bytes>, ahash::RandomState>,
    bytes: usize,
}

/// Why epochs were not brought into the shards.
enum Unapplied {
    Record(RecordError),
    Shards(RestoreError),
}

impl From<RecordError> for Unapplied {
    fn from(error: RecordError) -> Unapplied {
        Unapplied::Record(error)
    }
}

impl From<RestoreError> for Unapplied {
    fn from(error: RestoreError) -> Unapplied {
        Unapplied::Shards(error)
    }
}

impl<L: Log> Replica<L> {
    /// Reads a message, and those behind it that are there already, and brings the epochs that end in them into the shards.
    pub(super) async fn read(&mut self, sequence: u64, message: Bytes) -> Result<(), Unavailable> {
        let mut changed = Changed::default();
        self.hear(sequence, &message, &mut changed);
        while changed.bytes < TOGETHER_BYTES
            && let Some(reader) = &mut self.reader
            && let Ok(Ok((sequence, message))) = reader.try_recv()
        {
            self.hear(sequence, &message, &mut changed);
        }
        let position = self.role.position();
        match self.apply(changed).await {
            Ok(()) => self.membership.reaches(position),
            Err(Unapplied::Shards(RestoreError::Unavailable(unavailable))) => {
                return Err(unavailable);
            }
            Err(Unapplied::Shards(RestoreError::Refused(key, refusal))) => {
                self.role.step_back(format!(
                    "group {key}, as read up to entry {position} of the stream, does not agree with the others: {refusal}"
                ));
            }
            Err(Unapplied::Record(error)) => {
                self.role.step_back(format!("up to entry {position} of the stream, {error}"));
            }
        }
        Ok(())
    }

    fn hear(&mut self, sequence: u64, message: &Bytes, changed: &mut Changed) {
        let entry = Entry::decode(message);
        let Some(heard) = self.role.hear(self.now(), sequence, &entry) else { return };
        self.membership.hears(std::time::Instant::now());
        self.books.write_dead(ENTRY_BYTES);
        let Ok(entry) = entry else { return };
        match heard {
            Heard::Void => self.books.write_dead(entry.records.len()),
            Heard::Took | Heard::Resigned => {
                let (_, dropped) = self.staged.take();
                self.books.write_dead(dropped.len());
            }
            Heard::Part { is_last } => {
                self.staged.add(sequence, entry.records);
                if is_last {
                    let (start, epoch) = self.staged.take();
                    if let Err(error) = self.end_epoch(start, &epoch, changed) {
                        self.role.step_back(format!(
                            "the epoch that ends with entry {sequence} {error}"
                        ));
                    }
                }
            }
        }
    }

    /// An epoch has been read to its end.
    fn end_epoch(
        &mut self,
        start: u64,
        epoch: &Bytes,
        changed: &mut Changed,
    ) -> Result<(), StorageError> {
        let mut sizes = Vec::new();
        for record in records(epoch) {
            let record = record?;
            let key: Arc<str> = record.key()?.into();
            let bytes = (!record.is_gone()).then(|| epoch.slice_ref(record.bytes));
            sizes.push((Arc::clone(&key), bytes.as_ref().map(Bytes::len)));
            changed.bytes += record.bytes.len();
            changed.groups.insert(key, bytes);
        }
        self.books.write(start, sizes.iter().map(|(key, bytes)| (key, *bytes)));
        // The leader purges by the same rule.
        self.books.give_up();
        Ok(())
    }

    async fn apply(&self, changed: Changed) -> Result<(), Unapplied> {
        if changed.groups.is_empty() {
            return Ok(());
        }
        let ledger = self.shards.ledger();
        let (mut gone, mut kept) = (Vec::new(), Vec::new());
        for (key, record) in changed.groups {
            match (key.strip_prefix(JOB_KEY), record) {
                (None, Some(record)) => kept.push(record),
                (None, None) => gone.push(key),
                (Some(_), Some(record)) => {
                    if let Ok(Some(counts)) = Record::of_ledger(&record) {
                        ledger.replay(&counts);
                    }
                }
                (Some(job), None) => ledger.forget(job),
            }
        }
        let mut tasks = Vec::new();
        while kept.len() > GROUPS_A_TASK {
            let some = kept.split_off(kept.len() - GROUPS_A_TASK);
            tasks.push(tokio::spawn(async move { restored(&some) }));
        }
        let mut groups = restored(&kept)?;
        for task in tasks {
            let some = task.await.map_err(|_| RestoreError::Unavailable(Unavailable::Dead))?;
            groups.extend(some?);
        }
        if !self.membership.has_quoted_names()
            && groups.iter().any(|group| has_quoted_names_in(group.unhashed()))
        {
            self.membership.sees_quoted_names();
        }
        Ok(self.shards.replay(gone, groups).await?)
    }
}

/// The groups of records, whose checksums were found to hold.
fn restored(records: &[Bytes]) -> Result<Vec<UnhashedGroup>, RecordError> {
    records.iter().map(|record| Record::read_again(record)?.restore_unhashed()).collect()
}
