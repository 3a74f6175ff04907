//! Two futures in one task: one is polled on every wake, the other only when it asks. The second is rare: a timer, or the
//! stop signal.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// The future that was ready first.
pub(crate) enum Ready<M, R> {
    Main(M),
    Rare(R),
}

/// Waits for either future. `main` is polled whenever the task is, `rare` only when it has asked for
/// it: a timer or a signal that is looked at on each wake of a busy connection costs it more than the
/// head of a request does.
pub(crate) async fn select_rare<M: Future, R: Future>(
    mut main: Pin<&mut M>,
    mut rare: Pin<&mut R>,
) -> Ready<M::Output, R::Output> {
    let mut bell = Arc::new(Bell::new(Waker::noop()));
    poll_fn(|context| {
        if let Poll::Ready(output) = main.as_mut().poll(context) {
            return Poll::Ready(Ready::Main(output));
        }
        if !bell.task.will_wake(context.waker()) {
            bell = Arc::new(Bell::new(context.waker()));
        }
        if !bell.has_rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&bell));
        rare.as_mut().poll(&mut Context::from_waker(&waker)).map(Ready::Rare)
    })
    .await
}

/// Wakes the task, and remembers that the rare future asked for it.
struct Bell {
    has_rung: AtomicBool,
    task: Waker,
}

impl Bell {
    /// A bell that has rung, so that the future is polled for a first time.
    fn new(task: &Waker) -> Bell {
        Bell { has_rung: AtomicBool::new(true), task: task.clone() }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::pin::pin;
    use std::sync::atomic::AtomicU32;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_rare_future_is_polled_only_when_it_asks() {
        let polls = AtomicU32::new(0);
        let mut main = pin!(async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        });
        let mut never = pin!(poll_fn(|_| {
            polls.fetch_add(1, Ordering::Relaxed);
            Poll::<()>::Pending
        }));
        let ready = select_rare(main.as_mut(), never.as_mut()).await;
        assert!(matches!(ready, Ready::Main(())));
        assert_eq!(polls.into_inner(), 1);
    }

    #[tokio::test]
    async fn the_rare_future_ends_the_wait() {
        let mut main = pin!(std::future::pending::<()>());
        let mut timer = pin!(tokio::time::sleep(Duration::from_millis(5)));
        assert!(matches!(select_rare(main.as_mut(), timer.as_mut()).await, Ready::Rare(())));
        let mut both = (pin!(ready(1)), pin!(ready(2)));
        assert!(matches!(select_rare(both.0.as_mut(), both.1.as_mut()).await, Ready::Main(1)));
    }
}
