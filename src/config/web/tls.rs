//! `tls_server_config`: the settings of TLS, in the words of Go's `crypto/tls`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// How TLS is spoken.
#[derive(Debug, Clone)]
pub struct TlsConfig {
    /// The certificates shown to clients, the gateway's own first.
    pub certificates: Pem,
    /// The private key of the first.
    pub key: Pem,
    /// What is asked of clients.
    pub client_auth: ClientAuth,
    /// The certificates of the authorities that sign clients'; those of the system without.
    pub client_authorities: Option<Pem>,
    /// The alternative names of which a client's certificate must have one, if any is allowed to matter.
    pub allowed_names: Vec<String>,
    /// Which versions are spoken.
    pub versions: Versions,
    /// The suites of TLS 1.2, the preferred first; empty for the usual ones.
    pub cipher_suites: Vec<CipherSuite>,
    /// Whether that order counts, rather than the client's.
    pub prefers_own_order: bool,
    /// The groups of the key exchange, the preferred first; empty for the usual ones.
    pub curves: Vec<Curve>,
}

/// Where a PEM text is.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// In the configuration itself.
    Inline(String),
    /// In a file.
    File(PathBuf),
}

impl fmt::Debug for Pem {
    /// Without the text, which may be a private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::Inline(_) => f.write_str("Inline"),
            Pem::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// The versions of TLS that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Versions {
    Tls12,
    Tls13,
    Both,
}

/// What is asked of a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum ClientAuth {
    /// Nothing.
    #[default]
    #[serde(alias = "")]
    NoClientCert,
    /// A certificate, which may be any or missing.
    RequestClientCert,
    /// A certificate, which may be any.
    #[serde(alias = "RequireClientCert")]
    RequireAnyClientCert,
    /// That a certificate, if there is one, is signed by an authority.
    VerifyClientCertIfGiven,
    /// A certificate that is signed by an authority.
    RequireAndVerifyClientCert,
}

impl ClientAuth {
    /// Whether a certificate that is shown must be signed by an authority.
    pub fn verifies(self) -> bool {
        matches!(self, ClientAuth::VerifyClientCertIfGiven | ClientAuth::RequireAndVerifyClientCert)
    }

    /// Whether a certificate must be shown.
    pub fn requires(self) -> bool {
        matches!(self, ClientAuth::RequireAnyClientCert | ClientAuth::RequireAndVerifyClientCert)
    }
}

/// A cipher suite that a Go server could be configured with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[expect(non_camel_case_types, missing_docs, reason = "these are Go's names")]
pub enum CipherSuite {
    TLS_AES_128_GCM_SHA256,
    TLS_AES_256_GCM_SHA384,
    TLS_CHACHA20_POLY1305_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    TLS_RSA_WITH_AES_128_CBC_SHA,
    TLS_RSA_WITH_AES_128_GCM_SHA256,
    TLS_RSA_WITH_AES_256_CBC_SHA,
    TLS_RSA_WITH_AES_256_GCM_SHA384,
}

/// A group of the key exchange that a Go server could be configured with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "these are Go's names")]
pub enum Curve {
    CurveP256,
    CurveP384,
    CurveP521,
    X25519,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Version {
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsSection {
    cert: Option<String>,
    key: Option<String>,
    client_ca: Option<String>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    client_ca_file: Option<PathBuf>,
    client_auth_type: Option<ClientAuth>,
    client_allowed_sans: Option<Vec<String>>,
    min_version: Option<Version>,
    max_version: Option<Version>,
    cipher_suites: Option<Vec<CipherSuite>>,
    prefer_server_cipher_suites: Option<bool>,
    curve_preferences: Option<Vec<Curve>>,
}

impl TlsSection {
    /// What the keys say together; `None` when that is not to speak TLS. Files lie in `folder`.
    pub(super) fn check(
        self,
        folder: &Path,
        http2: bool,
        warnings: &mut Vec<String>,
    ) -> Result<Option<TlsConfig>, String> {
        let versions = self.versions(warnings)?;
        let pem = |file: Option<PathBuf>, inline: Option<String>| {
            let file = file.filter(|file| file != "").map(|file| Pem::File(folder.join(file)));
            file.or(inline.filter(|text| !text.is_empty()).map(Pem::Inline))
        };
        let client_auth = self.client_auth_type.unwrap_or_default();
        let client_authorities = pem(self.client_ca_file, self.client_ca);
        let (certificates, key) =
            match (pem(self.cert_file, self.cert), pem(self.key_file, self.key)) {
                (Some(certificates), Some(key)) => (certificates, key),
                (None, None)
                    if client_authorities.is_none() && client_auth == ClientAuth::default() =>
                {
                    return Ok(None);
                }
                (None, _) => return Err("cert_file or cert is missing".to_owned()),
                (_, None) => return Err("key_file or key is missing".to_owned()),
            };
        if client_authorities.is_some() && client_auth == ClientAuth::NoClientCert {
            return Err(
                "there is a client_ca_file or client_ca, but no client_auth_type".to_owned()
            );
        }
        let cipher_suites = self.cipher_suites.unwrap_or_default();
        if http2 && versions != Versions::Tls13 && !is_enough_for_http2(&cipher_suites) {
            return Err("cipher_suites lacks TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or \
                TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, which HTTP/2 needs: add one, or say http2: false"
                .to_owned());
        }
        let allowed_names = match self.client_allowed_sans {
            Some(names) if names.is_empty() => {
                return Err("client_allowed_sans is empty: nobody could connect".to_owned());
            }
            Some(_) if client_auth == ClientAuth::NoClientCert => {
                let warning = "client_allowed_sans has no effect without a client_auth_type";
                warnings.push(warning.to_owned());
                Vec::new()
            }
            names => names.unwrap_or_default(),
        };
        Ok(Some(TlsConfig {
            certificates,
            key,
            client_auth,
            client_authorities,
            allowed_names,
            versions,
            prefers_own_order: self.prefer_server_cipher_suites.unwrap_or(true),
            cipher_suites,
            curves: self.curve_preferences.unwrap_or_default(),
        }))
    }

    fn versions(&self, warnings: &mut Vec<String>) -> Result<Versions, String> {
        let mut min = self.min_version.unwrap_or(Version::Tls12);
        let max = self.max_version.unwrap_or(Version::Tls13);
        if min > max {
            return Err("min_version is above max_version".to_owned());
        }
        if min < Version::Tls12 {
            warnings.push("min_version is taken for TLS12: nothing older is spoken".to_owned());
            min = Version::Tls12;
        }
        match (min, max) {
            (Version::Tls13, _) => Ok(Versions::Tls13),
            (_, Version::Tls13) => Ok(Versions::Both),
            (_, Version::Tls12) => Ok(Versions::Tls12),
            _ => Err("max_version must be TLS12 or TLS13: nothing older is spoken".to_owned()),
        }
    }
}

/// Whether a client that speaks HTTP/2 over TLS 1.2 finds the suite that it may count on.
fn is_enough_for_http2(suites: &[CipherSuite]) -> bool {
    let needed = [
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ];
    suites.is_empty() || suites.iter().any(|suite| needed.contains(suite))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::web::WebConfig;

    fn parse(lines: &str) -> Result<WebConfig, String> {
        let lines: String = lines.lines().map(|line| format!("  {line}\n")).collect();
        let text = format!("tls_server_config:\n{lines}");
        WebConfig::parse(&text, Path::new("/etc/gateway/web.yml"))
    }

    fn tls(lines: &str) -> TlsConfig {
        let lines = format!("cert_file: a.crt\nkey_file: a.key\n{lines}");
        parse(&lines).expect(&lines).tls.expect("there is a certificate")
    }

    #[test]
    fn files_lie_beside_the_configuration_and_win_over_what_is_inline() {
        let config =
            tls("cert: text\nkey: text\nclient_auth_type: VerifyClientCertIfGiven\nclient_ca: CA");
        assert_eq!(config.certificates, Pem::File("/etc/gateway/a.crt".into()));
        assert_eq!(config.key, Pem::File("/etc/gateway/a.key".into()));
        assert_eq!(config.client_authorities, Some(Pem::Inline("CA".to_owned())));
        let config = parse("cert: |\n  one\n  two\ncert_file: ''\nkey_file: /else/where.key");
        let config = config.expect("valid").tls.expect("it is");
        assert_eq!(config.certificates, Pem::Inline("one\ntwo\n".to_owned()));
        assert_eq!(config.key, Pem::File("/else/where.key".into()));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (lines, named) in [
            ("cert_file: a", "key_file"),
            ("cert_file: a\nkey_file: ''", "key_file"),
            ("cert_file: a\nkey: ''", "key_file"),
            ("cert_file: ''\nkey_file: a", "cert_file"),
            ("cert: ''\nkey_file: a", "cert_file"),
            ("client_auth_type: RequestClientCert", "cert_file"),
            ("client_ca: a", "cert_file"),
            ("cert_file: a\nkey_file: a\nclient_ca_file: a", "client_auth_type"),
            (
                "cert_file: a\nkey_file: a\nclient_ca: a\nclient_auth_type: NoClientCert",
                "client_auth_type",
            ),
            ("cert_file: a\nkey_file: a\nclient_allowed_sans: []", "client_allowed_sans"),
        ] {
            let error = parse(lines).expect_err(lines);
            assert!(
                error.contains(named) && error.starts_with("tls_server_config"),
                "{lines}: {error}"
            );
        }
    }

    #[test]
    fn versions_are_those_from_tls_1_2() {
        for (lines, versions, warnings) in [
            ("", Versions::Both, 0),
            ("min_version: TLS12", Versions::Both, 0),
            ("min_version: TLS10", Versions::Both, 1),
            ("min_version: TLS11\nmax_version: TLS12", Versions::Tls12, 1),
            ("min_version: TLS13", Versions::Tls13, 0),
            ("max_version: TLS12", Versions::Tls12, 0),
            ("min_version: TLS13\nmax_version: TLS13", Versions::Tls13, 0),
        ] {
            assert_eq!(tls(lines).versions, versions, "{lines}");
            let text = format!("cert_file: a\nkey_file: a\n{lines}");
            assert_eq!(parse(&text).expect(lines).warnings.len(), warnings, "{lines}");
        }
        for lines in [
            "max_version: TLS11",
            "max_version: TLS10",
            "min_version: TLS13\nmax_version: TLS12",
            "min_version: TLS10\nmax_version: TLS11",
        ] {
            assert!(parse(lines).is_err_and(|error| error.contains("_version")), "{lines}");
        }
    }

    #[test]
    fn every_client_auth_type_is_known_the_old_name_too() {
        for (name, auth, requires, verifies) in [
            ("", ClientAuth::NoClientCert, false, false),
            ("NoClientCert", ClientAuth::NoClientCert, false, false),
            ("RequestClientCert", ClientAuth::RequestClientCert, false, false),
            ("RequireAnyClientCert", ClientAuth::RequireAnyClientCert, true, false),
            ("RequireClientCert", ClientAuth::RequireAnyClientCert, true, false),
            ("VerifyClientCertIfGiven", ClientAuth::VerifyClientCertIfGiven, false, true),
            ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerifyClientCert, true, true),
        ] {
            let authority = if verifies { "client_ca: a" } else { "" };
            let found = tls(&format!("client_auth_type: '{name}'\n{authority}")).client_auth;
            assert_eq!((found, found.requires(), found.verifies()), (auth, requires, verifies));
        }
    }

    #[test]
    fn names_that_cannot_matter_are_warned_of() {
        let lines = "cert_file: a\nkey_file: a\nclient_allowed_sans: [a]";
        let config = parse(lines).expect("valid");
        assert!(config.warnings.len() == 1 && config.warnings[0].contains("client_allowed_sans"));
        let config =
            tls("client_auth_type: RequireAnyClientCert\nclient_allowed_sans: [a, 10.0.0.1]");
        assert_eq!(config.allowed_names, ["a", "10.0.0.1"]);
    }

    #[test]
    fn suites_that_http2_cannot_do_with_are_refused_as_go_does() {
        let suites =
            "cert_file: a\nkey_file: a\ncipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]";
        assert!(parse(suites).is_err_and(|error| error.contains("http2: false")));
        assert!(parse(&format!("{suites}\nmin_version: TLS13")).is_ok());
        let text = format!(
            "tls_server_config: {{{}}}\nhttp_server_config: {{http2: false}}\n",
            suites.replace('\n', ", ")
        );
        assert!(WebConfig::parse(&text, Path::new("web.yml")).is_ok());
        assert!(tls("cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]").prefers_own_order);
    }
}
