//! A disk that may lose its power, tear what it has not synced, and fail.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

use crate::durability::random::Random;

/// What a disk writes whole or not at all, in bytes.
const SECTOR_BYTES: usize = 512;

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// What a reader sees.
    bytes: Vec<u8>,
    /// What there was at first,
    first: Vec<u8>,
    /// and what has been done to it since.
    done: Vec<Operation>,
    fault: Fault,
}

#[derive(Debug)]
enum Operation {
    Write(u64, Vec<u8>),
    Length(u64),
    Sync,
    /// What a sync that failed left: all of the disk.
    Left(Vec<u8>),
}

/// How a disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The operation of this number, counted from 0, fails.
    Once(usize),
    /// That one and all behind it fail.
    From(usize),
    /// It is full: it does not grow.
    Full,
    /// The first sync from that operation on fails, and any sectors that were not synced are lost: a reader sees
    /// what was there before.
    Forgets(usize),
}

impl Disk {
    /// A disk that holds these bytes.
    pub(crate) fn holding(bytes: Vec<u8>) -> Disk {
        let (first, done) = (bytes.clone(), Vec::new());
        Disk(Arc::new(Mutex::new(State { bytes, first, done, fault: Fault::None })))
    }

    /// What a reader sees.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    /// How many operations there have been: writes, syncs and changes of the length, those that failed among
    /// them.
    pub(crate) fn operations(&self) -> usize {
        self.state().done.len()
    }

    /// From now on it fails like this.
    pub(crate) fn set_fault(&self, fault: Fault) {
        self.state().fault = fault;
    }

    /// What is left when the power goes after that many operations: what had been synced by then, and of
    /// the rest any sectors.
    pub(crate) fn after_power_loss(&self, operations: usize, random: &mut Random) -> Vec<u8> {
        self.state().after_power_loss(operations, random)
    }

    fn operate(&self, operation: Operation) -> io::Result<()> {
        let mut state = self.state();
        let number = state.done.len();
        let fails = match state.fault {
            Fault::None => false,
            Fault::Once(at) => number == at,
            Fault::From(at) => number >= at,
            Fault::Full => {
                matches!(&operation, Operation::Length(len) if *len > state.bytes.len() as u64)
            }
            Fault::Forgets(at) => number >= at && matches!(operation, Operation::Sync),
        };
        let done = match operation {
            operation if !fails => operation,
            Operation::Sync if matches!(state.fault, Fault::Forgets(_)) => {
                state.fault = Fault::None;
                Operation::Left(state.after_power_loss(number, &mut Random(number as u64)))
            }
            // Some of it may have been done.
            Operation::Write(at, data) => Operation::Write(at, data[..data.len() / 2].to_vec()),
            _ => Operation::Write(0, Vec::new()),
        };
        done.apply(&mut state.bytes);
        state.done.push(done);
        if fails { Err(io::Error::other("the disk fails")) } else { Ok(()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics with it")
    }
}

impl State {
    fn after_power_loss(&self, operations: usize, random: &mut Random) -> Vec<u8> {
        let done = &self.done[..operations.min(self.done.len())];
        let is_sync =
            |operation: &Operation| matches!(operation, Operation::Sync | Operation::Left(_));
        let synced = done.iter().rposition(is_sync).map_or(0, |last| last + 1);
        let mut bytes = self.first.clone();
        done[..synced].iter().for_each(|operation| operation.apply(&mut bytes));
        // Sometimes nearly all reach the disk, sometimes next to none.
        let out_of_8 = random.below(9);
        for operation in &done[synced..] {
            match operation {
                Operation::Write(offset, data) => {
                    let mut at = *offset as usize;
                    let mut rest = &data[..];
                    while !rest.is_empty() {
                        let in_sector = SECTOR_BYTES - at % SECTOR_BYTES;
                        let (sector, others) = rest.split_at(in_sector.min(rest.len()));
                        if random.below(8) < out_of_8 {
                            write(&mut bytes, at, sector);
                        }
                        (rest, at) = (others, at + sector.len());
                    }
                }
                _ if random.below(8) < out_of_8 => operation.apply(&mut bytes),
                _ => {}
            }
        }
        bytes
    }
}

impl Operation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Operation::Write(offset, data) => write(bytes, *offset as usize, data),
            Operation::Length(len) => bytes.resize(*len as usize, 0),
            Operation::Sync => {}
            Operation::Left(left) => bytes.clone_from(left),
        }
    }
}

/// Writes what is within the length; the rest is lost with the length it was written for.
fn write(bytes: &mut [u8], at: usize, data: &[u8]) {
    if let Some(room) = bytes.get_mut(at..) {
        let len = data.len().min(room.len());
        room[..len].copy_from_slice(&data[..len]);
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let stored = state.bytes.get(offset as usize..).and_then(|from| from.get(..out.len()));
        out.copy_from_slice(stored.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.operate(Operation::Length(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.operate(Operation::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.operate(Operation::Write(offset, data.to_vec()))
    }
}
