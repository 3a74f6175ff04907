//! The scrape.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, VARY,
};
use hyper::{HeaderMap, StatusCode};
use tokio::sync::Semaphore;

use super::Http;
use super::body::Chunks;
use super::reply::{Failure, Reply, error};
use super::selection::selection;
use crate::exposition::{Escaping, NameRules};
use crate::scrape::{Answer, Done, Form, OwnFamily, Runs, Scrape, Task, accepts_gzip, negotiate};
use crate::shard::{HomedPage, Part, Selection, Shards};

const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// Less than this to render is rendered where it is, rather than handed to other threads.
const INLINE_BYTES_MAX: usize = 128 << 10;
/// More than this at a time is rendered on a thread of its own: it takes milliseconds. A page is as large
/// as that only if a single group's samples are.
const TURN_BYTES_MAX: usize = 512 << 10;
/// With more families than this, putting them in order takes a millisecond.
const FAMILIES_INLINE_MAX: usize = 1024;
/// When it takes longer than this until a scrape has its next turn, the threads are busy with pushes,
const BUSY_TURN: Duration = Duration::from_micros(100);
/// which then come first for this long: a push that waits is worse than a scrape that takes longer,
const BUSY_PAUSE: Duration = Duration::from_millis(3);
/// until the scrape has taken this long.
const BUSY_WAIT: Duration = Duration::from_secs(1);
/// How many pages are given back to their shards at a time.
const PAGES_PER_RETURN: usize = 8;

/// What scrapes share.
#[derive(Debug)]
pub struct Scrapes {
    /// One permit for each scrape that may be served at a time.
    slots: Arc<Semaphore>,
    /// Fragments kept from one scrape to the next.
    runs: Arc<Runs>,
}

impl Scrapes {
    /// Room for so many scrapes at a time.
    pub fn new(scrapes_max: usize) -> Scrapes {
        Scrapes { slots: Arc::new(Semaphore::new(scrapes_max)), runs: Arc::default() }
    }

    /// How many bytes of fragments are kept, those of the pages apart.
    pub fn kept_bytes(&self) -> usize {
        self.runs.kept_bytes()
    }
}

impl Http {
    pub(super) async fn scrape(&self, headers: &HeaderMap, query: &str) -> Reply {
        let selection = match selection(query) {
            Ok(selection) => selection,
            Err(reason) => return error(StatusCode::BAD_REQUEST, reason),
        };
        let since = Instant::now();
        self.own.scrape_begins();
        let negotiated = negotiate(values(headers, ACCEPT), self.config.enable_open_metrics);
        let form = Form {
            format: negotiated.format,
            escaping: match self.config.name_rules {
                NameRules::Legacy => Escaping::AllowUtf8, // There is nothing to escape.
                NameRules::Utf8 => negotiated.escaping,
            },
            gzip: accepts_gzip(values(headers, ACCEPT_ENCODING)),
            part: selection.part,
        };
        let (reply, plain_bytes) = match self.exposition(selection, form).await {
            Ok((mut reply, plain_bytes)) => {
                let content_type = HeaderValue::from_str(&negotiated.content_type());
                let content_type = content_type.expect("a content type is visible ASCII");
                reply.headers_mut().insert(CONTENT_TYPE, content_type);
                (reply, plain_bytes)
            }
            Err(failure) => {
                tracing::warn!(err = %failure, "scrape failed");
                (Reply::from(&failure), 0)
            }
        };
        self.own.scraped(reply.status().as_u16(), plain_bytes as u64, since);
        reply
    }

    async fn exposition(
        &self,
        selection: Selection,
        form: Form,
    ) -> Result<(Reply, usize), Failure> {
        // Held until the answer has been sent: it may hold on to a whole state of the gateway.
        let slots = Arc::clone(&self.scrapes.slots);
        let slot = slots.try_acquire_owned().map_err(|_| Failure::TooManyScrapes)?;
        let own = self.own_families(&selection);
        let is_whole = selection.is_whole();
        let snapshots = self.shards.snapshot(selection).await?;
        let families: usize = snapshots.iter().map(|snapshot| snapshot.families.len()).sum();
        let beginning = move || Scrape::new(snapshots, own, form);
        let (mut scrape, tasks) =
            if form.escaping == Escaping::AllowUtf8 && families <= FAMILIES_INLINE_MAX {
                beginning()
            } else {
                let beginning = tokio::task::spawn_blocking(beginning);
                beginning.await.expect("merging does not panic and is not aborted")
            };
        if is_whole {
            self.own.families_hidden(form.format, scrape.hidden());
        }
        for done in run(tasks, &self.shards).await {
            scrape.take(done);
        }
        let runs = Arc::clone(&self.scrapes.runs);
        let assembling = tokio::task::spawn_blocking(move || scrape.answer(&runs));
        let Answer { chunks, plain_bytes } =
            assembling.await.expect("assembling does not panic and is not aborted");
        let mut reply = Reply::new(Chunks::leased(chunks, slot));
        reply.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        if form.gzip {
            reply.headers_mut().insert(CONTENT_ENCODING, GZIP);
        }
        Ok((reply, plain_bytes))
    }
}

impl Http {
    /// What the gateway says about itself. It belongs to no job, and is not split: the first part has it.
    fn own_families(&self, selection: &Selection) -> Vec<OwnFamily> {
        let is_shown = selection.jobs.is_empty() && selection.part.is_none_or(Part::is_first);
        let is_named = |family: &OwnFamily| {
            let names = &selection.families;
            names.is_empty() || names.iter().any(|name| name == family.name())
        };
        let families = self.own.families(&self.shards, self.scrapes.kept_bytes()).into_iter();
        let families =
            families.map(|own| if is_shown && is_named(&own) { own } else { own.hidden() });
        families.collect()
    }
}

/// Runs the tasks on all threads of the runtime, and lets others have their turn after each: a page
/// takes about as long as a few pushes. Threads of their own would take whole time slices from the
/// pushes, and would allocate what only the runtime's threads free.
///
/// A page that its shard holds twice now goes back there at once, and its old state is gone before the
/// next ones are rendered: the whole of what is stored is never in memory twice.
async fn run(tasks: Vec<Task>, shards: &Shards) -> Vec<Done> {
    let bytes: usize = tasks.iter().map(Task::bytes).sum();
    let threads = if bytes <= INLINE_BYTES_MAX {
        1
    } else {
        tokio::runtime::Handle::current().metrics().num_workers()
    };
    let tasks = Arc::new(Mutex::new(tasks.into_iter()));
    let share = || run_share(Arc::clone(&tasks), shards.clone());
    let others: Vec<_> = (1..threads).map(|_| tokio::spawn(share())).collect();
    let mut all = share().await;
    for other in others {
        all.extend(other.await.expect("rendering does not panic and is not aborted"));
    }
    all
}

async fn run_share(tasks: Arc<Mutex<std::vec::IntoIter<Task>>>, shards: Shards) -> Vec<Done> {
    let next = || tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
    let mut all = Vec::new();
    let mut pages: Vec<HomedPage> = Vec::new();
    let began = Instant::now();
    while let Some(task) = next() {
        let (done, page) = if task.bytes() <= TURN_BYTES_MAX {
            task.run()
        } else {
            let running = tokio::task::spawn_blocking(|| task.run());
            running.await.expect("rendering does not panic and is not aborted")
        };
        all.push(done);
        pages.extend(page);
        if pages.len() == PAGES_PER_RETURN {
            shards.adopt(std::mem::take(&mut pages));
        }
        let turn_ended = Instant::now();
        tokio::task::yield_now().await;
        if turn_ended.elapsed() > BUSY_TURN && began.elapsed() < BUSY_WAIT {
            tokio::time::sleep(BUSY_PAUSE).await;
        }
    }
    if !pages.is_empty() {
        shards.adopt(pages);
    }
    all
}

/// The values of all headers of that name, those that are text.
fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}
