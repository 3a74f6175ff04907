//! The counters of a shard, which anyone may read at any time.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::shard::store::Store;
use crate::shard::timestamp::Timestamp;

/// The counters of a shard.
#[derive(Debug, Default)]
pub struct ShardStats {
    groups: AtomicU64,
    series: AtomicU64,
    samples: AtomicU64,
    bytes: AtomicU64,
    sources: AtomicU64,
    left_out: AtomicU64,
    natives_left_out: AtomicU64,
    pub(super) pushes: AtomicU64,
    pub(super) dropped: AtomicU64,
    dirty: AtomicU64,
    dirty_since: AtomicU64,
}

impl ShardStats {
    /// How many groups it holds.
    pub fn groups(&self) -> u64 {
        self.groups.load(Ordering::Relaxed)
    }

    /// How many series its groups hold.
    pub fn series(&self) -> u64 {
        self.series.load(Ordering::Relaxed)
    }

    /// How many lines a scrape of its groups has.
    pub fn samples(&self) -> u64 {
        self.samples.load(Ordering::Relaxed)
    }

    /// How many bytes the samples take.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How many sources it holds that are not shown.
    pub fn sources(&self) -> u64 {
        self.sources.load(Ordering::Relaxed)
    }

    /// How many quantiles it has left out of sums.
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    /// How many families with more than their text says it has left out of sums.
    pub fn natives_left_out(&self) -> u64 {
        self.natives_left_out.load(Ordering::Relaxed)
    }

    /// How many pushes it has handled.
    pub fn pushes(&self) -> u64 {
        self.pushes.load(Ordering::Relaxed)
    }

    /// How many pushes it rejected whose clients had their answer already.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// How many dirty groups it has.
    pub fn dirty(&self) -> u64 {
        self.dirty.load(Ordering::Relaxed)
    }

    /// When the first group changed since the last checkpoint.
    pub fn dirty_since(&self) -> Timestamp {
        Timestamp::from_nanos(self.dirty_since.load(Ordering::Relaxed))
    }

    pub(super) fn publish(&self, store: &Store) {
        let (dirty, since) = store.dirty();
        self.dirty.store(dirty as u64, Ordering::Relaxed);
        self.dirty_since.store(since.nanos(), Ordering::Relaxed);
        self.groups.store(store.groups(), Ordering::Relaxed);
        self.series.store(store.series(), Ordering::Relaxed);
        self.samples.store(store.samples(), Ordering::Relaxed);
        self.bytes.store(store.bytes(), Ordering::Relaxed);
        self.sources.store(store.hidden_sources(), Ordering::Relaxed);
        self.left_out.store(store.sums.left_out, Ordering::Relaxed);
        self.natives_left_out.store(store.sums.natives_left_out, Ordering::Relaxed);
    }
}
