//! TLS to another gateway, whose certificate a given authority has signed.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The trusted authorities, and the name that the certificate must have.
#[derive(Clone)]
pub struct Trust {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Trust {
    /// Trusts only the authorities in the file. `host` is a name or an address, without brackets.
    ///
    /// # Errors
    /// When the file cannot be read, or names no authority, or the host is no name.
    pub fn new(host: &str, ca_file: &Path) -> io::Result<Trust> {
        let certificates = CertificateDer::pem_file_iter(ca_file).map_err(io::Error::other)?;
        let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
        let mut roots = RootCertStore::empty();
        // A bundle of a system may hold one that is odd.
        let _odd = roots.add_parsable_certificates(certificates);
        if roots.is_empty() {
            return Err(io::Error::other("no certificate in the file"));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = match host.parse::<IpAddr>() {
            Ok(address) => ServerName::IpAddress(address.into()),
            Err(_) => ServerName::try_from(host.to_owned()).map_err(io::Error::other)?,
        };
        Ok(Trust { config: Arc::new(config), name })
    }

    /// Does the handshake.
    ///
    /// # Errors
    /// When the handshake fails: the other side is not trusted, or does not speak TLS.
    pub async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let shaken = connector.connect(self.name.clone(), stream).await;
        shaken.map_err(|error| match in_words(&error) {
            Some(words) => io::Error::new(error.kind(), words),
            None => error,
        })
    }
}

/// What is wrong with a certificate, where rustls names only a kind of error.
fn in_words(error: &io::Error) -> Option<&'static str> {
    // The first has no kind of its own in rustls.
    if format!("{error:?}").contains("CaUsedAsEndEntity") {
        return Some(
            "the certificate of the gateway is that of an authority (CA:TRUE), which cannot be a server's: make one with basicConstraints=CA:FALSE",
        );
    }
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            Some("no authority in the file has signed the certificate of the gateway")
        }
        _ => None,
    }
}
