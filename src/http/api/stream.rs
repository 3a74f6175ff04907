//! An answer that is written while it is sent: only a few chunks of it are in memory at a time.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::turn::Turn;
use crate::http::body::chunks::{Chunks, Streamed};
use crate::http::body::cut::SCRAPE_SEND_WAIT;
use crate::listen::Source;

/// How large a chunk is.
const CHUNK_BYTES: usize = 64 << 10;

/// Where an answer is written to. Waits for the client to read.
#[derive(Debug)]
pub(super) struct Stream {
    chunk: Vec<u8>,
    to: mpsc::Sender<Streamed>,
    turn: Option<Arc<Turn>>,
    runtime: Handle,
}

/// The body that `write` writes, on a thread of its own. An error ends it so that the client sees that it
/// is not whole: that the client is gone, or reads nothing for [`SCRAPE_SEND_WAIT`], is one.
///
/// `source` is the client, for the log.
pub(super) fn streamed(
    source: Source,
    turn: impl Into<Option<Arc<Turn>>>,
    write: impl FnOnce(&mut Stream) -> io::Result<()> + Send + 'static,
) -> Chunks {
    let (to, pieces) = mpsc::channel(1);
    let (turn, runtime) = (turn.into(), Handle::current());
    tokio::task::spawn_blocking(move || {
        let mut stream = Stream { chunk: Vec::with_capacity(CHUNK_BYTES), to, turn, runtime };
        if let Err(error) = write(&mut stream).and_then(|()| stream.end()) {
            tracing::info!(%source, err = %error, "an answer of the query API was cut");
        }
    });
    Chunks::streamed(pieces)
}

impl Stream {
    /// The runtime that the client is served by.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    fn end(mut self) -> io::Result<()> {
        self.flush()?;
        self.send(Streamed::End)
    }

    fn send(&self, piece: Streamed) -> io::Result<()> {
        let sending = async {
            let sending = tokio::time::timeout(SCRAPE_SEND_WAIT, self.to.send(piece));
            let Some(turn) = &self.turn else { return Some(sending.await) };
            tokio::select! {
                sent = sending => Some(sent),
                () = turn.stop.cancelled() => None,
            }
        };
        match self.runtime.block_on(sending) {
            Some(Ok(Ok(()))) => {
                self.turn.iter().for_each(|turn| turn.goes_on());
                Ok(())
            }
            Some(Ok(Err(_))) => {
                Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone"))
            }
            Some(Err(_)) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads nothing"))
            }
            None => Err(io::Error::new(io::ErrorKind::TimedOut, "another query needs its turn")),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.chunk.is_empty() && self.chunk.len() + bytes.len() > CHUNK_BYTES {
            self.flush()?;
        }
        self.chunk.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        self.send(Streamed::Chunk(Bytes::from(chunk)))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn what_is_written_is_what_is_sent_whatever_its_pieces() {
        let body = streamed(Source::Unix, None, |out| {
            for at in 0..100_000_u32 {
                out.write_all(&at.to_le_bytes())?;
            }
            out.write_all(&vec![7; 3 * CHUNK_BYTES])
        });
        let sent = body.collect().await.expect("it is whole").to_bytes();
        let expected = (0..100_000_u32).flat_map(u32::to_le_bytes);
        assert!(sent.iter().copied().eq(expected.chain([7; 3 * CHUNK_BYTES])));
    }

    #[tokio::test]
    async fn an_answer_that_is_given_up_does_not_look_whole() {
        let body = streamed(Source::Unix, None, |out| {
            out.write_all(b"{")?;
            out.flush()?;
            Err(io::Error::other("a shard has died"))
        });
        assert!(body.collect().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_for_long_is_given_up() {
        let (until_ended, mut ended) = oneshot::channel::<()>();
        let began = Instant::now();
        let body = streamed(Source::Unix, None, move |out| {
            let _until_ended = until_ended;
            loop {
                out.write_all(&[0; CHUNK_BYTES])?;
            }
        });
        while ended.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
            assert!(began.elapsed() < 1000 * SCRAPE_SEND_WAIT, "it is still being written");
            tokio::time::advance(SCRAPE_SEND_WAIT / 10).await;
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert!(began.elapsed() >= SCRAPE_SEND_WAIT);
        assert!(body.collect().await.is_err());
    }
}
