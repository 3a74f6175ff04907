//! Writes what the stream of a set holds, without taking part in the set.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::entry::Entry;
use super::log::nats::NatsLog;
use super::log::{Log, LogError};
use super::reading::{Heard, Reading};
use super::{Membership, Options};
use crate::persist::record::JOB_KEY;
use crate::persist::{Record, StorageError, records, write_group};

/// Why a stream was not exported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The stream cannot be read.
    #[error("cannot read the stream {stream}: {reason}")]
    Stream {
        /// Its name.
        stream: String,
        /// Why.
        reason: String,
    },
    /// It holds something that no replica writes.
    #[error("entry {0} of the stream {1}")]
    Entry(u64, String),
    /// What it holds cannot be written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Writes the groups that the stream holds to `out`, as `persist::export` does for a file. Answers how many there are.
///
/// # Errors
/// When the stream cannot be read as a whole, or the groups not be written.
pub async fn export(options: &Options, out: &mut dyn Write) -> Result<u64, ExportError> {
    let unread = |error: LogError| ExportError::Stream {
        stream: options.stream(),
        reason: error.to_string(),
    };
    let membership = Arc::new(Membership::new("", options.lease, options.max_staleness));
    let log = NatsLog::open(options, &membership).await.map_err(unread)?;
    let groups = loop {
        if let Some(groups) = read(&log).await.map_err(unread)? {
            break groups?;
        }
    };
    let mut count = 0;
    for (key, record) in groups {
        if !key.starts_with(JOB_KEY) {
            let group = Record::read(&record).and_then(|record| record.restore());
            write_group(out, &group.map_err(StorageError::from)?).map_err(StorageError::from)?;
            count += 1;
        }
    }
    Ok(count)
}

type Groups = BTreeMap<String, Bytes>;

/// Reads the stream from its beginning to its end; `None` if parts of it were purged meanwhile.
async fn read(log: &impl Log) -> Result<Option<Result<Groups, ExportError>>, LogError> {
    let ends = log.ends().await?;
    let mut position = ends.first.max(1) - 1;
    let mut reader = log.read(position);
    let (mut reading, mut parts, mut groups) = (Reading::default(), BytesMut::new(), Groups::new());
    while position < ends.last {
        let next = reader.recv().await;
        let (sequence, message) =
            next.ok_or_else(|| LogError::Away("the reader has ended".to_owned()))??;
        if sequence != position + 1 {
            return Ok(None);
        }
        position = sequence;
        let entry = match Entry::decode(&message) {
            Ok(entry) => entry,
            Err(error) => return Ok(Some(Err(ExportError::Entry(sequence, error.to_string())))),
        };
        if reading.misses_takeover(&entry) {
            let torn = "is of a term whose takeover is missing: a NATS server has another copy of the stream; try again";
            return Ok(Some(Err(ExportError::Entry(sequence, torn.to_owned()))));
        }
        match reading.hear(&entry) {
            Heard::Void => {}
            Heard::Took | Heard::Resigned => parts.clear(),
            Heard::Part { is_last } => {
                parts.extend_from_slice(&entry.records);
                if is_last && let Err(error) = end_epoch(&parts.split().freeze(), &mut groups) {
                    return Ok(Some(Err(error.into())));
                }
            }
        }
    }
    Ok(Some(Ok(groups)))
}

fn end_epoch(epoch: &Bytes, groups: &mut Groups) -> Result<(), StorageError> {
    for record in records(epoch) {
        let record = record?;
        let key = record.key()?.to_owned();
        match record.is_gone() {
            true => groups.remove(&key),
            false => groups.insert(key, epoch.slice_ref(record.bytes)),
        };
    }
    Ok(())
}
