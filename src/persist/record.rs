//! What is stored of a group: its image, with a version and a checksum.
//!
//! ```text
//! record   magic "shardgrp", u32 version, u32 bytes of the payload, u64 sequence, payload,
//!          u128 XXH3 of everything before
//! payload  u8 flags (1: the key names an empty instance, 2: the group is gone), u64 created, u64 pushed, u64 failed,
//!          string key, u32 families, and for each
//!          u8 kind, u64 pushed, string name, string help, string text, string native
//! string   u32 bytes, bytes
//! ```
//!
//! Numbers are little-endian, moments nanoseconds since 1970. The sequence is the number of the commit
//! that wrote the record. A record can be found in a heap of bytes by its magic and proves itself by its
//! checksum, so that groups can be told apart even where the file around them is broken.

use std::fmt;

use xxhash_rust::xxh3::xxh3_128;

use crate::exposition::Kind;
use crate::push::{Batch, GroupingKey, RenderedFamily};
use crate::shard::{GroupImage, GroupTimes, RestoredGroup, Timestamp};

/// How every record begins.
pub(super) const MAGIC: &[u8; 8] = b"shardgrp";
/// The version written. Others are not read.
pub(super) const VERSION: u32 = 1;

const HEAD_BYTES: usize = 24;
const CHECKSUM_BYTES: usize = 16;

const EMPTY_INSTANCE_FLAG: u8 = 1;
const GONE_FLAG: u8 = 2;

/// The kinds by their numbers.
const KINDS: [Kind; 6] = [
    Kind::Untyped,
    Kind::Counter,
    Kind::Gauge,
    Kind::Summary,
    Kind::Histogram,
    Kind::GaugeHistogram,
];

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordError {
    /// It was written by a later shardgate, in this version of the format.
    Newer(u32),
    /// It is not what was written.
    Damaged,
    /// The group is larger than a record can be.
    TooLarge,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordError::Newer(version) => {
                write!(f, "a record has version {version}, of a newer shardgate than this")
            }
            RecordError::Damaged => write!(f, "a record is damaged"),
            RecordError::TooLarge => write!(f, "a group is larger than 4 GiB"),
        }
    }
}

impl std::error::Error for RecordError {}

/// Appends the record of a group, without its sequence and checksum.
pub(super) fn write(image: &GroupImage<'_>, out: &mut Vec<u8>) {
    let start = write_head(out);
    out.push(if image.has_empty_instance() { EMPTY_INSTANCE_FLAG } else { 0 });
    let GroupTimes { created, pushed, failed } = image.times();
    for moment in [created, pushed, failed] {
        out.extend_from_slice(&moment.nanos().to_le_bytes());
    }
    write_string(out, image.key().as_bytes());
    let families = image.families();
    out.extend_from_slice(&(families.len() as u32).to_le_bytes());
    for family in families {
        let kind = KINDS.iter().position(|kind| *kind == family.kind);
        out.push(kind.expect("every kind has a number") as u8);
        out.extend_from_slice(&family.pushed.nanos().to_le_bytes());
        let native = family.native.unwrap_or_default();
        for string in [family.name.as_bytes(), family.help.as_bytes(), family.text, native] {
            write_string(out, string);
        }
    }
    finish(out, start);
}

/// A whole record that says of a group that it is gone.
pub(super) fn gone(key: &str, sequence: u64) -> Vec<u8> {
    let mut record = Vec::new();
    let start = write_head(&mut record);
    record.push(GONE_FLAG);
    record.extend_from_slice(&[0; 24]);
    write_string(&mut record, key.as_bytes());
    record.extend_from_slice(&[0; 4]);
    finish(&mut record, start);
    seal(&mut record, sequence).expect("a key is smaller than 4 GiB");
    record
}

fn write_head(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 12]);
    start
}

/// Makes room for the checksum, and tells the bytes of the payload, which ends here.
fn finish(out: &mut Vec<u8>, start: usize) {
    let payload_bytes = (out.len() - start - HEAD_BYTES) as u32;
    out[start + 12..start + 16].copy_from_slice(&payload_bytes.to_le_bytes());
    out.extend_from_slice(&[0; CHECKSUM_BYTES]);
}

fn write_string(out: &mut Vec<u8>, string: &[u8]) {
    out.extend_from_slice(&(string.len() as u32).to_le_bytes());
    out.extend_from_slice(string);
}

/// Completes a record that was written.
///
/// # Errors
/// When the group was too large for one.
pub(super) fn seal(record: &mut [u8], sequence: u64) -> Result<(), RecordError> {
    if u32::try_from(record.len()).is_err() {
        return Err(RecordError::TooLarge);
    }
    record[16..24].copy_from_slice(&sequence.to_le_bytes());
    let (sealed, checksum) = record.split_at_mut(record.len() - CHECKSUM_BYTES);
    checksum.copy_from_slice(&xxh3_128(sealed).to_le_bytes());
    Ok(())
}

/// A record whose checksum holds.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The number of the commit that wrote it.
    pub sequence: u64,
    /// All of its bytes.
    pub bytes: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record that `bytes` begins with.
    ///
    /// # Errors
    /// Why there is none.
    pub fn read(bytes: &'a [u8]) -> Result<Record<'a>, RecordError> {
        let mut head = Cursor(bytes);
        if head.take(MAGIC.len())? != MAGIC {
            return Err(RecordError::Damaged);
        }
        let (version, payload_bytes) = (head.u32()?, head.u32()? as usize);
        let sequence = head.u64()?;
        let payload = head.take(payload_bytes)?;
        let checksum = head.take(CHECKSUM_BYTES)?;
        let (sealed, whole) = (HEAD_BYTES + payload_bytes, bytes.len() - head.0.len());
        if xxh3_128(&bytes[..sealed]).to_le_bytes() != *checksum {
            return Err(RecordError::Damaged);
        }
        if version != VERSION {
            return Err(RecordError::Newer(version));
        }
        Ok(Record { sequence, bytes: &bytes[..whole], payload })
    }

    /// Whether it says that the group is gone.
    pub fn is_gone(&self) -> bool {
        self.payload.first().is_some_and(|flags| flags & GONE_FLAG != 0)
    }

    /// The text of the group's key.
    ///
    /// # Errors
    /// When there is none.
    pub fn key(&self) -> Result<&'a str, RecordError> {
        let mut payload = Cursor(self.payload);
        payload.take(25)?;
        payload.text()
    }

    /// The group.
    ///
    /// # Errors
    /// When what was written is no group.
    pub fn restore(&self) -> Result<RestoredGroup, RecordError> {
        let mut payload = Cursor(self.payload);
        let has_empty_instance = payload.take(1)?[0] & EMPTY_INSTANCE_FLAG != 0;
        let mut moment = || payload.u64().map(Timestamp::from_nanos);
        let times = GroupTimes { created: moment()?, pushed: moment()?, failed: moment()? };
        let key = GroupingKey::from_text(payload.text()?, has_empty_instance);
        let families = payload.u32()?;
        let (mut batch, mut pushed) = (Batch::default(), Vec::new());
        for _ in 0..families {
            let kind = KINDS.get(payload.take(1)?[0] as usize).ok_or(RecordError::Damaged)?;
            pushed.push(Timestamp::from_nanos(payload.u64()?));
            let family = RenderedFamily {
                name: payload.text()?,
                kind: *kind,
                help: payload.text()?,
                text: payload.string()?,
                native: payload.string()?,
            };
            if !batch.add_rendered(&family) {
                return Err(RecordError::Damaged);
            }
        }
        let key = key.filter(|_| payload.0.is_empty()).ok_or(RecordError::Damaged)?;
        Ok(RestoredGroup { key, times, batch, pushed })
    }
}

/// Bytes that are read from the front.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(RecordError::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, RecordError> {
        let bytes = self.take(4)?.try_into().map_err(|_| RecordError::Damaged)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self) -> Result<u64, RecordError> {
        let bytes = self.take(8)?.try_into().map_err(|_| RecordError::Damaged)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn string(&mut self) -> Result<&'a [u8], RecordError> {
        let bytes = self.u32()?;
        self.take(bytes as usize)
    }

    fn text(&mut self) -> Result<&'a str, RecordError> {
        std::str::from_utf8(self.string()?).map_err(|_| RecordError::Damaged)
    }
}
