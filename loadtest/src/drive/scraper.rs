//! The scraper beside the pushers: what Prometheus does to a gateway meanwhile.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use super::plan::Plan;
use crate::client::Connection;
use crate::measure::{Scrapes, Window, time_histogram};

/// Starts it, on a thread of its own, if the profile has one.
pub(super) fn start(
    plan: &Plan,
    window: Window,
    stop: &Arc<AtomicBool>,
) -> io::Result<Option<JoinHandle<Scrapes>>> {
    let Some(scraper) = plan.profile.scraper else {
        return Ok(None);
    };
    let encoding = if scraper.gzip { "Accept-Encoding: gzip\r\n" } else { "" };
    let request = plan.head.get("/metrics", &format!("Accept: text/plain\r\n{encoding}"));
    let runtime: Runtime = Builder::new_current_thread().enable_all().build()?;
    let timeout = plan.profile.timeout.get();
    let (target, stop) = (Arc::clone(&plan.target), Arc::clone(stop));
    let work = move || {
        runtime.block_on(async {
            let connection = Connection::for_scrapes(target, timeout);
            scrape(connection, &request, scraper.interval.get(), window, &stop).await
        })
    };
    thread::Builder::new().name("scraper".to_owned()).spawn(work).map(Some)
}

async fn scrape(
    mut connection: Connection,
    request: &[u8],
    interval: Duration,
    window: Window,
    stop: &AtomicBool,
) -> Scrapes {
    let mut scrapes = Scrapes { duration: time_histogram(), errors: 0, last_bytes: 0 };
    let mut due = window.start;
    while due < window.until && !stop.load(Ordering::Relaxed) {
        tokio::time::sleep_until(due.into()).await;
        let started = Instant::now();
        let outcome = connection.exchange(request, &mut |_| {}).await;
        if window.contains(started) {
            match outcome {
                Ok(answer) if answer.is_success() => {
                    scrapes.duration.saturating_record(started.elapsed().as_nanos() as u64);
                    scrapes.last_bytes = answer.body_bytes;
                }
                Ok(_) | Err(_) => scrapes.errors += 1,
            }
        }
        // A scrape that takes longer than the interval delays the next one, as Prometheus does.
        while due <= Instant::now() {
            due += interval;
        }
    }
    scrapes
}
