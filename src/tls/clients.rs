//! The rules for the certificates of clients.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::authorities::Authorities;
use super::certificate::Certificate;

/// The rules for clients that may or must show a certificate.
#[derive(Debug)]
pub(super) struct Clients {
    provider: Arc<CryptoProvider>,
    /// The authorities that must have signed it; `None` where it need not be signed.
    authorities: Option<Authorities>,
    is_required: bool,
    /// The alternative names of which it must have one; none where any may be missing.
    allowed_names: Vec<String>,
}

impl Clients {
    /// Asks for a certificate with any signature.
    pub(super) fn new(
        provider: &Arc<CryptoProvider>,
        is_required: bool,
        allowed_names: Vec<String>,
    ) -> Clients {
        // A client without a certificate has none of the names.
        let is_required = is_required || !allowed_names.is_empty();
        Clients { provider: Arc::clone(provider), authorities: None, is_required, allowed_names }
    }

    /// Asks for one that an authority has signed.
    pub(super) fn signed_by(self, authorities: Authorities) -> Clients {
        Clients { authorities: Some(authorities), ..self }
    }
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.authorities.as_ref().map_or(&[], Authorities::names)
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(authorities) = &self.authorities {
            authorities.verify(shown, intermediates, now)?;
        }
        if !self.allowed_names.is_empty() {
            let names = Certificate::read(shown)?.subject().alternative_names;
            if !names.iter().any(|name| self.allowed_names.contains(name)) {
                return Err(CertificateError::ApplicationVerificationFailure.into());
            }
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, shown, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, shown, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
