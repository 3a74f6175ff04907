//! Copies all groups of a source to a target.

use std::collections::HashMap;
use std::io::Write;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::group::{Lost, SourceGroup, is_asked_for};
use super::place::{Outcome, TargetError, Way, place};
use super::report::Report;
use super::source::{Found, Source, SourceError};
use super::stored::{self, Times};
use crate::client::{Connection, Endpoint};
use crate::selector::Selector;
use crate::shard::Timestamp;

/// How many groups are on their way to the target at a time, each on a connection of its own.
pub const IN_FLIGHT_MAX: usize = 8;

/// How often it is said how far an import is.
pub const PROGRESS_WAIT: Duration = Duration::from_secs(2);

/// What is to be copied, and how.
#[derive(Debug)]
pub struct Options {
    /// What has the groups.
    pub source: Source,
    /// Where they are to be; `None` when it is only to be said what would be copied.
    pub target: Option<(Endpoint, Way)>,
    /// Which of them, each with its text; all when there is none.
    pub selectors: Arc<[(String, Selector)]>,
}

/// Why not all groups have been seen.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The source, named here, does not tell them.
    #[error("{0}: {1}")]
    Source(String, SourceError),
    /// The target takes none.
    #[error("{0}: {1}")]
    Target(String, TargetError),
}

/// Copies groups, and says what has become of them, also where it could not come to its end. What would be
/// copied is written to `out`, a line a group. How far it is goes to `progress` now and then.
pub async fn run(
    options: Options,
    out: &mut impl Write,
    progress: &mut impl Write,
) -> (Report, Result<(), ImportError>) {
    let report = Arc::new(Mutex::new(Report::new(options.target.is_none())));
    let mut work = pin!(async {
        match &options.target {
            None => list(&options, &report, out).await,
            Some((target, way)) => copy(&options, target, *way, &report).await,
        }
    });
    let ended = loop {
        match timeout(PROGRESS_WAIT, work.as_mut()).await {
            Ok(ended) => break ended,
            Err(_) => drop(writeln!(progress, "{}", locked(&report).progress())),
        }
    };
    let report = std::mem::take(&mut *locked(&report));
    (report, ended)
}

/// Says what would be copied.
async fn list(
    options: &Options,
    report: &Mutex<Report>,
    out: &mut impl Write,
) -> Result<(), ImportError> {
    let (groups, telling) = told(options).await?;
    let mut lines = Vec::new();
    while let Ok(found) = groups.recv_async().await {
        let Some(group) = asked_for(found, &options.selectors, report) else { continue };
        let (path, samples) = (group.key.path(), group.samples());
        locked(report).note(&path, samples, group.cut, Outcome::Copied);
        lines.push(format!("{path}: {samples} samples, pushed {}", group.pushed.seconds()));
    }
    // A Pushgateway tells its groups in a random order.
    lines.sort_unstable();
    for line in lines {
        let _closed = writeln!(out, "{line}");
    }
    ended(options, telling).await
}

/// Copies them.
async fn copy(
    options: &Options,
    target: &Endpoint,
    way: Way,
    report: &Arc<Mutex<Report>>,
) -> Result<(), ImportError> {
    let refused = |error| ImportError::Target(target.to_string(), error);
    let ready = Connection::new(target.clone()).get("/-/ready").await;
    let ready = ready.map_err(TargetError::Client).map_err(refused)?;
    if !ready.status.is_success() {
        return Err(refused(TargetError::Refused(ready)));
    }
    let newer = match way {
        Way::AsPushes { keeps_newer: true } => Arc::new(push_times(target).await?),
        _ => Arc::default(),
    };
    let stored = Arc::new(match way {
        Way::WithTimes { .. } => stored::times(target).await,
        Way::AsPushes { .. } => Times::default(),
    });
    let (groups, telling) = told(options).await?;
    let mut workers = JoinSet::new();
    let selectors = Arc::clone(&options.selectors);
    for _ in 0..IN_FLIGHT_MAX {
        let (groups, report) = (groups.clone(), Arc::clone(report));
        let (newer, stored) = (Arc::clone(&newer), Arc::clone(&stored));
        let selectors = Arc::clone(&selectors);
        let mut connection = Connection::new(target.clone());
        workers.spawn(async move {
            while let Ok(found) = groups.recv_async().await {
                let Some(group) = asked_for(found, &selectors, &report) else { continue };
                let (path, samples, cut) = (group.key.path(), group.samples(), group.cut);
                let is_unchanged = stored.get(&path) == Some(&(group.pushed, group.failed));
                let is_newer = newer.get(&path).is_some_and(|pushed| *pushed > group.pushed);
                let outcome = match way {
                    Way::AsPushes { .. } if group.pushed == Timestamp::NEVER => {
                        locked(&report).note_never_pushed();
                        continue;
                    }
                    _ if is_newer => Outcome::Newer,
                    way => place(&mut connection, way, group).await?,
                };
                let outcome = match outcome {
                    Outcome::Copied if is_unchanged => Outcome::Unchanged,
                    outcome => outcome,
                };
                locked(&report).note(&path, samples, cut, outcome);
            }
            Ok(())
        });
    }
    drop(groups);
    while let Some(worked) = workers.join_next().await {
        // The first that gives up takes the others along.
        worked.expect("placing does not panic and is not aborted").map_err(refused)?;
    }
    ended(options, telling).await
}

/// When each group of a gateway was pushed to, by its path.
async fn push_times(target: &Endpoint) -> Result<HashMap<String, Timestamp>, ImportError> {
    let source = Source::Gateway(target.clone());
    let options = Options { source, target: None, selectors: Arc::default() };
    let (groups, telling) = told(&options).await?;
    let mut times = HashMap::new();
    while let Ok(found) = groups.recv_async().await {
        if let Ok(group) = found {
            times.insert(group.key.path(), group.pushed);
        }
    }
    ended(&options, telling).await?;
    Ok(times)
}

type Telling = JoinHandle<Result<(), SourceError>>;

/// The groups of the source as it tells them, and how that ends.
async fn told(options: &Options) -> Result<(flume::Receiver<Found>, Telling), ImportError> {
    let Options { source, selectors, .. } = options;
    let texts: Vec<&str> = selectors.iter().map(|(text, _)| &**text).collect();
    let telling = source.ask(&texts).await;
    let telling = telling.map_err(|error| ImportError::Source(source.to_string(), error))?;
    let (found, groups) = flume::bounded(IN_FLIGHT_MAX);
    let telling =
        tokio::task::spawn_blocking(move || telling.each(|group| found.send(group).is_ok()));
    Ok((groups, telling))
}

async fn ended(options: &Options, telling: Telling) -> Result<(), ImportError> {
    let told = telling.await.expect("reading does not panic and is not aborted");
    told.map_err(|error| ImportError::Source(options.source.to_string(), error))
}

/// The group that was found, if it is to be copied. That it cannot be is reported.
fn asked_for(
    found: Found,
    selectors: &[(String, Selector)],
    report: &Mutex<Report>,
) -> Option<SourceGroup> {
    match found {
        Ok(group) => Some(group).filter(|group| is_asked_for(&group.key, selectors)),
        Err(Lost::Named(key, _)) if !is_asked_for(&key, selectors) => None,
        Err(lost) => {
            locked(report).fail(&lost.shown(), &lost.reason());
            None
        }
    }
}

fn locked(report: &Mutex<Report>) -> MutexGuard<'_, Report> {
    report.lock().unwrap_or_else(PoisonError::into_inner)
}
