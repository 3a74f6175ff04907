//! Request targets with a raw `#`.
//!
//! A `#` begins the fragment of a URI, and no client sends a fragment. In a request line it stands for itself, as in the reference:
//! a client has not encoded it. hyper parses the target as a URI and drops all that stands behind the `#`, so that a push would
//! go to another group. Therefore each request line is looked at as it is read, and the target of such a request is put right.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use hyper::Uri;
use memchr::memchr;

use crate::http::connection::timeouts::HEADER_BYTES_MAX;

/// The request lines of a connection. Its task alone reads and takes requests.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    /// How many request lines have been read.
    lines: AtomicU64,
    /// Whether there is anything in `line` or `target`.
    has_notes: AtomicBool,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    /// A line of which the end has not been read.
    line: Vec<u8>,
    /// The target of the line, if it has a `#`.
    target: Option<Uri>,
}

impl Targets {
    /// Looks at bytes that have been read between requests, of which so many have been taken.
    pub(crate) fn read(&self, taken: u64, bytes: &[u8]) {
        if self.lines.load(Relaxed) > taken {
            return; // These are headers.
        }
        let end = memchr(b'\n', bytes);
        let line = &bytes[..end.unwrap_or(bytes.len())];
        if end.is_none() || memchr(b'#', line).is_some() || self.has_notes.load(Relaxed) {
            self.note(line, end.is_some());
        }
        if end.is_some() {
            self.lines.store(taken + 1, Relaxed);
        }
    }

    /// The target of the request that is taken, if hyper cannot give it. `taken` is how many there are with it.
    pub(crate) fn take(&self, taken: u64) -> Option<Uri> {
        self.lines.store(taken, Relaxed);
        if !self.has_notes.swap(false, Relaxed) {
            return None;
        }
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *notes).target
    }

    #[cold]
    fn note(&self, piece: &[u8], is_end: bool) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_notes.store(true, Relaxed);
        if notes.line.len() + piece.len() <= HEADER_BYTES_MAX {
            notes.line.extend_from_slice(piece);
        }
        if is_end {
            notes.target = target(&std::mem::take(&mut notes.line));
        }
    }
}

/// The target in a request line, if it has a `#`.
fn target(line: &[u8]) -> Option<Uri> {
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let (method_and_target, version) = line.rsplit_once(' ')?;
    let (_, target) = method_and_target.trim_start().split_once(' ')?;
    let is_cut = version.starts_with("HTTP/1.") && target.contains('#');
    is_cut.then(|| target.replace('#', "%23").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(targets: &Targets, pieces: &[&str], taken: u64) -> Option<String> {
        pieces.iter().for_each(|piece| targets.read(taken, piece.as_bytes()));
        targets.take(taken + 1).map(|uri| uri.to_string())
    }

    #[test]
    fn a_target_with_a_number_sign_is_put_right_however_it_arrives() {
        let targets = Targets::default();
        let line = "PUT /metrics/job/a/x/1#2?y=#3 HTTP/1.1\r\n";
        let right = Some("/metrics/job/a/x/1%232?y=%233".to_owned());
        assert_eq!(taken(&targets, &[line, "a: #b\r\n\r\n"], 0), right);
        assert_eq!(taken(&targets, &["GET / HTTP/1.1\r\na: #b\r\n", "c: #d\r\n\r\n"], 1), None);
        let bytes: Vec<String> = line.chars().map(String::from).collect();
        let bytes: Vec<&str> = bytes.iter().map(String::as_str).collect();
        assert_eq!(taken(&targets, &bytes, 2), right);
        assert_eq!(taken(&targets, &["GET / HTTP", "/1.1\r\n\r\n"], 3), None);
        assert_eq!(taken(&targets, &["m # x\n"], 4), None, "what is no request line");
        let long = "#".repeat(HEADER_BYTES_MAX + 1);
        assert_eq!(taken(&targets, &["GET /", &long, " HTTP/1.1\r\n"], 5), None, "it is too long");
    }
}
