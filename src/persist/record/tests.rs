//! Tests of records: what comes back, and that no damage goes unnoticed.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::*;
use crate::exposition::NameRules;
use crate::push::{Batch, GroupingKey, decode, decode_protobuf};
use crate::shard::{GroupTimes, Index, JobCounts, Mode, RestoredGroup, Store, Timestamp};

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
    let paths = ["/j", "/j/instance@base64/=", "/j/instance/i", "/j/U__a_2e_b/c", "/\u{e9}\"\n"];
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
