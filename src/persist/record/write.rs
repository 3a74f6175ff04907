//! Records as they are written.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use super::{
    ASKED_FLAG, CHECKSUM_BYTES, EMPTY_INSTANCE_FLAG, GONE_FLAG, HEAD_BYTES, HIDDEN_FLAG, JOB_FLAG,
    JOB_KEY, KINDS, LATEST_VERSION, MAGIC, RecordError, SOURCE_FLAG, SUM_FLAG, VERSION, VERSION_2,
};
use crate::shard::{GroupSnapshot, GroupTimes, JobCounts, SavedRole, hidden_key};

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
