//! Writes the records of a commit into segments, and reads the records of a segment.

use std::sync::Arc;

use redb::{ReadableTable, Table};

use super::error::StorageError;
use super::record::{self, Record};
use super::segments::Segments;

/// How large a segment is at most, unless one record is larger. With what redb adds to it, it fills a page
/// of 128 KiB.
const SEGMENT_BYTES: usize = (128 << 10) - 256;
/// A commit may read so many times what it writes to give up old segments,
const GIVEN_UP_SHARE: u64 = 4;
/// so much at least, and so much when it has nothing else to do.
const GIVEN_UP_BYTES: u64 = 4 << 20;
const GIVEN_UP_IDLE_BYTES: u64 = 32 << 20;

/// The records of a segment.
pub(crate) fn records(
    mut segment: &[u8],
) -> impl Iterator<Item = Result<Record<'_>, StorageError>> {
    std::iter::from_fn(move || {
        if segment.is_empty() {
            return None;
        }
        let record = Record::read(segment);
        segment = record.as_ref().map_or(&[], |record| &segment[record.bytes.len()..]);
        Some(record.map_err(StorageError::from))
    })
}

/// Segments that are being written.
pub(super) struct SegmentWriter<'t, 's> {
    table: Table<'t, u64, &'static [u8]>,
    segments: &'s mut Segments,
    number: u64,
    bytes: Vec<u8>,
    written_bytes: u64,
}

impl<'t, 's> SegmentWriter<'t, 's> {
    pub(super) fn new(
        table: Table<'t, u64, &'static [u8]>,
        segments: &'s mut Segments,
    ) -> SegmentWriter<'t, 's> {
        let number = segments.next();
        SegmentWriter { table, segments, number, bytes: Vec::new(), written_bytes: 0 }
    }

    /// Writes the last record of a group.
    pub(super) fn add(&mut self, key: &Arc<str>, record: &[u8]) -> Result<(), StorageError> {
        self.append(record)?;
        self.segments.write(self.number, Arc::clone(key), record.len());
        Ok(())
    }

    /// Notes that a group is gone, if anything was ever written of it.
    pub(super) fn add_gone(&mut self, key: &Arc<str>, sequence: u64) -> Result<(), StorageError> {
        if self.segments.holds(key) {
            let record = record::gone(key, sequence);
            self.append(&record)?;
            self.segments.forget(key);
            self.segments.write_dead(self.number, record.len());
        }
        Ok(())
    }

    /// Gives up the oldest segments while too much is dead: what is living in them is written again.
    pub(super) fn give_up_old(&mut self) -> Result<(), StorageError> {
        let mut left = match self.written_bytes {
            0 => GIVEN_UP_IDLE_BYTES,
            written => (GIVEN_UP_SHARE * written).max(GIVEN_UP_BYTES),
        };
        while let Some((number, [bytes, living_bytes])) = self.segments.to_give_up()
            && left > 0
            && number < self.number
        {
            left = left.saturating_sub(bytes);
            if living_bytes > 0 {
                let segment = self.table.get(number).map_err(StorageError::writing)?;
                let segment = segment.map(|segment| segment.value().to_vec()).unwrap_or_default();
                for record in records(&segment) {
                    let record = record?;
                    let key = record.key()?;
                    if self.segments.is_last(key, number) {
                        self.add(&Arc::from(key), record.bytes)?;
                    }
                }
            }
            self.table.remove(number).map_err(StorageError::writing)?;
            if !self.segments.give_up(number) {
                return Err(StorageError::Damaged(format!("segment {number} lacks records")));
            }
        }
        Ok(())
    }

    fn append(&mut self, record: &[u8]) -> Result<(), StorageError> {
        if !self.bytes.is_empty() && self.bytes.len() + record.len() > SEGMENT_BYTES {
            self.finish()?;
        }
        self.bytes.extend_from_slice(record);
        self.written_bytes += record.len() as u64;
        Ok(())
    }

    /// Writes the segment at hand.
    pub(super) fn finish(&mut self) -> Result<(), StorageError> {
        if !self.bytes.is_empty() {
            self.table.insert(self.number, &*self.bytes).map_err(StorageError::writing)?;
            self.bytes.clear();
            self.number += 1;
        }
        Ok(())
    }
}
