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

use std::sync::Arc;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128;

use crate::exposition::Kind;
use crate::push::{Batch, GroupingKey, RenderedFamily};
use crate::shard::{
    GroupSnapshot, GroupTimes, HIDDEN_MARK, JobCounts, RestoredGroup, SavedRole, SavedSource,
    Timestamp, hidden_key,
};

/// How every record begins.
pub(super) const MAGIC: &[u8; 8] = b"shardgrp";
/// The version of a record without anything that came later, and the latest. Others are not read.
pub(super) const VERSION: u32 = 1;
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

/// Appends the record of a group, without its sequence and checksum.
pub(crate) fn write(image: &GroupSnapshot<'_>, out: &mut Vec<u8>) {
    let GroupTimes { created, pushed, failed, asked } = image.times();
    let role = image.role();
    let (version, role_flag, is_hidden) = match &role {
        SavedRole::Plain if asked.is_none() => (VERSION, 0, false),
        SavedRole::Plain => (VERSION_2, 0, false),
        SavedRole::Sum(_) => (LATEST_VERSION, SUM_FLAG, false),
        SavedRole::Source(source) => (LATEST_VERSION, SOURCE_FLAG, source.is_hidden),
    };
    let start = write_head(out, version);
    let flag = |is_set, flag| if is_set { flag } else { 0 };
    let is_empty_instance = flag(image.has_empty_instance(), EMPTY_INSTANCE_FLAG);
    out.push(is_empty_instance | flag(asked.is_some(), ASKED_FLAG) | role_flag);
    for moment in [created, pushed, failed] {
        out.extend_from_slice(&moment.nanos().to_le_bytes());
    }
    if is_hidden {
        write_string(out, hidden_key(image.key()).as_bytes());
    } else {
        write_string(out, image.key().as_bytes());
    }
    if let Some(asked) = asked {
        out.extend_from_slice(&asked.as_secs().to_le_bytes());
        out.extend_from_slice(&asked.subsec_nanos().to_le_bytes());
    }
    match &role {
        SavedRole::Plain => {}
        SavedRole::Sum(totals) => write_string(out, totals),
        SavedRole::Source(source) => {
            write_string(out, source.sum.text().as_bytes());
            out.push(
                flag(source.sum.has_empty_instance(), EMPTY_INSTANCE_FLAG)
                    | flag(is_hidden, HIDDEN_FLAG),
            );
            write_string(out, &source.ids);
        }
    }
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
pub(crate) fn gone(key: &str, sequence: u64) -> Vec<u8> {
    let mut record = Vec::new();
    let start = write_head(&mut record, VERSION);
    record.push(GONE_FLAG);
    record.extend_from_slice(&[0; 24]);
    write_string(&mut record, key.as_bytes());
    record.extend_from_slice(&[0; 4]);
    finish(&mut record, start);
    seal(&mut record, sequence).expect("a key is smaller than 4 GiB");
    record
}

/// The key under which a job of the ledger is stored.
pub(crate) fn job_key(job: &str) -> Arc<str> {
    format!("{JOB_KEY}{job}").into()
}

/// The record of a job in the ledger, without its sequence and checksum.
pub(crate) fn of_job(counts: &JobCounts) -> Vec<u8> {
    let mut record = Vec::new();
    let start = write_head(&mut record, VERSION_2);
    record.push(JOB_FLAG);
    record.extend_from_slice(&[0; 24]);
    write_string(&mut record, job_key(&counts.job).as_bytes());
    let JobCounts { last_push, pushes, failures, expired, .. } = *counts;
    for count in [last_push.nanos(), pushes, failures, expired] {
        record.extend_from_slice(&count.to_le_bytes());
    }
    finish(&mut record, start);
    record
}

fn write_head(out: &mut Vec<u8>, version: u32) -> usize {
    let start = out.len();
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&version.to_le_bytes());
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
pub(crate) fn seal(record: &mut [u8], sequence: u64) -> Result<(), RecordError> {
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
        if !(VERSION..=LATEST_VERSION).contains(&version) {
            return Err(RecordError::Newer(version));
        }
        Ok(Record { sequence, bytes: &bytes[..whole], payload })
    }

    /// The job of the ledger that a record is about. Quick if it is about a group.
    ///
    /// # Errors
    /// When what was written is no job.
    pub(crate) fn of_ledger(bytes: &[u8]) -> Result<Option<JobCounts>, RecordError> {
        let is_of_job = bytes.get(HEAD_BYTES).is_some_and(|flags| flags & JOB_FLAG != 0);
        if is_of_job { Record::read(bytes)?.job() } else { Ok(None) }
    }

    /// Whether it says that the group is gone.
    pub fn is_gone(&self) -> bool {
        self.payload.first().is_some_and(|flags| flags & GONE_FLAG != 0)
    }

    /// What it says of a job in the ledger; `None` if it is about a group.
    ///
    /// # Errors
    /// When what was written is no job.
    pub fn job(&self) -> Result<Option<JobCounts>, RecordError> {
        let mut payload = Cursor(self.payload);
        if payload.take(1)?[0] & JOB_FLAG == 0 {
            return Ok(None);
        }
        payload.take(24)?;
        let job = payload.text()?.strip_prefix(JOB_KEY).ok_or(RecordError::Damaged)?;
        let mut count = || payload.u64();
        let [last_push, pushes, failures, expired] = [count()?, count()?, count()?, count()?];
        let last_push = Timestamp::from_nanos(last_push);
        Ok(Some(JobCounts { job: job.into(), last_push, pushes, failures, expired, groups: 0 }))
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
        let flags = payload.take(1)?[0];
        const KNOWN: u8 = EMPTY_INSTANCE_FLAG | ASKED_FLAG | SUM_FLAG | SOURCE_FLAG;
        if flags & !KNOWN != 0 {
            return Err(RecordError::Damaged);
        }
        let has_empty_instance = flags & EMPTY_INSTANCE_FLAG != 0;
        let mut moment = || payload.u64().map(Timestamp::from_nanos);
        let [created, pushed, failed] = [moment()?, moment()?, moment()?];
        let key = payload.text()?;
        let hidden = key.strip_prefix(HIDDEN_MARK);
        let key = GroupingKey::from_text(hidden.unwrap_or(key), has_empty_instance);
        let asked = match flags & ASKED_FLAG {
            0 => None,
            _ => Some(Duration::new(payload.u64()?, payload.u32()? % 1_000_000_000)),
        };
        let times = GroupTimes { created, pushed, failed, asked };
        let role = match (flags & SUM_FLAG != 0, flags & SOURCE_FLAG != 0) {
            (false, false) => SavedRole::Plain,
            (true, false) => SavedRole::Sum(payload.string()?.to_vec()),
            (false, true) => SavedRole::Source(Box::new(payload.source()?)),
            (true, true) => return Err(RecordError::Damaged),
        };
        let is_hidden = matches!(&role, SavedRole::Source(source) if source.is_hidden);
        if is_hidden != hidden.is_some() {
            return Err(RecordError::Damaged);
        }
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
            // Each line ends in a line feed, the last like the others.
            if !family.text.ends_with(b"\n") || !batch.add_rendered(&family) {
                return Err(RecordError::Damaged);
            }
        }
        let is_whole = |key: &GroupingKey| {
            payload.0.is_empty() && key.has_empty_instance() == has_empty_instance
        };
        let key = key.filter(is_whole).ok_or(RecordError::Damaged)?;
        Ok(RestoredGroup { key, times, batch, pushed, role })
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

    fn source(&mut self) -> Result<SavedSource, RecordError> {
        let (key, flags) = (self.text()?, self.take(1)?[0]);
        let sum = GroupingKey::from_text(key, flags & EMPTY_INSTANCE_FLAG != 0);
        let sum = sum.ok_or(RecordError::Damaged)?;
        let (is_hidden, ids) = (flags & HIDDEN_FLAG != 0, self.string()?.to_vec());
        Ok(SavedSource { sum, is_hidden, ids })
    }

    fn text(&mut self) -> Result<&'a str, RecordError> {
        std::str::from_utf8(self.string()?).map_err(|_| RecordError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;
    use crate::exposition::NameRules;
    use crate::push::{decode, decode_protobuf};
    use crate::shard::{Index, Mode, Store};

    const SEQUENCE: u64 = 0x0102_0304_0506_0708;

    /// A counter with an exemplar, a histogram that is classic and native, and a summary.
    const NATIVE: &str = "LwoBYyIqCgYKAXgSATEaIAkAAAAAAAD4PxIVCgoKBXRyYWNlEgF0EQAAAAAAAOA/IAoBaBgEIhk6FwgBGgsIAREAAAAAAAAAQGIECAAQAWgCHwoBcxgCIhgiFggFGhIJAAAAAAAA4D8RAAAAAAAAHEA=";

    /// All kinds, names in quotes, and help.
    const BODY: &str = "u{x=\"1\"} 1\nu 2\n# TYPE c counter\n# HELP c Some \\\\ help.\nc NaN\n\
        # TYPE g gauge\ng +Inf\n# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 2\n\
        # TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 2\nh_count 3\n\
        {\"a.b\",\"\u{e9} x\"=\"y\"} 1\n";

    fn key(path: &str) -> GroupingKey {
        GroupingKey::parse(path.as_bytes(), NameRules::Utf8).expect("a valid path")
    }

    fn text(path: &str, body: &str) -> (GroupingKey, Batch) {
        let key = key(path);
        let batch = decode(&key, body.as_bytes(), NameRules::Utf8).expect("a valid push");
        (key, batch)
    }

    fn native(path: &str) -> (GroupingKey, Batch) {
        let body = BASE64_STANDARD.decode(NATIVE).expect("it is base64");
        let key = key(path);
        let batch = decode_protobuf(&key, &body, NameRules::Utf8).expect("a valid push");
        (key, batch)
    }

    /// The record of a group that was pushed, added to and refused a push, at moments 1, 2 and 3.
    fn record(key: &GroupingKey, first: &Batch, second: &Batch) -> Vec<u8> {
        let mut store = Store::new(Arc::new(Index::default()), Some(write));
        let moment = Timestamp::from_nanos;
        store.push(7, key, Mode::Replace, first, None, moment(1)).expect("nothing is in its way");
        store.push(7, key, Mode::Add, second, None, moment(2)).expect("nothing is in its way");
        store.fail(7, key, None, moment(3));
        store.checkpoint();
        let mut changes = store.hand_over(0);
        let mut record = changes.records_mut().next().expect("it is there").to_vec();
        seal(&mut record, SEQUENCE).expect("it is small");
        record
    }

    fn restore(record: &[u8]) -> Result<RestoredGroup, RecordError> {
        Record::read(record)?.restore()
    }

    #[test]
    fn a_group_comes_back_as_it_was() {
        let paths =
            ["/j", "/j/instance@base64/=", "/j/instance/i", "/j/U__a_2e_b/c", "/\u{e9}\"\n"];
        for path in paths {
            for (key, batch) in [text(path, BODY), native(path), text(path, "")] {
                let record = record(&key, &batch, &Batch::default());
                let read = Record::read(&record).expect("it is whole");
                assert_eq!((read.sequence, read.key()), (SEQUENCE, Ok(key.text())));
                assert_eq!(read.bytes, record);
                let group = read.restore().expect("it is whole");
                assert_eq!(format!("{:?}", group.key), format!("{key:?}"));
                let GroupTimes { created, pushed, failed, .. } = group.times;
                assert_eq!([created, pushed, failed].map(Timestamp::nanos), [1, 2, 3]);
                assert!(group.pushed.iter().all(|pushed| pushed.nanos() == 1));
                assert_eq!(group.pushed.len(), batch.families.len());
                for (is, was) in group.batch.families.iter().zip(&batch.families) {
                    let restored = &group.batch;
                    assert_eq!((is.kind, is.samples), (was.kind, was.samples));
                    assert_eq!(restored.name(is), batch.name(was));
                    assert_eq!(restored.help(is), batch.help(was));
                    assert_eq!(restored.text(is), batch.text(was));
                    assert_eq!(restored.native(is), batch.native(was));
                    assert_eq!(restored.series(is), batch.series(was));
                }
            }
        }
    }

    #[test]
    fn a_job_of_the_ledger_comes_back_and_is_no_group() {
        let last_push = Timestamp::from_nanos(7);
        let job = "a\\\"b".into();
        let counts = JobCounts { job, last_push, pushes: 1, failures: 2, expired: 3, groups: 0 };
        let mut record = of_job(&counts);
        seal(&mut record, SEQUENCE).expect("it is small");
        let read = Record::read(&record).expect("it is whole");
        assert_eq!(read.job(), Ok(Some(counts.clone())));
        assert_eq!(read.key(), Ok(&*job_key(&counts.job)));
        assert!(read.restore().is_err() && !read.is_gone());
    }

    #[test]
    fn what_a_push_has_asked_for_comes_back_with_its_group() {
        let (key, batch) = text("/j/instance@base64/=", BODY);
        let mut store = Store::new(Arc::new(Index::default()), Some(write));
        store.push(7, &key, Mode::Replace, &batch, None, Timestamp::now()).expect("it is valid");
        store.asks(7, &key, Duration::from_millis(90_500));
        store.checkpoint();
        let mut changes = store.hand_over(0);
        let mut record = changes.records_mut().next().expect("it is there").to_vec();
        seal(&mut record, SEQUENCE).expect("it is small");
        let group = restore(&record).expect("it is whole");
        assert_eq!(group.times.asked, Some(Duration::from_millis(90_500)));
        assert_eq!(group.batch.families.len(), batch.families.len());
        assert!(group.key.has_empty_instance());
    }

    #[test]
    fn families_keep_when_they_were_pushed() {
        let ((key, first), (_, second)) = (text("/j", "a 1\nc 1\n"), text("/j", "b 1\nc 2\n"));
        let group = restore(&record(&key, &first, &second)).expect("it is whole");
        let pushed: Vec<u64> = group.pushed.iter().map(|pushed| pushed.nanos()).collect();
        assert_eq!(pushed, [1, 2, 2]);
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_shows() {
        let (key, batch) = native("/j/instance/i");
        let mut record = record(&key, &batch, &Batch::default());
        for len in 0..record.len() {
            assert_eq!(Record::read(&record[..len]).err(), Some(RecordError::Damaged), "{len}");
        }
        for bit in 0..8 * record.len() {
            record[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::read(&record).err(), Some(RecordError::Damaged), "bit {bit}");
            record[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(restore(&record).is_ok());
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let (key, batch) = text("/j", BODY);
        let mut record = record(&key, &batch, &Batch::default());
        record[8] = LATEST_VERSION as u8 + 1;
        assert_eq!(restore(&record).err(), Some(RecordError::Damaged));
        seal(&mut record, SEQUENCE).expect("it is small");
        assert_eq!(restore(&record).err(), Some(RecordError::Newer(LATEST_VERSION + 1)));
    }

    #[test]
    fn a_payload_that_is_no_group_is_an_error_though_its_checksum_holds() {
        let (key, batch) = native("/j/instance/i");
        let record = record(&key, &batch, &Batch::default());
        let whole = restore(&record).expect("it is whole");
        let whole = format!("{whole:?}");
        let changed = RefCell::new(0);
        let check = |payload: &[u8]| {
            let mut record =
                [&record[..12], &(payload.len() as u32).to_le_bytes(), &[0; 8], payload].concat();
            record.extend_from_slice(&[0; CHECKSUM_BYTES]);
            seal(&mut record, SEQUENCE).expect("it is small");
            match restore(&record) {
                Ok(group) => {
                    *changed.borrow_mut() += 1;
                    assert_ne!(format!("{group:?}"), whole);
                }
                Err(error) => assert_eq!(error, RecordError::Damaged),
            }
        };
        let payload = &record[HEAD_BYTES..record.len() - CHECKSUM_BYTES];
        for len in 0..payload.len() {
            check(&payload[..len]);
        }
        assert_eq!(*changed.borrow(), 0, "no truncated one is a group");
        check(&[payload, b"x"].concat());
        assert_eq!(*changed.borrow(), 0, "none with more behind it");
        for at in 0..payload.len() {
            let mut payload = payload.to_vec();
            payload[at] ^= 0x11;
            check(&payload);
        }
        assert!(*changed.borrow() > 0, "but a moment is as good as another");
    }
}
