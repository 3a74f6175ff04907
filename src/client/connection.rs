//! One connection to a gateway, opened when it is needed.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::timeout;

use super::Endpoint;
use super::connect::connect;

/// How long a connection may take to be made, its handshake included.
pub const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// How long an answer may take to begin, and each next part of it. A Pushgateway makes all of it before it sends any.
pub const ANSWER_WAIT: Duration = Duration::from_secs(120);
/// How much is read of an answer that is only a word.
const WORDS_BYTES_MAX: usize = 64 << 10;

/// A short answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// After which time to try again, if it says so.
    pub retry_after: Option<Duration>,
    /// The first line of its body.
    pub line: String,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no connection.
    #[error("cannot connect: {0}")]
    Unreachable(io::Error),
    /// Nothing came for [`ANSWER_WAIT`].
    #[error("no answer within {} s", ANSWER_WAIT.as_secs())]
    Silent,
    /// The connection was cut, or what came was not HTTP.
    #[error("the connection broke: {0}")]
    Broken(hyper::Error),
    /// The connection was closed before the request was sent.
    #[error("the connection was closed")]
    Closed,
    /// The answer did not come to its end.
    #[error("the answer broke off: {0}")]
    Cut(String),
    /// The request could not be written.
    #[error("not a request: {0}")]
    Request(hyper::http::Error),
}

/// A connection that is kept for the next request.
#[derive(Debug)]
pub struct Connection {
    endpoint: Endpoint,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// Opens nothing yet.
    pub fn new(endpoint: Endpoint) -> Connection {
        Connection { endpoint, sender: None }
    }

    /// Asks for a path, perhaps with a query, and reads a short answer.
    ///
    /// # Errors
    /// Why there was none.
    pub async fn get(&mut self, path: &str) -> Result<Answer, ClientError> {
        let answer = self.open(Method::GET, path, None).await?;
        words(answer).await
    }

    /// Puts a body of this type, and reads a short answer.
    ///
    /// # Errors
    /// Why there was none. The body may have been taken.
    pub async fn put(
        &mut self,
        path: &str,
        content_type: &'static str,
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        let answer = self.open(Method::PUT, path, Some((content_type, body))).await?;
        words(answer).await
    }

    /// Deletes what is at a path, and reads a short answer.
    ///
    /// # Errors
    /// Why there was none. It may have been deleted.
    pub async fn delete(&mut self, path: &str) -> Result<Answer, ClientError> {
        let answer = self.open(Method::DELETE, path, None).await?;
        words(answer).await
    }

    /// Gets a path whose answer may be long: the caller reads the body.
    ///
    /// # Errors
    /// Why there was no answer, or what was answered instead.
    pub async fn stream(&mut self, path: &str) -> Result<Result<Incoming, Answer>, ClientError> {
        let answer = self.open(Method::GET, path, None).await?;
        if answer.status() == StatusCode::OK {
            return Ok(Ok(answer.into_body()));
        }
        Ok(Err(words(answer).await?))
    }

    async fn open(
        &mut self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<Response<Incoming>, ClientError> {
        let Endpoint { authority, prefix, authorization, .. } = &self.endpoint;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{prefix}{path}"))
            .header(HOST, authority.as_str());
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization.as_str());
        }
        let bytes = body.map(|(content_type, bytes)| {
            request.headers_mut().map(|headers| {
                headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type))
            });
            bytes
        });
        let request = request.body(Full::new(bytes.unwrap_or_default()));
        let request = request.map_err(ClientError::Request)?;
        // After a failure there is no sender: another try makes another connection.
        let kept = match self.sender.take() {
            Some(mut sender) => sender.ready().await.is_ok().then_some(sender),
            None => None,
        };
        let mut sender = match kept {
            Some(sender) => sender,
            None => connect(&self.endpoint, CONNECT_WAIT).await?,
        };
        let answer = timeout(ANSWER_WAIT, sender.send_request(request)).await;
        let answer = answer.map_err(|_| ClientError::Silent)?.map_err(ClientError::Broken)?;
        self.sender = Some(sender);
        Ok(answer)
    }
}

/// Reads an answer that is only a word.
async fn words(answer: Response<Incoming>) -> Result<Answer, ClientError> {
    let (head, body) = answer.into_parts();
    let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let read = timeout(ANSWER_WAIT, Limited::new(body, WORDS_BYTES_MAX).collect()).await;
    let body = read.map_err(|_| ClientError::Silent)?;
    let body = body.map(Collected::to_bytes).unwrap_or_default();
    let line = String::from_utf8_lossy(&body).lines().next().unwrap_or_default().to_owned();
    Ok(Answer { status: head.status, retry_after, line })
}
