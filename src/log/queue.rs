//! The lines that wait for standard error, and the only code that writes them.
//!
//! A task that logs puts its line into the queue and goes on. When nobody reads standard error the queue fills,
//! and further lines are dropped and counted. Once lines can be written again, one line at the place of the gap says how many
//! are missing.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many bytes of lines may wait; as many again may be on their way to standard error.
pub const LOG_QUEUE_BYTES_MAX: usize = 1 << 20;
/// How long to wait where standard error does not block and takes nothing now.
const AGAIN_WAIT: Duration = Duration::from_millis(10);

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// The writer waits for lines.
    has_lines: Condvar,
    /// Those that flush wait for the writer.
    is_written: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// How many lines wait.
    lines: u64,
    /// How many lines were dropped behind those that wait, and not yet said.
    dropped: u64,
    is_writing: bool,
}

impl Queue {
    /// Takes a line with its line feed, or drops and counts it.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if state.waiting.len() + line.len() > LOG_QUEUE_BYTES_MAX {
            state.dropped += 1;
            self.dropped.fetch_add(1, Relaxed);
            return;
        }
        self.add(state, line);
    }

    /// Takes a line whatever waits already.
    pub(super) fn push_last(&self, line: &[u8]) {
        self.add(self.state(), line);
    }

    fn add(&self, mut state: MutexGuard<'_, State>, line: &[u8]) {
        state.waiting.extend_from_slice(line);
        state.lines += 1;
        drop(state);
        self.has_lines.notify_one();
    }

    /// How many lines were dropped ever.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Waits until all lines are written, but not longer than `wait`.
    pub(super) fn flush(&self, wait: Duration) {
        let is_busy = |state: &mut State| state.is_writing || state.lines > 0;
        let _late = self.is_written.wait_timeout_while(self.state(), wait, is_busy);
    }

    /// Writes the lines that wait, once there are any. Waits for them until `until`. `missing` makes the line that says how
    /// many were dropped.
    pub(super) fn write_next(
        &self,
        out: &mut impl Write,
        until: Instant,
        missing: impl Fn(u64) -> String,
    ) {
        let wait = until.saturating_duration_since(Instant::now());
        let has_none = |state: &mut State| state.lines == 0;
        let waited = self.has_lines.wait_timeout_while(self.state(), wait, has_none);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.lines == 0 {
            return;
        }
        let mut lines = std::mem::take(&mut state.waiting);
        let count = std::mem::take(&mut state.lines);
        let dropped = std::mem::take(&mut state.dropped);
        state.is_writing = true;
        drop(state);
        if dropped > 0 {
            lines.extend_from_slice(missing(dropped).as_bytes());
        }
        let written = write_all(out, &lines);
        let mut state = self.state();
        state.is_writing = false;
        if written.is_err() {
            state.dropped += count + dropped;
            self.dropped.fetch_add(count, Relaxed);
        }
        drop(state);
        self.is_written.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all, also to what does not block, as standard error does where its other users have made it so.
fn write_all(out: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(AGAIN_WAIT),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(count: u64) -> String {
        format!("{count} missing\n")
    }

    fn written(queue: &Queue) -> String {
        let mut out = Vec::new();
        queue.write_next(&mut out, Instant::now(), missing);
        String::from_utf8(out).expect("it is text")
    }

    #[test]
    fn what_does_not_fit_is_counted_and_said_once_where_it_is_missing() {
        let queue = Queue::default();
        let line = format!("{}\n", "x".repeat(1023));
        for _ in 0..2000 {
            queue.push(line.as_bytes());
        }
        queue.push_last(b"the last\n");
        assert_eq!(queue.dropped(), 2000 - 1024);
        let log = written(&queue);
        assert_eq!(log.matches(&line).count(), 1024);
        assert!(log.ends_with("x\nthe last\n976 missing\n"));
        queue.push(b"after\n");
        assert_eq!(written(&queue), "after\n");
        assert_eq!(written(&queue), "");
    }

    /// Takes what it is told to take, a byte at a time, or fails.
    struct Fickle(Vec<Option<ErrorKind>>, Vec<u8>);

    impl Write for Fickle {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.pop().flatten() {
                Some(kind) => Err(kind.into()),
                None => {
                    self.1.push(bytes[0]);
                    Ok(1)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_written_whole_where_standard_error_does_not_block_and_counted_where_it_fails() {
        let queue = Queue::default();
        queue.push(b"abc\n");
        let answers = vec![Some(ErrorKind::WouldBlock), None, Some(ErrorKind::Interrupted), None];
        let mut out = Fickle(answers, Vec::new());
        queue.write_next(&mut out, Instant::now(), missing);
        assert_eq!(out.1, b"abc\n");
        assert_eq!(queue.dropped(), 0);
        queue.push(b"lost\n");
        let mut out = Fickle(vec![Some(ErrorKind::BrokenPipe)], Vec::new());
        queue.write_next(&mut out, Instant::now(), missing);
        assert_eq!(queue.dropped(), 1);
        queue.push(b"kept\n");
        assert_eq!(written(&queue), "kept\n1 missing\n");
    }

    #[test]
    fn a_flush_waits_for_the_writer_and_not_for_ever() {
        let queue = Queue::default();
        queue.flush(Duration::from_secs(60));
        queue.push(b"a\n");
        queue.flush(Duration::from_millis(1));
        std::thread::scope(|scope| {
            scope.spawn(|| written(&queue));
            queue.flush(Duration::from_secs(60));
        });
        assert_eq!(written(&queue), "");
    }
}
