//! Stores looked at from outside.

use std::collections::BTreeMap;
use std::sync::Arc;

use shardgate::persist::{Record, StorageError, Store};
use xxhash_rust::xxh3::xxh3_128;

use crate::durability::disk::Disk;

/// An empty store, closed.
pub(crate) fn empty() -> Vec<u8> {
    let disk = Disk::holding(Vec::new());
    let mut store = Store::create_in(disk.clone()).expect("the disk is fine");
    store.accept().expect("the disk is fine");
    drop(store);
    disk.bytes()
}

/// The sequence of a store, and its records by the keys that they tell.
pub(crate) type Contents = (u64, BTreeMap<String, Vec<u8>>);

/// Reads a store whose records are those of groups, as a gateway does.
pub(crate) fn read_groups(disk: Disk) -> Result<Contents, StorageError> {
    read(&mut Store::open(disk)?, |bytes| Ok(Record::read(bytes)?.restore()?.key.text().to_owned()))
}

/// Reads a store, given how a record tells its key.
pub(crate) fn read(
    store: &mut Store<Disk>,
    key: impl Fn(&[u8]) -> Result<String, StorageError>,
) -> Result<Contents, StorageError> {
    let mut records = BTreeMap::new();
    let sequence = store.load(&mut |record| {
        let key = key(record)?;
        assert!(records.insert(key, record.to_vec()).is_none(), "each is stored once");
        Ok(())
    })?;
    Ok((sequence, records))
}

/// A record that says of a group what nobody but the store reads.
pub(crate) fn record(key: &str, payload: &[u8]) -> Vec<u8> {
    let payload_bytes = 25 + 4 + key.len() + payload.len();
    let mut record = b"shardgrp".to_vec();
    record.extend_from_slice(&1_u32.to_le_bytes());
    record.extend_from_slice(&(payload_bytes as u32).to_le_bytes());
    record.extend_from_slice(&[0; 8 + 25]);
    record.extend_from_slice(&(key.len() as u32).to_le_bytes());
    record.extend_from_slice(key.as_bytes());
    record.extend_from_slice(payload);
    record.extend_from_slice(&xxh3_128(&record).to_le_bytes());
    record
}

/// Commits records by their keys; `None` where there shall be none any more.
pub(crate) fn commit(
    store: &mut Store<Disk>,
    sequence: u64,
    changes: &BTreeMap<String, Option<Vec<u8>>>,
) -> Result<(), StorageError> {
    let keys: Vec<Arc<str>> = changes.keys().map(|key| Arc::from(&**key)).collect();
    let changes: Vec<_> = keys.iter().zip(changes.values().map(Option::as_deref)).collect();
    store.commit(sequence, &changes)
}
