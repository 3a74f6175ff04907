//! The log: one line a message on standard error.
//!
//! `line` writes a message; `limit` keeps a client from filling the disk with what it causes: messages
//! with a field `source`, which is who caused them, or else `job` are limited, and no others.

mod limit;
mod line;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::config::{LogFormat, LogLevel};
use limit::Limiter;

pub use limit::SUMMARY_WAIT;
pub use line::VALUE_BYTES_MAX;

/// Starts logging, for the whole process.
pub fn init(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Info => Level::INFO,
        LogLevel::Warn => Level::WARN,
        LogLevel::Error => Level::ERROR,
    };
    let limiter = Arc::new(Mutex::new(Limiter::default()));
    let lines = Lines { level, format, started: Instant::now(), limiter: Arc::clone(&limiter) };
    let subscriber = tracing_subscriber::registry().with(lines);
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        return; // A second call, as tests in one process make it, keeps the first.
    }
    let summarizing = std::thread::Builder::new().name("log".to_owned());
    let started = summarizing.spawn(move || {
        loop {
            std::thread::sleep(SUMMARY_WAIT);
            let summary = limiter.lock().unwrap_or_else(PoisonError::into_inner).summary();
            if let Some((messages, sources, loudest)) = summary {
                tracing::warn!(messages, sources, loudest, "messages suppressed");
            }
        }
    });
    if let Err(error) = started {
        tracing::warn!(err = %error, "what is suppressed will not be counted here");
    }
}

/// Writes each event as one line.
struct Lines {
    level: Level,
    format: LogFormat,
    started: Instant,
    limiter: Arc<Mutex<Limiter>>,
}

impl Lines {
    /// Whether a message may be written that a client has caused.
    fn allows(&self, cause: &str) -> bool {
        let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        limiter.allows(cause, self.started.elapsed())
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level && metadata.target().starts_with("shardgate")
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if let Some(cause) = limit::cause(event)
            && !self.allows(&cause)
        {
            return;
        }
        let line = line::line(event, self.format);
        // There is nobody to tell that the log cannot be written.
        let _lost = std::io::stderr().lock().write_all(line.as_bytes());
    }
}
