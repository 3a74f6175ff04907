//! The authorities that sign the certificates of clients.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, DistinguishedName, Error, RootCertStore};

use super::certificate::Certificate;
use super::pem::Read;

/// Where systems keep the authorities that they trust; Go looks there, too. `SSL_CERT_FILE` names another.
const SYSTEM_FILES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Authorities that are trusted.
#[derive(Debug)]
pub(super) struct Authorities {
    certificates: Vec<CertificateDer<'static>>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Authorities {
    /// These; clients are told their names.
    pub(super) fn new(
        certificates: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Authorities, String> {
        Authorities::trusted(certificates, provider, true)
    }

    /// Those that the system trusts. They are too many to tell clients their names.
    pub(super) fn of_the_system(
        read: &mut Read<'_>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Authorities, String> {
        let files = match std::env::var_os("SSL_CERT_FILE") {
            Some(file) => vec![PathBuf::from(file)],
            None => SYSTEM_FILES.map(PathBuf::from).to_vec(),
        };
        let text = files.iter().find_map(|file| read(file).ok()).unwrap_or_default();
        let is_usable =
            |one: &CertificateDer<'static>| RootCertStore::empty().add(one.clone()).is_ok();
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(&text).flatten().filter(is_usable).collect();
        if certificates.is_empty() {
            return Err(
                "client_auth_type needs a client_ca_file: the system trusts nobody".to_owned()
            );
        }
        Authorities::trusted(certificates, provider, false)
    }

    fn trusted(
        certificates: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
        are_named: bool,
    ) -> Result<Authorities, String> {
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|error| error.to_string())?;
        }
        let provider = Arc::clone(provider);
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        if !are_named {
            builder = builder.clear_root_hint_subjects();
        }
        let verifier = builder.build().map_err(|error| error.to_string())?;
        Ok(Authorities { certificates, verifier })
    }

    /// The names that clients are told.
    pub(super) fn names(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    /// Whether one of them has signed this, or it is one of them.
    pub(super) fn verify(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        // A certificate that is itself trusted needs no signature. webpki would not have one that may sign
        // others used by a client, but that is what `openssl req -x509` makes.
        if self.certificates.contains(shown) {
            let shown = Certificate::read(shown)?;
            if !shown.is_for_clients()? {
                return Err(CertificateError::InvalidPurpose.into());
            }
            let is_current = shown.is_current(now);
            return if is_current { Ok(()) } else { Err(CertificateError::Expired.into()) };
        }
        self.verifier.verify_client_cert(shown, intermediates, now).map(drop)
    }
}
