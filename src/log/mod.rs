//! The log: one line for each message, on standard error.
//!
//! `line` makes the line. `limit` counts the messages of each source: the field `source` of a message, or else `job`.
//! Messages without either have no limit. `queue` holds the lines until the thread of the log has written them.
//!
//! **Invariant:** while the gateway serves, only the thread of the log writes to standard error, so nothing else waits
//! for the reader of standard error.

mod limit;
mod line;
mod queue;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::config::{LogFormat, LogLevel};
use limit::Limiter;
use queue::Queue;

pub use limit::SUMMARY_WAIT;
pub use line::VALUE_BYTES_MAX;
pub use queue::LOG_QUEUE_BYTES_MAX;

/// How long the end of the process waits until the last lines are written.
pub const FLUSH_WAIT: Duration = Duration::from_secs(1);

const NO_FIELDS: [(&str, serde_json::Value); 0] = [];

/// The log of this process, once it is started.
static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    format: LogFormat,
    queue: Queue,
    limiter: Mutex<Limiter>,
    started: Instant,
}

/// Starts logging, for the whole process.
///
/// # Errors
/// When its thread cannot be started.
pub fn init(level: LogLevel, format: LogFormat) -> io::Result<()> {
    let level = match level {
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Info => Level::INFO,
        LogLevel::Warn => Level::WARN,
        LogLevel::Error => Level::ERROR,
    };
    let started = Instant::now();
    let new = Log { format, queue: Queue::default(), limiter: Mutex::default(), started };
    if LOG.set(new).is_err() {
        return Ok(()); // A second call keeps the first.
    }
    let Some(log) = LOG.get() else { return Ok(()) };
    std::thread::Builder::new().name("log".to_owned()).spawn(|| log.write())?;
    std::panic::set_hook(Box::new(|panic| log.panicked(panic)));
    let subscriber = tracing_subscriber::registry().with(Lines { level, log });
    // Another subscriber may be there already, as tests have one.
    let _kept = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

/// Waits until what was logged is written, but not longer than [`FLUSH_WAIT`].
pub fn flush() {
    if let Some(log) = LOG.get() {
        log.queue.flush(FLUSH_WAIT);
    }
}

/// Says why the process ends, behind all that was logged: in words, or in a line of JSON.
pub fn last_words(reason: &str, format: LogFormat) {
    let place = line::caller(file!(), line!());
    let text = match format {
        LogFormat::Logfmt => format!("shardgate: error: {reason}\n"),
        LogFormat::Json => line::of("error", &place, reason.to_owned(), NO_FIELDS, format),
    };
    match LOG.get() {
        Some(log) => {
            log.queue.push_last(text.as_bytes());
            flush();
        }
        // A failure to write cannot be reported anywhere.
        None => drop(io::stderr().write_all(text.as_bytes())),
    }
}

/// How many lines were dropped because standard error did not take them.
pub fn lines_dropped() -> u64 {
    LOG.get().map_or(0, |log| log.queue.dropped())
}

impl Log {
    /// Whether a message may be written that a client has caused.
    fn allows(&self, cause: &str) -> bool {
        self.limiter().allows(cause, self.started.elapsed())
    }

    fn limiter(&self) -> std::sync::MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is logged, for ever.
    fn write(&self) {
        let mut summary_due = Instant::now() + SUMMARY_WAIT;
        loop {
            self.queue.write_next(&mut io::stderr(), summary_due, |count| self.missing(count));
            if Instant::now() >= summary_due {
                let summary = self.limiter().summary();
                if let Some((messages, sources, loudest)) = summary {
                    tracing::warn!(messages, sources, loudest, "messages suppressed");
                }
                summary_due = Instant::now() + SUMMARY_WAIT;
            }
        }
    }

    /// The line that stands in the place of those that were dropped.
    fn missing(&self, count: u64) -> String {
        let message = format!(
            "{count} lines were dropped because standard error was not read, or could not be written"
        );
        let fields = [("lines", count.into())];
        line::of("warn", &line::caller(file!(), line!()), message, fields, self.format)
    }

    /// Logs a panic. Its backtrace follows where `RUST_BACKTRACE` asks for it.
    fn panicked(&self, panic: &PanicHookInfo<'_>) {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed");
        let fields = [
            ("thread", name.into()),
            ("err", line::cut(text.unwrap_or("no message").to_owned()).into()),
        ];
        let place = panic.location().map(|place| line::caller(place.file(), place.line()));
        let place = place.unwrap_or_default();
        let mut lines = line::of("error", &place, "panicked".to_owned(), fields, self.format);
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            lines += &format!("{backtrace}\n");
        }
        self.queue.push(lines.as_bytes());
        if name == "main" {
            flush(); // It may end the process.
        }
    }
}

/// Writes each event as one line.
struct Lines {
    level: Level,
    log: &'static Log,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level && metadata.target().starts_with("shardgate")
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if let Some(cause) = limit::cause(event)
            && !self.log.allows(&cause)
        {
            return;
        }
        self.log.queue.push(line::line(event, self.log.format).as_bytes());
    }
}
