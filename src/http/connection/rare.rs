//! Two futures in one task, one of which is polled all the time and the other hardly ever.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What was ready first.
pub(in crate::http) enum First<M, A> {
    Main(M),
    Aside(A),
}

/// Waits for either future. `main` is polled whenever the task is, `aside` only when it has asked for
/// it: a timer or a signal that is looked at on each wake of a busy connection costs it more than the
/// head of a request does.
pub(in crate::http) async fn first<M: Future, A: Future>(
    mut main: Pin<&mut M>,
    mut aside: Pin<&mut A>,
) -> First<M::Output, A::Output> {
    let mut bell = Arc::new(Bell::new(Waker::noop()));
    poll_fn(|context| {
        if let Poll::Ready(output) = main.as_mut().poll(context) {
            return Poll::Ready(First::Main(output));
        }
        if !bell.task.will_wake(context.waker()) {
            bell = Arc::new(Bell::new(context.waker()));
        }
        if !bell.has_rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&bell));
        aside.as_mut().poll(&mut Context::from_waker(&waker)).map(First::Aside)
    })
    .await
}

/// Wakes the task, and remembers on whose behalf.
struct Bell {
    has_rung: AtomicBool,
    task: Waker,
}

impl Bell {
    /// One that has rung, so that the future is polled for a first time.
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
    async fn the_one_aside_is_polled_only_when_it_asks() {
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
        let first = first(main.as_mut(), never.as_mut()).await;
        assert!(matches!(first, First::Main(())));
        assert_eq!(polls.into_inner(), 1);
    }

    #[tokio::test]
    async fn the_one_aside_ends_the_wait() {
        let mut main = pin!(std::future::pending::<()>());
        let mut timer = pin!(tokio::time::sleep(Duration::from_millis(5)));
        assert!(matches!(first(main.as_mut(), timer.as_mut()).await, First::Aside(())));
        let mut both = (pin!(ready(1)), pin!(ready(2)));
        assert!(matches!(first(both.0.as_mut(), both.1.as_mut()).await, First::Main(1)));
    }
}
