//! The web configuration file, in the format of Prometheus' exporter-toolkit.
//!
//! `file` has one field for each key of the YAML. `tls` checks the keys of TLS together. The files that the
//! configuration names are read in `crate::tls`.

mod file;
mod header;
mod password;
mod tls;

use std::collections::BTreeMap;
use std::path::Path;

use crate::rate::Rate;
use crate::yaml;
use file::{File, RateSection};

pub use password::PasswordHash;
pub use tls::{CipherSuite, ClientAuth, Curve, Pem, TlsConfig, Versions};

/// What `--web.config.file` says, checked.
#[derive(Debug, Clone, Default)]
pub struct WebConfig {
    /// How to speak TLS; plain HTTP without.
    pub tls: Option<TlsConfig>,
    /// Whether HTTP/2 is offered, over TLS.
    pub http2: bool,
    /// Headers of every answer, by their names.
    pub headers: BTreeMap<String, String>,
    /// The bcrypt hashes of users' passwords, by their names; everybody may come in when there are none.
    pub users: BTreeMap<String, PasswordHash>,
    /// How fast requests may come, all clients together.
    pub rate_limit: Option<Rate>,
    /// What it says that has no effect, or another than it would have in a Go server.
    pub warnings: Vec<String>,
}

impl WebConfig {
    /// Reads the text of the file at `path`. Files that it names relatively lie in the same folder.
    ///
    /// # Errors
    /// When it is not valid: one line with the key or the line of the file, but not its path.
    pub fn parse(text: &str, path: &Path) -> Result<WebConfig, String> {
        let File { tls_server_config, http_server_config, basic_auth_users, rate_limit } =
            yaml::read(text)?;
        let http = http_server_config.unwrap_or_default();
        let http2 = http.http2.unwrap_or(true);
        let headers = header::checked(http.headers.unwrap_or_default())
            .map_err(|error| format!("http_server_config: headers: {error}"))?;
        let mut warnings = Vec::new();
        let folder = path.parent().unwrap_or(Path::new(""));
        let tls = tls_server_config
            .unwrap_or_default()
            .check(folder, http2, &mut warnings)
            .map_err(|error| format!("tls_server_config: {error}"))?;
        let users = basic_auth_users.unwrap_or_default();
        let users = users.into_iter().map(|(name, hash)| (name.into(), hash)).collect();
        let rate_limit = rate_limit.and_then(RateSection::limit);
        Ok(WebConfig { tls, http2, headers, users, rate_limit, warnings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<WebConfig, String> {
        WebConfig::parse(text, Path::new("/etc/gateway/web.yml"))
    }

    #[test]
    fn nothing_is_a_valid_configuration() {
        for text in [
            "",
            "\n",
            "# nothing\n",
            "---\n",
            "{}",
            "tls_server_config:\n",
            "tls_server_config: {}\nhttp_server_config:\nbasic_auth_users:\nrate_limit:\n",
        ] {
            let config = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            assert!(config.tls.is_none() && config.http2 && config.users.is_empty(), "{text:?}");
            assert!(config.headers.is_empty() && config.rate_limit.is_none(), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_in_the_format_is_an_error_with_its_line() {
        for (text, line, named) in [
            ("tls_server_config:\n  cert_filse: a\n", 2, "cert_filse"),
            ("\ntls: {}\n", 2, "tls"),
            ("rate_limit:\n  interval: 1s\n  interval: 2s\n", 3, "interval"),
            ("rate_limit: {}\nrate_limit: {}\n", 2, "rate_limit"),
            (
                "basic_auth_users:\n  a: &hash $2y$04$abcdefghijklmnopqrstuuTGfi3cYrJwyWJ2u2yQO0.t7h4ltkPG6\n  a: *hash\n",
                3,
                "a",
            ),
            (
                "http_server_config:\n  headers:\n    X-XSS-Protection: 1\n    X-XSS-Protection: 2\n",
                4,
                "X-XSS-Protection",
            ),
            ("junk\nmore junk\n", 1, ""),
            ("tls_server_config: [", 1, ""),
            ("tls_server_config: text\n", 1, ""),
            ("http_server_config:\n  http2: perhaps\n", 2, "boolean"),
            ("rate_limit:\n  burst: many\n", 2, ""),
            ("rate_limit:\n\n  burst: -1\n", 3, ""),
            ("rate_limit:\n  interval: often\n", 2, "often"),
            ("basic_auth_users:\n  john: doe\n", 2, "bcrypt"),
            (
                "basic_auth_users:\n  'a:b': $2y$04$abcdefghijklmnopqrstuuTGfi3cYrJwyWJ2u2yQO0.t7h4ltkPG6\n",
                2,
                "colon",
            ),
            ("tls_server_config:\n  min_version: TLS111\n", 2, "TLS111"),
            (
                "tls_server_config:\n  cipher_suites:\n  - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048\n",
                3,
                "SHA2048",
            ),
            ("tls_server_config:\n  curve_preferences: [X25519,\n    CurveP257]\n", 3, "CurveP257"),
            ("tls_server_config:\n  client_auth_type: Sometimes\n", 2, "Sometimes"),
            ("tls_server_config:\n  prefer_server_cipher_suites: 7\n", 2, ""),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.starts_with(&format!("line {line}: ")), "{text:?}: {error}");
            assert!(error.contains(named) && !error.contains('\n'), "{text:?}: {error}");
            assert!(
                !error.contains("doe"),
                "a password that was written in the clear is not shown"
            );
        }
    }

    #[test]
    fn the_rate_limit_is_read_as_go_reads_it() {
        for (text, limit) in [
            ("interval: 1s\n  burst: 20", Some((1_000_000_000, 20))),
            ("interval: \"250ms\"\n  burst: 0", Some((250_000_000, 0))),
            ("interval: 1m30s", Some((90_000_000_000, 0))),
            ("interval: 1000", Some((1000, 0))),
            ("interval: 0\n  burst: 0", None),
            ("interval: 0s\n  burst: 5", None),
            ("burst: 5", None),
        ] {
            let config = parse(&format!("rate_limit:\n  {text}\n")).expect(text);
            let found = config.rate_limit.map(|limit| (limit.interval.as_nanos(), limit.burst));
            assert_eq!(found, limit, "{text}");
        }
    }

    #[test]
    fn headers_are_those_that_may_be_set_with_values_they_may_have() {
        let text = "http_server_config:
  http2: no
  headers:
    X-Frame-Options: deny
    Strict-Transport-Security: max-age=31536000; includeSubDomains
    X-Content-Type-Options: nosniff
    X-XSS-Protection: 1
    Content-Security-Policy: \"default-src 'self' *.test.example.net\"
";
        let config = parse(text).expect("all are allowed");
        assert!(!config.http2);
        assert_eq!(config.headers.len(), 5);
        assert_eq!(config.headers["X-XSS-Protection"], "1");
        let blank =
            parse("http_server_config: {headers: {X-XSS-Protection: '', X-Frame-Options: }}");
        assert!(blank.expect("a blank one is not set").headers.is_empty());
        for (header, named) in [
            ("X-Content-Type-Options: sniff", "nosniff"),
            ("X-Frame-Options: DENY", "sameorigin"),
            ("Content-Type: foo", "Content-Type"),
            ("x-frame-options: deny", "x-frame-options"),
            ("Content-Security-Policy: \"a\\nb\"", "Content-Security-Policy"),
        ] {
            let text = format!("http_server_config:\n  headers:\n    {header}\n");
            let error = parse(&text).expect_err(header);
            assert!(error.contains(named) && error.contains("headers"), "{error}");
        }
    }

    #[test]
    fn passwords_are_bcrypt_hashes_of_any_variant() {
        for variant in ["2a", "2b", "2x", "2y"] {
            let text = format!(
                "basic_auth_users:\n  alice: ${variant}$04$abcdefghijklmnopqrstuuTGfi3cYrJwyWJ2u2yQO0.t7h4ltkPG6\n"
            );
            let config = parse(&text).expect(variant);
            assert_eq!(config.users.len(), 1);
            assert!(!format!("{config:?}").contains("abcdefgh"), "hashes are not shown");
        }
        for hash in [
            "",
            "secret",
            "$2y$99$abcdefghijklmnopqrstuuTGfi3cYrJwyWJ2u2yQO0.t7h4ltkPG6",
            "$2y$04$short",
            "$6$a$b",
        ] {
            let error = parse(&format!("basic_auth_users:\n  bob: '{hash}'\n")).expect_err(hash);
            assert!(error.contains("bcrypt"), "{error}");
        }
    }
}
