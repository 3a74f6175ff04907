//! One question to a gateway, from outside: what the health check of a container asks.

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::config::{Address, GatewayUrl};

/// An answer that is longer comes from something else than a gateway that is asked how it is.
const ASKED_BYTES_MAX: usize = 64 << 10;

/// What a gateway answers to a GET of this path: its status, and the text.
///
/// # Errors
/// When it cannot be reached, or what answers does not speak HTTP/1.1.
pub async fn ask(gateway: &GatewayUrl, path: &str) -> Result<(StatusCode, String), String> {
    let cannot_connect = |error: std::io::Error| format!("cannot connect: {error}");
    match &gateway.address {
        Address::Tcp { host, port } => {
            let host = host.as_deref().unwrap_or("localhost");
            let stream = TcpStream::connect((host, *port)).await.map_err(cannot_connect)?;
            ask_over(stream, &gateway.address.to_string(), &gateway.prefix, path).await
        }
        Address::Unix(file) => {
            let stream = UnixStream::connect(file).await.map_err(cannot_connect)?;
            ask_over(stream, "localhost", &gateway.prefix, path).await
        }
        Address::Vsock { .. } => Err("cannot be asked over vsock".to_owned()),
    }
}

async fn ask_over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
    prefix: &str,
    path: &str,
) -> Result<(StatusCode, String), String> {
    let request = Request::get(format!("{prefix}{path}"))
        .header(header::HOST, host)
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let no_answer = |error: hyper::Error| format!("no answer: {error}");
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(no_answer)?;
    // Its error is that of the request, too.
    let _reading = tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(no_answer)?.into_parts();
    let body = Limited::new(body, ASKED_BYTES_MAX).collect().await;
    let body = body.map_err(|error| format!("no whole answer: {error}"))?.to_bytes();
    Ok((head.status, String::from_utf8_lossy(&body).into_owned()))
}
