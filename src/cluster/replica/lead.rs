//! Brings what the shards have changed into the stream, and answers the clients that wait for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use super::super::entry::RECORDS_BYTES_MAX;
use super::super::log::Log;
use super::state::Replica;
use super::term::{EPOCHS_LEN, Part, Pending, Term};
use crate::persist::epochs::{Epoch, EpochSource, Pace};
use crate::persist::record;
use crate::shard::{Changes, RestoreError, Unavailable};

/// Within which time a change that no client waits for is appended.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many bytes of groups an epoch writes again at least, so that old entries can be purged; and how many times what
/// it writes anyway.
const AGAIN_BYTES: u64 = 128 << 10;
const AGAIN_SHARE: u64 = 4;

impl<L: Log> Replica<L> {
    /// Begins to lead: everything in the stream is in the shards.
    pub(super) async fn lead(&mut self) -> Result<(), Unavailable> {
        tracing::info!(position = self.role.position(), "this replica leads its set");
        self.reader = None;
        match self.shards.read_roles().await {
            Ok(()) => {}
            Err(RestoreError::Unavailable(unavailable)) => return Err(unavailable),
            Err(RestoreError::Refused(key, refusal)) => {
                self.role.step_back(format!("the sum {key} cannot be read: {refusal}"));
                return Ok(());
            }
        }
        self.membership.takes_over();
        self.shards.close(None).await?;
        let (stop, stopping) = watch::channel(false);
        let pace = Arc::new(Pace::new(INTERVAL));
        let source = EpochSource {
            shards: self.shards.clone(),
            gathered: Box::new(|_| {}),
            awaited: Arc::clone(&self.awaited),
            pace: Arc::clone(&pace),
            low_priority_time: Duration::ZERO,
            stopping,
            room: Some(Arc::new(Semaphore::new(EPOCHS_LEN))),
        };
        let (send, epochs) = flume::bounded(0);
        self.term = Some(Term {
            epochs,
            source: tokio::spawn(source.run(send)),
            stop,
            pace,
            parts: VecDeque::new(),
            pending: VecDeque::new(),
            gone: Vec::new(),
            start: 0,
            is_ended: false,
        });
        Ok(())
    }

    /// Leads no more. Clients that wait are in doubt.
    pub(super) fn end_term(&mut self) {
        self.term = None;
    }

    /// The shards have handed over an epoch, or there will be no more.
    pub(super) async fn gathered(&mut self, epoch: Option<Epoch>) -> Result<(), Unavailable> {
        let Some(term) = &mut self.term else { return Ok(()) };
        let Some(mut epoch) = epoch else {
            (&mut term.source).await.map_err(|_| Unavailable::Dead)??;
            term.is_ended = true;
            if term.pending.is_empty() {
                self.role.resign(self.started.elapsed());
            }
            return Ok(());
        };
        if !term.gone.is_empty() {
            let gone = std::mem::take(&mut term.gone).into_iter();
            epoch.changes.push(Changes::of_records(gone.map(|key| (key, None))));
        }
        if epoch.changes.is_empty() && !epoch.is_awaited() {
            return Ok(());
        }
        let sequence = self.role.position() + 1;
        let (mut bytes, mut sizes) = (Vec::new(), Vec::new());
        for changes in &mut epoch.changes {
            changes.write_snapshots(record::write);
            for record in changes.records_mut() {
                if let Err(error) = record::seal(record, sequence) {
                    self.role.step_back(error.to_string());
                    return Ok(());
                }
            }
        }
        for (key, written) in epoch.each_once() {
            match written {
                Some(written) => bytes.extend_from_slice(written),
                // Something on its way into the stream may hold it.
                None if self.books.holds(key) || !term.pending.is_empty() => {
                    bytes.extend_from_slice(&record::gone(key, sequence));
                }
                None => continue,
            }
            sizes.push((Arc::clone(key), written.map(<[u8]>::len)));
        }
        // They are in `bytes` now.
        epoch.changes.clear();
        let written_bytes = bytes.len() as u64;
        let mut rest = Bytes::from(bytes);
        loop {
            let records = rest.split_to(rest.len().min(RECORDS_BYTES_MAX));
            let is_last = rest.is_empty();
            term.parts.push_back(Part { records, is_last });
            if is_last {
                break;
            }
        }
        term.pending.push_back(Pending { epoch, serial: None, sizes, bytes: written_bytes });
        Ok(())
    }

    /// Appends parts, as far as the role takes them.
    pub(super) fn feed(&mut self) {
        let now = self.started.elapsed();
        let Some(term) = &mut self.term else { return };
        while self.role.takes_entries()
            && let Some(Part { records, is_last }) = term.parts.pop_front()
        {
            let serial = self.role.append(now, records, is_last);
            if is_last && let Some(pending) = term.pending.iter_mut().find(|it| it.serial.is_none())
            {
                pending.serial = Some(serial);
            }
        }
    }

    /// A part of an epoch is in the stream.
    pub(super) async fn settle_part(
        &mut self,
        serial: u64,
        sequence: u64,
        is_last: bool,
    ) -> Result<(), Unavailable> {
        let Some(term) = &mut self.term else { return Ok(()) };
        if term.start == 0 {
            term.start = sequence;
        }
        if !is_last {
            return Ok(());
        }
        let start = std::mem::take(&mut term.start);
        let is_its_end = term.pending.front().is_some_and(|it| it.serial == Some(serial));
        let ended = if is_its_end { term.pending.pop_front() } else { None };
        let Some(Pending { mut epoch, sizes, bytes, .. }) = ended else {
            self.books.write(start, std::iter::empty());
            return Ok(());
        };
        self.membership.reaches(sequence);
        epoch.answer(Ok(()));
        term.pace.took(epoch.since.elapsed());
        self.books.write(start, sizes.iter().map(|(key, bytes)| (key, *bytes)));
        if term.is_ended && term.pending.is_empty() {
            self.role.resign(self.started.elapsed());
            return Ok(());
        }
        let again = self.books.keys_to_write_again((AGAIN_SHARE * bytes).max(AGAIN_BYTES));
        let (jobs, groups): (Vec<_>, Vec<_>) =
            again.into_iter().partition(|key| key.starts_with(record::JOB_KEY));
        let ledger = self.shards.ledger();
        term.gone.extend(jobs.into_iter().filter(|key| !ledger.touch(&key[1..])));
        if !groups.is_empty() {
            self.shards.touch(groups).await?;
        }
        if !self.is_purging
            && let Some(up_to) = self.books.give_up()
        {
            self.purge(up_to);
        }
        Ok(())
    }
}
