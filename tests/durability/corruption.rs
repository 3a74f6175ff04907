//! Files that rot: what is read of them is what was written, or an error.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem;

use shardgate::exposition::NameRules;
use shardgate::persist::{Exported, Promise, Record, StorageError, export};
use shardgate::push::{GroupingKey, decode_protobuf};
use shardgate::shard::Mode;

use crate::durability::disk::Disk;
use crate::durability::gateway::{Gateway, key, push};
use crate::durability::random::Random;
use crate::durability::stores::{Contents, empty, read_groups};

const GROUPS: usize = 36;
const NATIVES: usize = 4;
/// What redb's head takes,
const HEAD_BYTES: usize = 320;
/// and where its flags stand, which no checksum covers.
const FLAGS_AT: usize = 9;
/// Of so many bytes behind it, one is changed.
const EVERY: usize = 64;
/// Of so many damaged stores, one is exported.
const EXPORTED_EVERY: usize = 16;

/// A counter with an exemplar, a histogram that is classic and native, and a summary.
const NATIVE: &str = "LwoBYyIqCgYKAXgSATEaIAkAAAAAAAD4PxIVCgoKBXRyYWNlEgF0EQAAAAAAAOA/IAoBaBgEIhk6FwgBGgsIAREAAAAAAAAAQGIECAAQAWgCHwoBcxgCIhgiFggFGhIJAAAAAAAA4D8RAAAAAAAAHEA=";

/// A store of groups, some pushed to twice and some deleted, that was closed, or cut off.
async fn store(is_closed: bool) -> Vec<u8> {
    let disk = Disk::holding(empty());
    let hour = Duration::from_secs(3600);
    let gateway = Gateway::start(&disk, Promise::Push, hour).await.expect("the disk is fine");
    for value in 0..2 {
        for group in 0..GROUPS + 4 {
            let pushed = push(&gateway.shards, key(value, group), Mode::Replace, "m", value).await;
            pushed.expect("the disk is fine");
        }
    }
    for group in 0..GROUPS + 4 {
        gateway.shards.delete(key(0, group)).await.expect("the disk is fine");
    }
    for group in 0..4 {
        gateway.shards.delete(key(1, group)).await.expect("the disk is fine");
    }
    let body = BASE64_STANDARD.decode(NATIVE).expect("it is base64");
    for native in 0..NATIVES {
        let path = format!("/native/instance/{native}");
        let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path");
        let batch = decode_protobuf(&key, &body, NameRules::Legacy).expect("a valid push");
        gateway.shards.push(key, Mode::Replace, batch, None).await.expect("the disk is fine");
    }
    let cut_off = disk.bytes();
    gateway.stop().await.expect("there is nothing left to save");
    if is_closed { disk.bytes() } else { cut_off }
}

/// A store that was whole once, and how reading went of what has become of it.
struct Rotting {
    bytes: Vec<u8>,
    was: Contents,
    /// What is exported.
    file: PathBuf,
    intact: usize,
    damaged: usize,
}

impl Rotting {
    async fn new(is_closed: bool) -> Rotting {
        let bytes = store(is_closed).await;
        let was = read_groups(Disk::holding(bytes.clone())).expect("it is whole");
        assert_eq!(was.1.len(), GROUPS + NATIVES);
        let name = if is_closed { "closed" } else { "cut off" };
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        Rotting { bytes, was, file, intact: 0, damaged: 0 }
    }

    /// Reads the store after a change: it is to be what it was, or an error, and not to be touched.
    fn check(&mut self, how: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.bytes.clone();
        change(&mut bytes);
        let disk = Disk::holding(bytes);
        match read_groups(disk.clone()) {
            Ok(contents) => {
                assert!(contents == self.was, "{how}, and other groups are read");
                self.intact += 1;
            }
            Err(StorageError::Damaged(_)) => {
                self.damaged += 1;
                if self.damaged % EXPORTED_EVERY == 1 {
                    self.export(&disk.bytes());
                }
            }
            Err(StorageError::Foreign(_) | StorageError::Newer(_) | StorageError::Failed(_)) => {}
            Err(error) => panic!("{how}: {error}"),
        }
        assert_eq!(disk.operations(), 0, "{how}, and it is written to");
    }

    /// Flips each bit of the head, and bits all over the file.
    fn flip_bits(&mut self) {
        let mut random = Random(1);
        let head = (0..HEAD_BYTES).flat_map(|at| (0..8).map(move |bit| (at, bit)));
        let bodies = (HEAD_BYTES..self.bytes.len() - EVERY).step_by(EVERY);
        let body = bodies.map(|at| (at + random.below(EVERY), random.below(8)));
        for (at, bit) in head.chain(body) {
            let how = format!("bit {bit} of byte {at} is flipped");
            self.check(&how, |bytes| bytes[at] ^= 1 << bit);
        }
    }

    /// Loses and damages more at a time.
    fn break_off(&mut self) {
        let mut random = Random(2);
        for flags in 0..=u8::MAX {
            self.check(&format!("its flags are {flags}"), |bytes| bytes[FLAGS_AT] = flags);
        }
        let len = self.bytes.len();
        for at in (0..len).step_by(512) {
            self.check(&format!("it ends at {at}"), |bytes| bytes.truncate(at));
        }
        for at in (0..len).step_by(4096) {
            self.check(&format!("zeros at {at}"), |bytes| bytes[at..at + 512].fill(0));
            self.check(&format!("noise at {at}"), |bytes| {
                bytes[at..at + 512].fill_with(|| random.next() as u8);
            });
        }
        for more in [1, 100, 512, 4096, 100_000, 5_000_000] {
            self.check(&format!("{more} bytes of noise behind it"), |bytes| {
                bytes.resize_with(len + more, || random.next() as u8);
            });
        }
    }

    /// Exports one that is damaged: all records that stand in it come out.
    fn export(&self, bytes: &[u8]) {
        std::fs::write(&self.file, bytes).expect("it can be written");
        let mut out = Vec::new();
        let Exported { groups, damage } = export(&self.file, &mut out).expect("it can be read");
        assert!(matches!(damage, Some(StorageError::Damaged(_))), "{damage:?}");
        let out = String::from_utf8(out).expect("it is text");
        assert_eq!(out.matches("# PUT /metrics/job/").count() as u64, groups);
        let stands = |record: &&Vec<u8>| memmem::find(bytes, record).is_some();
        for record in self.was.1.values().filter(stands) {
            let group = Record::read(record).and_then(|record| record.restore());
            let group = group.expect("it was whole");
            assert!(out.contains(&format!("# PUT /metrics{}\n", group.key.path())), "{out}");
            for family in &group.batch.families {
                let text = String::from_utf8_lossy(group.batch.text(family));
                assert!(out.contains(&*text), "{text} is not in {out}");
            }
        }
        assert!(std::fs::read(&self.file).expect("it is there") == bytes, "it is left as it is");
    }
}

async fn rot(is_closed: bool) {
    let mut rotting = Rotting::new(is_closed).await;
    rotting.flip_bits();
    rotting.break_off();
    let Rotting { intact, damaged, .. } = rotting;
    assert!(intact > 100 && damaged > 100, "{intact} intact, {damaged} damaged");
    std::fs::remove_file(rotting.file).expect("it is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_store_that_rots_is_never_taken_for_another() {
    rot(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_cut_off_and_rots_is_never_taken_for_another() {
    rot(false).await;
}
