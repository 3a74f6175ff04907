//! Maps Go's names of cipher suites and groups to those of rustls.

use rustls::SupportedCipherSuite;
use rustls::SupportedProtocolVersion;
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::ring::cipher_suite as suites;
use rustls::crypto::ring::{DEFAULT_CIPHER_SUITES, DEFAULT_KX_GROUPS, kx_group};
use rustls::version::{TLS12, TLS13};

use crate::config::web::{CipherSuite, Curve, TlsConfig, Versions};

/// What two sides may agree on.
#[derive(Debug)]
pub(super) struct Choices {
    pub(super) versions: Vec<&'static SupportedProtocolVersion>,
    pub(super) suites: Vec<SupportedCipherSuite>,
    pub(super) groups: Vec<&'static dyn SupportedKxGroup>,
}

/// What `config` allows of what rustls can do. The rest is warned of.
pub(super) fn choices(config: &TlsConfig, warnings: &mut Vec<String>) -> Result<Choices, String> {
    let mut versions = match config.versions {
        Versions::Tls12 => vec![&TLS12],
        Versions::Tls13 => vec![&TLS13],
        Versions::Both => vec![&TLS13, &TLS12],
    };
    let wanted = &config.cipher_suites;
    let mut suites = DEFAULT_CIPHER_SUITES.to_vec();
    if !wanted.is_empty() {
        // As in Go, those of TLS 1.3 are not a choice.
        suites.retain(|suite| suite.version() == &TLS13);
        let known = wanted.iter().filter_map(|name| {
            let suite = suite(*name);
            if suite.is_none() {
                warnings.push(format!("cipher_suites: {name:?} cannot be used and is left out"));
            }
            suite
        });
        suites.extend(known.filter(|suite| suite.version() == &TLS12));
        if !suites.iter().any(|suite| suite.version() == &TLS12) {
            versions.retain(|version| *version != &TLS12);
            if versions.is_empty() {
                return Err("cipher_suites: none of them can be used with TLS 1.2".to_owned());
            }
            if config.versions != Versions::Tls13 {
                warnings.push("cipher_suites: none for TLS 1.2, which is not spoken".to_owned());
            }
        }
    }
    let mut groups = DEFAULT_KX_GROUPS.to_vec();
    if !config.curves.is_empty() {
        groups = config.curves.iter().filter_map(|curve| group(*curve)).collect();
        if groups.is_empty() {
            return Err("curve_preferences: none of them can be used".to_owned());
        }
        if groups.len() < config.curves.len() {
            warnings.push("curve_preferences: CurveP521 cannot be used and is left out".to_owned());
        }
    }
    Ok(Choices { versions, suites, groups })
}

/// `None` for those that rustls leaves out for good reasons.
fn suite(name: CipherSuite) -> Option<SupportedCipherSuite> {
    use CipherSuite as Go;
    match name {
        Go::TLS_AES_128_GCM_SHA256 => Some(suites::TLS13_AES_128_GCM_SHA256),
        Go::TLS_AES_256_GCM_SHA384 => Some(suites::TLS13_AES_256_GCM_SHA384),
        Go::TLS_CHACHA20_POLY1305_SHA256 => Some(suites::TLS13_CHACHA20_POLY1305_SHA256),
        Go::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => {
            Some(suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
        }
        Go::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => {
            Some(suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)
        }
        Go::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            Some(suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256)
        }
        Go::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => {
            Some(suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
        }
        Go::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => {
            Some(suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)
        }
        Go::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => {
            Some(suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256)
        }
        // Padding oracles, and keys that are good for all that was ever recorded.
        Go::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
        | Go::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA
        | Go::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
        | Go::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
        | Go::TLS_RSA_WITH_AES_128_CBC_SHA
        | Go::TLS_RSA_WITH_AES_128_GCM_SHA256
        | Go::TLS_RSA_WITH_AES_256_CBC_SHA
        | Go::TLS_RSA_WITH_AES_256_GCM_SHA384 => None,
    }
}

fn group(curve: Curve) -> Option<&'static dyn SupportedKxGroup> {
    match curve {
        Curve::X25519 => Some(kx_group::X25519),
        Curve::CurveP256 => Some(kx_group::SECP256R1),
        Curve::CurveP384 => Some(kx_group::SECP384R1),
        Curve::CurveP521 => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rustls::NamedGroup;

    use super::*;
    use crate::config::web::WebConfig;

    /// The choices of these keys, and what is warned of.
    fn chosen(keys: &str) -> (Result<Choices, String>, Vec<String>) {
        let text = format!(
            "tls_server_config: {{cert: a, key: a, {keys}}}\nhttp_server_config: {{http2: false}}\n"
        );
        let config = WebConfig::parse(&text, Path::new("web.yml")).expect(keys);
        let mut warnings = Vec::new();
        (choices(&config.tls.expect("there is a certificate"), &mut warnings), warnings)
    }

    #[test]
    fn what_rustls_cannot_do_is_left_out_and_named() {
        let both = "[TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]";
        let (choices, warnings) = chosen(&format!("cipher_suites: {both}"));
        let choices = choices.expect("one is left");
        let old = choices.suites.iter().filter(|suite| suite.version() == &TLS12);
        assert_eq!((old.count(), choices.suites.len(), choices.versions.len()), (1, 4, 2));
        assert!(warnings.len() == 1 && warnings[0].contains("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"));

        let cbc = "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]";
        let (choices, warnings) = chosen(cbc);
        assert_eq!(choices.expect("TLS 1.3 is left").versions, [&TLS13]);
        assert_eq!(warnings.len(), 2);
        let (choices, _) = chosen(&format!("{cbc}, max_version: TLS12"));
        assert!(choices.is_err_and(|error| error.contains("cipher_suites")));
    }

    #[test]
    fn groups_keep_their_order() {
        let names =
            |choices: Choices| choices.groups.iter().map(|one| one.name()).collect::<Vec<_>>();
        let (choices, warnings) = chosen("curve_preferences: [CurveP384, CurveP521, X25519]");
        assert_eq!(
            names(choices.expect("two are left")),
            [NamedGroup::secp384r1, NamedGroup::X25519]
        );
        assert!(warnings.len() == 1 && warnings[0].contains("CurveP521"));
        let (choices, _) = chosen("curve_preferences: [CurveP521]");
        assert!(choices.is_err_and(|error| error.contains("curve_preferences")));
        let (choices, warnings) = chosen("");
        assert_eq!(names(choices.expect("the usual"))[0], NamedGroup::X25519);
        assert!(warnings.is_empty());
    }
}
