//! Records as they are read: nothing of what is read is trusted.

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128;

use super::{
    ASKED_FLAG, CHECKSUM_BYTES, EMPTY_INSTANCE_FLAG, GONE_FLAG, HEAD_BYTES, HIDDEN_FLAG, JOB_FLAG,
    JOB_KEY, KINDS, LATEST_VERSION, MAGIC, RecordError, SOURCE_FLAG, SUM_FLAG, VERSION,
};
use crate::push::{Batch, GroupingKey, RenderedFamily};
use crate::shard::{
    GroupTimes, HIDDEN_MARK, JobCounts, RestoredGroup, SavedRole, SavedSource, Timestamp,
    UnhashedGroup,
};

/// How many bytes the kind, the time and the four lengths of a family take.
const FAMILY_BYTES_MIN: usize = 25;

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
        Record::read_checked(bytes, false)
    }

    /// The record in bytes that [`Record::read`] has found to be one.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn read_again(bytes: &'a [u8]) -> Result<Record<'a>, RecordError> {
        Record::read_checked(bytes, true)
    }

    fn read_checked(bytes: &'a [u8], is_checked: bool) -> Result<Record<'a>, RecordError> {
        let mut head = Cursor(bytes);
        if head.take(MAGIC.len())? != MAGIC {
            return Err(RecordError::Damaged);
        }
        let (version, payload_bytes) = (head.u32()?, head.u32()? as usize);
        let sequence = head.u64()?;
        let payload = head.take(payload_bytes)?;
        let checksum = head.take(CHECKSUM_BYTES)?;
        let (sealed, whole) = (HEAD_BYTES + payload_bytes, bytes.len() - head.0.len());
        if !is_checked && xxh3_128(&bytes[..sealed]).to_le_bytes() != *checksum {
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
        self.group(Batch::add_rendered)
    }

    /// The group, before the fingerprints of its series are made.
    ///
    /// # Errors
    /// When what was written is no group.
    pub(crate) fn restore_unhashed(&self) -> Result<UnhashedGroup, RecordError> {
        self.group(Batch::add_unhashed).map(UnhashedGroup::new)
    }

    fn group(
        &self,
        add: impl Fn(&mut Batch, &RenderedFamily<'_>) -> bool,
    ) -> Result<RestoredGroup, RecordError> {
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
        // Each of them takes more than that, whatever the number says.
        let families_max = (families as usize).min(payload.0.len() / FAMILY_BYTES_MIN);
        let mut batch = Batch::with_room(families_max, payload.0.len());
        let mut pushed = Vec::with_capacity(families_max);
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
            if !family.text.ends_with(b"\n") || !add(&mut batch, &family) {
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
