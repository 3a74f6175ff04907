//! Reads a persistence file without a gateway: whether it is whole, and what can be read of it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::Path;

use memchr::memmem;

use super::error::StorageError;
use super::file::LockedFile;
use super::record::{MAGIC, Record};
use super::store::Store;
use crate::exposition::write_header;
use crate::shard::{RestoredGroup, SavedRole};

/// What a store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// How many groups.
    pub groups: u64,
    /// How many bytes their records have.
    pub bytes: u64,
    /// How large the file is, in bytes.
    pub file_bytes: u64,
    /// The number of the last commit.
    pub sequence: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { groups, bytes, file_bytes, sequence } = self;
        write!(
            f,
            "whole: {groups} groups in {bytes} bytes, {sequence} commits, {file_bytes} bytes of disk"
        )
    }
}

/// Reads the store at `path` to its end.
///
/// # Errors
/// Why it cannot be used.
pub fn check(path: &Path) -> Result<Report, StorageError> {
    let mut store = open(path)?;
    let mut report = Report { file_bytes: store.bytes(), ..Report::default() };
    report.sequence = store.load(&mut |record| {
        if Record::of_ledger(record)?.is_some() {
            return Ok(());
        }
        report.groups += 1;
        report.bytes += record.len() as u64;
        Record::read(record)?.restore()?;
        Ok(())
    })?;
    Ok(report)
}

/// What came out of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// How many groups were written.
    pub groups: u64,
    /// Why the store cannot be used, if it cannot; then what was found in its bytes was written: of each group
    /// the last state found, which need not be the last there was, among them groups that had been deleted.
    pub damage: Option<StorageError>,
}

/// Writes what can be read of the store at `path` to `out`: for each group a valid exposition, behind
/// comments that tell the path it was pushed to and when.
///
/// # Errors
/// When nothing can be read, or not written.
pub fn export(path: &Path, out: &mut dyn Write) -> Result<Exported, StorageError> {
    let damage = match check(path) {
        Ok(_) => None,
        Err(error @ (StorageError::Damaged(_) | StorageError::Foreign(_))) => Some(error),
        Err(error) => return Err(error),
    };
    let mut groups = 0;
    let Some(damage) = damage else {
        open(path)?.load(&mut |record| {
            if Record::of_ledger(record)?.is_some() {
                return Ok(());
            }
            let group = Record::read(record)?.restore()?;
            if is_hidden(&group) {
                return Ok(());
            }
            groups += 1;
            Ok(write_group(out, &group)?)
        })?;
        return Ok(Exported { groups, damage: None });
    };
    let bytes = std::fs::read(path)?;
    let found = last_records(&bytes).into_values().filter(|record| !record.is_gone());
    for group in found.filter_map(|record| record.restore().ok()).filter(|it| !is_hidden(it)) {
        groups += 1;
        write_group(out, &group)?;
    }
    match damage {
        // Else it is one whose beginning is damaged.
        StorageError::Foreign(_) if groups == 0 => Err(damage),
        _ => Ok(Exported { groups, damage: Some(damage) }),
    }
}

/// Whether a group is part of a sum only. The sum is written.
fn is_hidden(group: &RestoredGroup) -> bool {
    matches!(&group.role, SavedRole::Source(source) if source.is_hidden)
}

fn open(path: &Path) -> Result<Store<LockedFile>, StorageError> {
    Store::open(LockedFile::open_to_read(path)?)
}

/// The records that stand anywhere among the bytes, of each group the last.
fn last_records(bytes: &[u8]) -> BTreeMap<&str, Record<'_>> {
    let mut last: BTreeMap<&str, Record<'_>> = BTreeMap::new();
    let mut behind = 0;
    for at in memmem::find_iter(bytes, MAGIC) {
        // One that stands in another was pushed as part of its text.
        let Some(record) = Record::read(&bytes[at..]).ok().filter(|_| at >= behind) else {
            continue;
        };
        behind = at + record.bytes.len();
        let Ok(key) = record.key() else { continue };
        if last.get(key).is_none_or(|other| other.sequence < record.sequence) {
            last.insert(key, record);
        }
    }
    last
}

pub(crate) fn write_group(out: &mut dyn Write, group: &RestoredGroup) -> std::io::Result<()> {
    let RestoredGroup { key, times, batch, .. } = group;
    writeln!(out, "# PUT /metrics{}", key.path())?;
    writeln!(out, "# pushed {}, refused {}", times.pushed.seconds(), times.failed.seconds())?;
    let mut text = Vec::new();
    for family in &batch.families {
        write_header(&mut text, batch.name(family), family.kind, batch.help(family));
        text.extend_from_slice(batch.text(family));
    }
    text.push(b'\n');
    out.write_all(&text)
}
