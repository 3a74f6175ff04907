//! Has the pages of a scrape rendered on the threads of the runtime, between other work.

use std::sync::{Arc, Mutex, PoisonError};

use crate::http::push_priority::PushPriority;
use crate::scrape::{Done, Scrape, Task};
use crate::shard::{HomedPage, Shards};

/// A scrape with no more than this to render,
const INLINE_BYTES_MAX: usize = 128 << 10;
/// and to put together is made where it is asked for: between many pushes, each wait for its turn takes longer than all of its
/// work.
const INLINE_PIECES_MAX: usize = 128;
/// A page larger than this is rendered on a thread of its own, since that takes milliseconds. A page is as large as
/// that only if the samples of a single group are.
const TURN_BYTES_MAX: usize = 512 << 10;
/// How many pages are given back to their shards at a time.
const PAGES_PER_RETURN: usize = 8;

/// Runs the tasks on all threads of the runtime. Threads of their own would take whole time slices from
/// the pushes, and would allocate what only the runtime's threads free.
///
/// A rendered page goes back to its shard at once, which then frees the old state of the page. So memory never holds all
/// pages twice.
pub(crate) async fn render(tasks: Vec<Task>, shards: &Shards) -> Vec<Done> {
    let threads = tokio::runtime::Handle::current().metrics().num_workers();
    let tasks = Arc::new(Mutex::new(tasks.into_iter()));
    let share = || take_tasks(Arc::clone(&tasks), shards.clone());
    let others: Vec<_> = (1..threads).map(|_| tokio::spawn(share())).collect();
    let mut all = share().await;
    for other in others {
        all.extend(other.await.expect("rendering does not panic and is not aborted"));
    }
    all
}

/// Whether a scrape takes no longer than a few pushes. One that has nothing to render may still be large.
pub(crate) fn is_small(scrape: &Scrape, tasks: &[Task]) -> bool {
    scrape.pieces() <= INLINE_PIECES_MAX
        && tasks.iter().map(Task::bytes).sum::<usize>() <= INLINE_BYTES_MAX
}

/// Runs the tasks of a small scrape at once.
pub(crate) fn render_here(tasks: Vec<Task>, shards: &Shards) -> Vec<Done> {
    let (all, pages): (Vec<Done>, Vec<_>) = tasks.into_iter().map(Task::run).unzip();
    give_back(pages.into_iter().flatten().collect(), shards);
    all
}

fn give_back(pages: Vec<HomedPage>, shards: &Shards) {
    if !pages.is_empty() {
        shards.adopt(pages);
    }
}

/// Runs one task after the other, and lets other work go on in between: a page takes about as long as a few
/// pushes.
async fn take_tasks(tasks: Arc<Mutex<std::vec::IntoIter<Task>>>, shards: Shards) -> Vec<Done> {
    let next = || tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
    let mut all = Vec::new();
    let mut pages: Vec<HomedPage> = Vec::new();
    let priority = PushPriority::new(shards.clone());
    let mut task = next();
    while let Some(now) = task {
        let (done, page) = if now.bytes() <= TURN_BYTES_MAX {
            now.run()
        } else {
            let running = tokio::task::spawn_blocking(|| now.run());
            running.await.expect("rendering does not panic and is not aborted")
        };
        all.push(done);
        pages.extend(page);
        if pages.len() == PAGES_PER_RETURN {
            give_back(std::mem::take(&mut pages), &shards);
        }
        task = next();
        if task.is_none() {
            break;
        }
        tokio::task::yield_now().await;
        if let Some(pause) = priority.pause() {
            tokio::time::sleep(pause).await;
        }
    }
    give_back(pages, &shards);
    all
}
