//! Opens a connection to a gateway.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::{ClientError, Endpoint};

trait Stream: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

/// Opens a connection within `wait`, its handshake included.
pub(super) async fn connect(
    endpoint: &Endpoint,
    wait: Duration,
) -> Result<SendRequest<Full<Bytes>>, ClientError> {
    let Endpoint { socket, host, port, trust, .. } = endpoint;
    let connecting = async {
        if let Some(socket) = socket {
            let stream: Pin<Box<dyn Stream>> = Box::pin(UnixStream::connect(socket).await?);
            return Ok(stream);
        }
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        let stream: Pin<Box<dyn Stream>> = match trust {
            None => Box::pin(stream),
            Some(trust) => Box::pin(trust.connect(stream).await?),
        };
        Ok(stream)
    };
    let silent = || io::Error::from(io::ErrorKind::TimedOut);
    let connected = timeout(wait, connecting).await;
    let stream = connected.unwrap_or_else(|_| Err(silent()));
    let stream = stream.map_err(ClientError::Unreachable)?;
    let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(ClientError::Broken)?;
    // It ends with the sender. The sender reports what breaks.
    tokio::spawn(driver);
    Ok(sender)
}
