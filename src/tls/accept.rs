//! TLS handshakes with clients.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, HandshakeKind, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use super::certificate::Certificate;
use super::plain::Begun;
use super::server::Server;
use crate::listen::{ClientCertificate, Protocol};

/// How long a handshake may take.
pub const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);

/// A connection whose handshake is done.
pub type TlsStream<S> = tokio_rustls::server::TlsStream<Begun<S>>;

/// Does handshakes, with the server of the moment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Acceptor {
    server: Arc<ArcSwap<Server>>,
}

impl Acceptor {
    /// One that begins with `server`.
    pub fn new(server: Server) -> Acceptor {
        Acceptor { server: Arc::new(ArcSwap::from_pointee(server)) }
    }

    /// Does handshakes with `server` from now on. Sessions of the one before are not resumed.
    pub fn replace(&self, server: Server) {
        self.server.store(Arc::new(server));
    }

    /// Does the handshake. The certificate is the client's, where an authority has signed it.
    ///
    /// # Errors
    /// When the handshake fails, or takes longer than [`HANDSHAKE_WAIT`]. The client has been told.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<(TlsStream<S>, Option<Arc<ClientCertificate>>, Protocol)> {
        let server = self.server.load_full();
        let acceptor = TlsAcceptor::from(Arc::clone(&server.config));
        let accepted = async {
            match acceptor.accept(Begun::new(stream)).into_fallible().await {
                Ok(stream) => Ok(stream),
                Err((error, stream)) => {
                    stream.answer().await;
                    Err(error)
                }
            }
        };
        let stream = tokio::time::timeout(HANDSHAKE_WAIT, accepted).await??;
        let session = stream.get_ref().1;
        let certificate = match server.verifies_clients {
            true => client_certificate(session).map_err(io::Error::other)?,
            false => None,
        };
        let protocol = match session.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        Ok((stream, certificate, protocol))
    }
}

/// The names in the certificate that the client has shown: in this handshake, or at the begin of a resumed session,
/// since when it may have expired.
fn client_certificate(
    session: &ServerConnection,
) -> Result<Option<Arc<ClientCertificate>>, rustls::Error> {
    let Some([shown, ..]) = session.peer_certificates() else { return Ok(None) };
    let shown = Certificate::read(shown)?;
    let is_resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
    if is_resumed && !shown.is_current(UnixTime::now()) {
        return Err(CertificateError::Expired.into());
    }
    Ok(Some(Arc::new(shown.subject())))
}
