//! The record of a group: its contents, with a version and a checksum.
//!
//! ```text
//! record   magic "shardgrp", u32 version, u32 bytes of the payload, u64 sequence, payload,
//!          u128 XXH3 of everything before
//! payload  u8 flags (1: the key names an empty instance, 2: the group is gone, 4: version 2, its last push has asked
//!          it to expire), u64 created, u64 pushed, u64 failed,
//!          string key, with flag 4 u64 seconds and u32 nanoseconds, u32 families, and for each
//!          u8 kind, u64 pushed, string name, string help, string text, string native
//! job      flag 8, version 2: a job of the ledger, with 24 bytes of zeros, string "\\n" and its name, u64 last push,
//!          u64 pushes, u64 failures, u64 expired groups
//! sum      flag 16, version 3: behind the key, and the time that was asked for, string totals (`aggregate/totals.rs`)
//! source   flag 32, version 3: likewise string key of the sum, u8 flags (1: that key names an empty instance, 2: the source is not shown,
//!          and "\\r" is put before its key), string of its last pushes (`aggregate/push_ids.rs`)
//! string   u32 bytes, bytes
//! ```
//!
//! Numbers are little-endian, times are nanoseconds since 1970. The sequence is the number of the commit that wrote
//! the record. The magic and the checksum let `store export` find whole records in a damaged file.
//! `write` makes them, `read` understands them.

mod read;
#[cfg(test)]
mod tests;
mod write;

use crate::exposition::Kind;

pub use read::Record;
pub(crate) use write::{gone, job_key, of_job, seal, write};

/// How every record begins.
pub(super) const MAGIC: &[u8; 8] = b"shardgrp";
/// The version of a record without anything that came later, and the latest. Others are not read.
const VERSION: u32 = 1;
const VERSION_2: u32 = 2;
const LATEST_VERSION: u32 = 3;

const HEAD_BYTES: usize = 24;
const CHECKSUM_BYTES: usize = 16;

const EMPTY_INSTANCE_FLAG: u8 = 1;
const GONE_FLAG: u8 = 2;
/// Since version 2.
const ASKED_FLAG: u8 = 4;
const JOB_FLAG: u8 = 8;
/// Since version 3.
const SUM_FLAG: u8 = 16;
const SOURCE_FLAG: u8 = 32;
/// Of a source.
const HIDDEN_FLAG: u8 = 2;

/// What the key of a job in the ledger begins with, and no grouping key does.
pub(crate) const JOB_KEY: char = '\n';

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It was written by a later shardgate, in this version of the format.
    #[error("a record has version {0}, of a newer shardgate than this")]
    Newer(u32),
    /// It is not what was written.
    #[error("a record is damaged")]
    Damaged,
    /// The group is larger than a record can be.
    #[error("a group is larger than 4 GiB")]
    TooLarge,
}
