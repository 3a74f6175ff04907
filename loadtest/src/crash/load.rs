//! The load of one round: a thread with all connections, from the start of the gateway until after
//! its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::{fmt, io};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::setup::Setup;
use super::writer::{Group, Refusal, Writer};
use crate::client::{Failure, Target};
use crate::workload::Rng;

/// Why a round did not come to its end.
#[derive(Debug)]
pub(super) enum LoadError {
    Io(io::Error),
    Connect(Failure),
    Refused(Refusal),
    /// The thread or one of its connections panicked.
    Died,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the load failed: {error}"),
            Self::Connect(failure) => write!(f, "cannot connect to the gateway: {failure}"),
            Self::Refused(Refusal { status, text }) => {
                write!(f, "the gateway refused a request with {status}: {text}")
            }
            Self::Died => f.write_str("the load died"),
        }
    }
}

impl std::error::Error for LoadError {}

/// The groups of every connection.
pub(super) type Shares = Vec<Vec<Group>>;

pub(super) struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Shares, LoadError>>,
}

impl Load {
    /// Returns once all connections are open. Round and seed decide what is sent, but not how much.
    pub(super) fn start(
        setup: &Setup,
        target: &Target,
        round: usize,
        shares: Shares,
    ) -> Result<Self, LoadError> {
        let target = Arc::new(target.clone());
        let connections = shares.len();
        let runtime = Builder::new_current_thread().enable_all().build().map_err(LoadError::Io)?;
        let writers = runtime.block_on(async {
            let mut writers = Vec::with_capacity(connections);
            for (connection, groups) in shares.into_iter().enumerate() {
                let stream = round * connections + connection;
                let rng = Rng::new(setup.profile.seed, stream as u64);
                let mut writer = Writer::new(setup, &target, groups, rng);
                writer.open().await.map_err(LoadError::Connect)?;
                writers.push(writer);
            }
            Ok(writers)
        })?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("writers".to_owned())
            .spawn(move || write(&runtime, writers, &stopped))
            .map_err(LoadError::Io)?;
        Ok(Self { stop, thread })
    }

    /// Ends it; the gateway is gone, or answers what was asked already.
    pub(super) fn finish(self) -> Result<Shares, LoadError> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| LoadError::Died)?
    }
}

fn write(
    runtime: &Runtime,
    writers: Vec<Writer>,
    stop: &Arc<AtomicBool>,
) -> Result<Shares, LoadError> {
    runtime.block_on(async {
        let mut tasks: JoinSet<_> =
            writers.into_iter().map(|writer| writer.write(Arc::clone(stop))).collect();
        let mut shares = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            shares.push(ended.map_err(|_| LoadError::Died)?.map_err(LoadError::Refused)?);
        }
        // Tasks end in any order; connections keep their groups.
        shares.sort_by_key(|groups| groups.first().map(|group| group.number));
        Ok(shares)
    })
}
