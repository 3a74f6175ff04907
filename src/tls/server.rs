//! A TLS server, made from the web configuration.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{self, Ticketer};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::authorities::Authorities;
use super::certificate::Certificate;
use super::clients::Clients;
use super::pem::{Read, certificates, name, text};
use super::suites::choices;
use crate::config::web::{ClientAuth, TlsConfig};

/// All that a handshake needs.
#[derive(Debug)]
pub struct Server {
    pub(super) config: Arc<ServerConfig>,
    /// Whether a certificate that a client has shown is signed by an authority.
    pub(super) verifies_clients: bool,
}

impl Server {
    /// Makes a server. `read` reads the files that `config` names.
    ///
    /// # Errors
    /// When a file cannot be read, is not what it should be, or does not belong to the others: one line with the
    /// file or key.
    pub fn new(
        config: &TlsConfig,
        http2: bool,
        read: &mut Read<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Server, String> {
        let choices = choices(config, warnings)?;
        let provider = Arc::new(CryptoProvider {
            cipher_suites: choices.suites,
            kx_groups: choices.groups,
            ..ring::default_provider()
        });
        let own = certified_key(config, read, &provider)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&choices.versions)
            .map_err(|error| error.to_string())?;
        let builder = match clients(config, read, &provider, warnings)? {
            Some(clients) => builder.with_client_cert_verifier(Arc::new(clients)),
            None => builder.with_no_client_auth(),
        };
        let mut server = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
        server.alpn_protocols = alpn(http2);
        server.ignore_client_order = config.prefers_own_order && !config.cipher_suites.is_empty();
        server.ticketer = Ticketer::new().map_err(|error| error.to_string())?;
        Ok(Server { config: Arc::new(server), verifies_clients: config.client_auth.verifies() })
    }
}

/// The names of the versions of HTTP that are spoken, the preferred first.
fn alpn(http2: bool) -> Vec<Vec<u8>> {
    let names: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    names.iter().map(|name| name.to_vec()).collect()
}

/// The gateway's own certificates with the key of the first.
fn certified_key(
    config: &TlsConfig,
    read: &mut Read<'_>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let chain = certificates(&config.certificates, "cert", read)?;
    let key_name = name(&config.key, "key");
    let key = PrivateKeyDer::from_pem_slice(&text(&config.key, read)?)
        .map_err(|error| format!("{key_name}: no private key: {error}"))?;
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|error| format!("{key_name}: {error}"))?;
    let cert_name = name(&config.certificates, "cert");
    let own = Certificate::read(&chain[0]).map_err(|error| format!("{cert_name}: {error}"))?;
    // rustls would compare them, too, but only for certificates of version 3: `openssl x509 -req` makes others.
    let public = key.public_key();
    if public.is_some_and(|public| Some(public.as_ref()) != own.public_key().as_deref()) {
        return Err(format!("{cert_name} and {key_name} do not belong together"));
    }
    Ok(CertifiedKey::new(chain, key))
}

/// What is asked of clients, if anything.
fn clients(
    config: &TlsConfig,
    read: &mut Read<'_>,
    provider: &Arc<CryptoProvider>,
    warnings: &mut Vec<String>,
) -> Result<Option<Clients>, String> {
    if config.client_auth == ClientAuth::NoClientCert {
        return Ok(None);
    }
    let clients =
        Clients::new(provider, config.client_auth.requires(), config.allowed_names.clone());
    let Some(pem) = &config.client_authorities else {
        if !config.client_auth.verifies() {
            return Ok(Some(clients));
        }
        let warning = "without a client_ca_file every authority counts that the system trusts";
        warnings.push(format!("client_auth_type: {warning}"));
        return Ok(Some(clients.signed_by(Authorities::of_the_system(read, provider)?)));
    };
    let found = certificates(pem, "client_ca", read)?;
    if !config.client_auth.verifies() {
        return Ok(Some(clients));
    }
    let authorities = Authorities::new(found, provider)
        .map_err(|error| format!("{}: {error}", name(pem, "client_ca")))?;
    Ok(Some(clients.signed_by(authorities)))
}
