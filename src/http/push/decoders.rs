//! Threads that decode large bodies, so that no other request waits for them.
//!
//! They are few and of low priority, so the threads that serve requests get the processors first.

use std::any::Any;
use std::io;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use tokio::sync::oneshot;

/// How much lower their priority is. Alone such a thread has all of a processor; beside another thread a third of it.
const NICER: i32 = 5;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Decoders {
    queue: flume::Sender<Job>,
}

impl Decoders {
    /// Starts one thread for each processor.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub(crate) fn start() -> io::Result<Decoders> {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        // The queue holds nothing, so a request that waits can still leave.
        let (queue, jobs) = flume::bounded::<Job>(0);
        for _ in 0..processors {
            let jobs = jobs.clone();
            thread::Builder::new().name("decoder".to_owned()).spawn(move || {
                let _unchanged = rustix::process::nice(NICER); // That of this thread alone.
                while let Ok(job) = jobs.recv() {
                    // The waiting request learns that the job has ended; other jobs need the thread.
                    let _panicked: Result<(), Box<dyn Any + Send>> =
                        catch_unwind(AssertUnwindSafe(job));
                }
            })?;
        }
        Ok(Decoders { queue })
    }

    /// Runs a job once a thread is free. A job whose future is dropped before that is not run.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(move || {
            if !reply.is_closed() {
                let _unheard = reply.send(job());
            }
        });
        let _to_be_done = self.queue.send_async(job).await;
        answer.await.expect("jobs do not panic, and their threads live as long as this")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_done_and_a_panic_takes_no_thread_away() {
        let decoders = Arc::new(Decoders::start().expect("there are threads"));
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        // All threads are busy until they are let go.
        let mut gates = Vec::new();
        for _ in 0..processors {
            let (gate, opened) = flume::bounded::<()>(0);
            let (started, has_started) = oneshot::channel();
            let decoders = Arc::clone(&decoders);
            let busy = tokio::spawn(async move {
                let wait = move || {
                    let _told = started.send(());
                    let _opened = opened.recv();
                };
                decoders.run(wait).await;
            });
            has_started.await.expect("it runs");
            gates.push((gate, busy));
        }
        let was_done = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&was_done);
        let left = tokio::time::timeout(
            std::time::Duration::from_millis(5),
            decoders.run(move || done.store(true, Ordering::Relaxed)),
        );
        assert!(left.await.is_err());
        for (gate, busy) in gates {
            gate.send_async(()).await.expect("it waits");
            busy.await.expect("it ends");
        }
        for _ in 0..2 * processors {
            let decoders = Arc::clone(&decoders);
            let panicked =
                tokio::spawn(async move { decoders.run::<()>(|| panic!("asked to")).await });
            assert!(panicked.await.is_err());
        }
        assert_eq!(decoders.run(|| 7).await, 7);
        assert!(!was_done.load(Ordering::Relaxed));
    }
}
