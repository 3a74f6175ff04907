//! The sources of groups: a gateway, or a file.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::rc::Rc;

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::answer;
use super::group::{Lost, SourceGroup};
use crate::client::{ANSWER_WAIT, Answer, ClientError, Connection, Endpoint};
use crate::import::gob;

/// How much JSON one group may be.
pub const GROUP_BYTES_MAX: usize = 1 << 30;
const BUFFER_BYTES: usize = 64 << 10;

/// What has the groups.
#[derive(Debug)]
pub enum Source {
    /// A gateway that runs.
    Gateway(Endpoint),
    /// The persistence file of a Pushgateway.
    Gob(PathBuf),
}

/// Why a source does not tell its groups, or not all of them.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be asked.
    #[error(transparent)]
    Client(ClientError),
    /// It answers something else.
    #[error("/api/v1/metrics answers {}: {}", .0.status, .0.line)]
    Refused(Answer),
    /// What it answers is not what a gateway does.
    #[error("the answer to /api/v1/metrics is not that of a gateway, or not whole: {0}")]
    Answer(serde_json::Error),
    /// The file cannot be read.
    #[error(transparent)]
    File(io::Error),
    /// It is not that of a Pushgateway, or damaged.
    #[error(transparent)]
    Gob(gob::Error),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Gateway(endpoint) => endpoint.fmt(f),
            Source::Gob(file) => file.display().fmt(f),
        }
    }
}

/// A group of a source, or one that cannot be copied.
pub(super) type Found = Result<SourceGroup, Lost>;

/// A source that has begun to tell its groups.
pub(super) enum Telling {
    Answer(Incoming, Handle),
    File(PathBuf),
}

impl Source {
    /// Asks for all groups. A gateway that knows selectors need not tell more than `selectors` match.
    pub(super) async fn ask(&self, selectors: &[&str]) -> Result<Telling, SourceError> {
        match self {
            Source::Gateway(endpoint) => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.extend_pairs(selectors.iter().map(|selector| ("match[]", selector)));
                let path = format!("/api/v1/metrics?{}", query.finish());
                let answer = Connection::new(endpoint.clone()).stream(&path).await;
                let body = answer.map_err(SourceError::Client)?.map_err(SourceError::Refused)?;
                Ok(Telling::Answer(body, Handle::current()))
            }
            Source::Gob(file) => Ok(Telling::File(file.clone())),
        }
    }
}

impl Telling {
    /// Hands on one group after the other, until that answers false. Blocks.
    pub(super) fn each(self, mut each: impl FnMut(Found) -> bool) -> Result<(), SourceError> {
        match self {
            Telling::Answer(body, runtime) => {
                let bytes_left = Rc::new(Cell::new(GROUP_BYTES_MAX));
                let body = Reading {
                    body,
                    runtime,
                    chunk: Bytes::new(),
                    bytes_left: Rc::clone(&bytes_left),
                };
                let body = BufReader::with_capacity(BUFFER_BYTES, body);
                let mut each = |group: answer::Group| {
                    bytes_left.set(GROUP_BYTES_MAX);
                    each(SourceGroup::from_answer(&group))
                };
                answer::read(body, &mut each).map_err(SourceError::Answer)
            }
            Telling::File(file) => {
                // A device or a pipe may have no end.
                if !std::fs::metadata(&file).map_err(SourceError::File)?.is_file() {
                    return Err(SourceError::File(io::Error::other("it is not a regular file")));
                }
                let bytes = std::fs::read(file).map_err(SourceError::File)?;
                let groups = gob::read(&bytes).map_err(SourceError::Gob)?;
                drop(bytes);
                for group in groups {
                    if !each(SourceGroup::from_file(&group)) {
                        break;
                    }
                }
                Ok(())
            }
        }
    }
}

/// A body, read as it arrives by a thread that may block.
struct Reading {
    body: Incoming,
    runtime: Handle,
    chunk: Bytes,
    /// How many more the group at hand may have.
    bytes_left: Rc<Cell<usize>>,
}

impl Read for Reading {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let frame = self.runtime.block_on(timeout(ANSWER_WAIT, self.body.frame()));
            let Some(frame) = frame.map_err(|_| io::Error::other(ClientError::Silent))? else {
                return Ok(0);
            };
            let frame = frame.map_err(|error| io::Error::other(ClientError::Broken(error)))?;
            self.chunk = frame.into_data().unwrap_or_default();
        }
        let bytes = self.chunk.len().min(out.len());
        let Some(left) = self.bytes_left.get().checked_sub(bytes) else {
            return Err(io::Error::other(format!("a group of more than {GROUP_BYTES_MAX} bytes")));
        };
        self.bytes_left.set(left);
        self.chunk.copy_to_slice(&mut out[..bytes]);
        Ok(bytes)
    }
}
