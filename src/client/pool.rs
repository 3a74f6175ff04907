//! A bounded number of connections to one gateway, for many requests at a time.
//!
//! Start at [`Pool::turn`] and [`Pool::send`]. A connection is kept after its answer and used again. A request that is given up takes its
//! connection along, so that no later request gets its answer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::connect::connect;
use super::{ClientError, Endpoint};

/// How long a connection may take to be made. The gateways of a pool are near each other.
pub const POOL_CONNECT_WAIT: Duration = Duration::from_secs(2);
/// The largest answer, in bytes.
pub const POOL_ANSWER_BYTES_MAX: usize = 4 << 20;
/// How long a connection may be unused. A gateway closes idle connections after a time of its own, and a request that meets
/// that moment would be in doubt.
const IDLE_WAIT: Duration = Duration::from_secs(20);

/// The connections to one gateway.
#[derive(Debug)]
pub struct Pool {
    endpoint: Endpoint,
    /// One permit for each connection that may be open for a request.
    connections: Semaphore,
    /// The connections that wait for a request. The one that was used last comes last.
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Full<Bytes>>,
    since: Instant,
}

impl Idle {
    fn is_old(&self) -> bool {
        self.since.elapsed() >= IDLE_WAIT
    }
}

/// The right to send one request.
#[derive(Debug)]
pub struct Turn<'p> {
    _until_answered: Option<SemaphorePermit<'p>>,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nothing of the request has reached the gateway.
    #[error("{0}")]
    NotSent(ClientError),
    /// The gateway may have received the request, and may act on it.
    #[error("{0}")]
    InDoubt(ClientError),
}

impl Pool {
    /// At most so many connections. Opens none yet.
    pub fn new(endpoint: Endpoint, connections_max: usize) -> Pool {
        Pool { endpoint, connections: Semaphore::new(connections_max), idle: Mutex::default() }
    }

    /// Waits until a connection is free. The caller bounds the time.
    pub async fn turn(&self) -> Turn<'_> {
        Turn { _until_answered: self.connections.acquire().await.ok() }
    }

    /// Sends a request at its turn, and reads the whole answer. The caller bounds the time.
    ///
    /// # Errors
    /// Why there is no answer, and whether the gateway may have received the request.
    pub async fn send(
        &self,
        _turn: Turn<'_>,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, SendError> {
        if !request.headers().contains_key(HOST)
            && let Ok(host) = HeaderValue::from_str(&self.endpoint.authority)
        {
            request.headers_mut().insert(HOST, host);
        }
        while let Some(sender) = self.idle() {
            match self.send_on(sender, request).await {
                // The gateway has closed the connection before anything was sent.
                Err(Failed::NotSent(unsent)) => request = *unsent,
                Err(Failed::InDoubt(error)) => return Err(SendError::InDoubt(error)),
                Ok(answer) => return Ok(answer),
            }
        }
        let sender = connect(&self.endpoint, POOL_CONNECT_WAIT).await;
        let sender = sender.map_err(SendError::NotSent)?;
        self.send_on(sender, request).await.map_err(|failed| match failed {
            Failed::NotSent(_) => SendError::NotSent(ClientError::Closed),
            Failed::InDoubt(error) => SendError::InDoubt(error),
        })
    }

    async fn send_on(
        &self,
        mut sender: SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, Failed> {
        if sender.ready().await.is_err() {
            return Err(Failed::NotSent(Box::new(request)));
        }
        let answer = sender.try_send_request(request).await.map_err(|mut error| {
            match error.take_message() {
                Some(unsent) => Failed::NotSent(Box::new(unsent)),
                None => Failed::InDoubt(ClientError::Broken(error.into_error())),
            }
        })?;
        let (head, body) = answer.into_parts();
        let body = read(body).await.map_err(Failed::InDoubt)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(Idle { sender, since: Instant::now() });
        Ok(Response::from_parts(head, body))
    }

    /// A connection that waits for a request.
    fn idle(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that have waited longest come first: there may be hundreds, and each request comes here.
        if idle.first().is_some_and(Idle::is_old) {
            idle.retain(|idle| !idle.is_old());
        }
        loop {
            let sender = idle.pop()?.sender;
            if !sender.is_closed() {
                return Some(sender);
            }
        }
    }
}

/// Why a connection has given no answer.
enum Failed {
    NotSent(Box<Request<Full<Bytes>>>),
    InDoubt(ClientError),
}

async fn read(body: Incoming) -> Result<Bytes, ClientError> {
    let read = Limited::new(body, POOL_ANSWER_BYTES_MAX).collect().await;
    read.map(Collected::to_bytes).map_err(|error| ClientError::Cut(error.to_string()))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    fn request() -> Request<Full<Bytes>> {
        let request = Request::put("/x").body(Full::new(Bytes::from_static(b"m 1\n")));
        request.expect("it is a request")
    }

    async fn listen() -> (TcpListener, Pool) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        let endpoint = Endpoint::new(&format!("http://{address}"), None).expect("it is a URL");
        (listener, Pool::new(endpoint, 2))
    }

    /// Reads one request.
    async fn take(stream: &mut TcpStream) {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\nm 1\n") {
            request.push(stream.read_u8().await.expect("there is more"));
        }
    }

    async fn answer(stream: &mut TcpStream) {
        take(stream).await;
        let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nOK";
        stream.write_all(answer).await.expect("it is read");
    }

    #[tokio::test]
    async fn a_connection_is_used_again_and_one_that_was_closed_is_replaced() {
        let (listener, pool) = listen().await;
        let serving = async {
            let (mut stream, _) = listener.accept().await.expect("it connects");
            answer(&mut stream).await;
            answer(&mut stream).await;
            drop(stream);
            let (mut stream, _) = listener.accept().await.expect("it connects again");
            answer(&mut stream).await;
        };
        let sending = async {
            for _ in 0..2 {
                assert_eq!(
                    pool.send(pool.turn().await, request()).await.expect("it is answered").body(),
                    "OK"
                );
            }
            // The connection is closed by now, or is about to be.
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(
                pool.send(pool.turn().await, request()).await.expect("it is answered").status(),
                202
            );
        };
        tokio::join!(serving, sending);
    }

    #[tokio::test]
    async fn what_was_sent_and_not_answered_is_in_doubt_and_what_was_not_sent_is_not() {
        let (listener, pool) = listen().await;
        let serving = async {
            let (mut stream, _) = listener.accept().await.expect("it connects");
            take(&mut stream).await;
        };
        let sending = async { pool.send(pool.turn().await, request()).await };
        let (sent, ()) = tokio::join!(sending, serving);
        assert!(matches!(sent, Err(SendError::InDoubt(_))), "{sent:?}");
        drop(listener);
        let sent = pool.send(pool.turn().await, request()).await;
        assert!(matches!(sent, Err(SendError::NotSent(_))), "{sent:?}");
    }

    #[tokio::test]
    async fn connections_are_bounded() {
        let (listener, pool) = listen().await;
        let sent = |at: u8| {
            let pool = &pool;
            async move {
                pool.send(pool.turn().await, request()).await.expect("it is answered");
                at
            }
        };
        let serving = async {
            let (mut one, _) = listener.accept().await.expect("the first connects");
            let (mut other, _) = listener.accept().await.expect("the second connects");
            let third = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
            assert!(third.is_err(), "the third waits");
            answer(&mut one).await;
            // Only the first connection is free, so the third request comes on it.
            answer(&mut one).await;
            answer(&mut other).await;
        };
        let (.., ()) = tokio::join!(sent(1), sent(2), sent(3), serving);
    }
}
