//! A gateway, as its URL names it, and the credentials for it.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::Uri;

use super::Trust;

/// A gateway, and the credentials for it.
#[derive(Clone)]
pub struct Endpoint {
    /// A unix socket, instead of host and port.
    pub(super) socket: Option<PathBuf>,
    /// Without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The host as the URL has it, with a port if there is one there.
    pub(super) authority: String,
    /// What all paths begin with; empty, or with a slash at its beginning and none at its end.
    pub(super) prefix: String,
    /// The header with the credentials.
    pub(super) authorization: Option<String>,
    pub(super) trust: Option<Trust>,
}

/// Why there is no such gateway.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL of a gateway; with what it lacks.
    #[error("{0:?}: {1}")]
    Url(String, &'static str),
    /// The file of a password or an authority cannot be used.
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, std::io::Error),
}

impl Endpoint {
    /// The gateway at `url`, whose certificate one of the authorities in `ca_file` has signed.
    ///
    /// # Errors
    /// When it is no URL, or needs authorities, or those that there are cannot be used.
    pub fn new(url: &str, ca_file: Option<&Path>) -> Result<Endpoint, EndpointError> {
        let wrong = |reason| EndpointError::Url(url.to_owned(), reason);
        if let Some(path) = url.strip_prefix("unix://") {
            return match ca_file {
                None if path.starts_with('/') => Ok(Endpoint::on_socket(path)),
                None => Err(wrong("expected unix:///PATH")),
                Some(_) => Err(wrong("authorities are for https://")),
            };
        }
        let uri: Uri = url.parse().map_err(|_| wrong("not a URL"))?;
        let authority = uri.authority().ok_or_else(|| wrong("expected http://HOST:PORT"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("name and password belong into flags of their own"));
        }
        if uri.query().is_some() {
            return Err(wrong("expected a URL without a query"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let (port, trust) = match (uri.scheme_str(), ca_file) {
            (Some("http"), None) => (80, None),
            (Some("http"), Some(_)) => return Err(wrong("authorities are for https://")),
            (Some("https"), None) => {
                return Err(wrong("https:// needs a file with the authorities to trust"));
            }
            (Some("https"), Some(file)) => {
                let trust = Trust::new(&host, file);
                (443, Some(trust.map_err(|error| EndpointError::File(file.to_owned(), error))?))
            }
            _ => return Err(wrong("expected http://, https:// or unix://")),
        };
        Ok(Endpoint {
            socket: None,
            host,
            port: authority.port_u16().unwrap_or(port),
            authority: authority.as_str().to_owned(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            authorization: None,
            trust,
        })
    }

    /// The gateway whose URL is the value of `flag`, asked by a user with the password in a file.
    ///
    /// # Errors
    /// Names the flag whose value cannot be used, and says why.
    pub fn of_flag(
        flag: &str,
        url: &str,
        ca_file: Option<&Path>,
        asker: (Option<&str>, Option<&Path>),
    ) -> Result<Endpoint, String> {
        let endpoint = Endpoint::new(url, ca_file).and_then(|endpoint| match asker {
            (Some(user), Some(file)) => endpoint.asked_by(user, file),
            _ => Ok(endpoint),
        });
        match asker {
            (None, Some(_)) | (Some(_), None) => {
                Err(format!("{flag}-user and {flag}-password-file go together"))
            }
            _ => endpoint.map_err(|error| format!("{flag} {error}")),
        }
    }

    fn on_socket(path: &str) -> Endpoint {
        Endpoint {
            socket: Some(PathBuf::from(path)),
            host: String::new(),
            port: 0,
            authority: "localhost".to_owned(),
            prefix: String::new(),
            authorization: None,
            trust: None,
        }
    }

    /// The same, asked by the user whose password is the first line of `password_file`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn asked_by(self, user: &str, password_file: &Path) -> Result<Endpoint, EndpointError> {
        let text = std::fs::read_to_string(password_file)
            .map_err(|error| EndpointError::File(password_file.to_owned(), error))?;
        let password = text.lines().next().unwrap_or_default();
        let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
        Ok(Endpoint { authorization: Some(format!("Basic {encoded}")), ..self })
    }
}

/// As its URL.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(socket) = &self.socket {
            return write!(f, "unix://{}", socket.display());
        }
        let scheme = if self.trust.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.prefix)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_port_and_prefix() {
        for (url, host, port, prefix) in [
            ("http://gateway", "gateway", 80, ""),
            ("http://gateway:9091/", "gateway", 9091, ""),
            ("http://[::1]:9091/a/b/", "::1", 9091, "/a/b"),
        ] {
            let found = Endpoint::new(url, None).expect(url);
            assert_eq!((&*found.host, found.port, &*found.prefix), (host, port, prefix));
        }
    }

    #[test]
    fn what_is_no_url_is_named() {
        for url in [
            "gateway:9091",
            "/gateway",
            "",
            "ftp://x",
            "unix://x",
            "http://u:p@x",
            "http://x/?a",
            "https://x",
        ] {
            let error = Endpoint::new(url, None).expect_err(url).to_string();
            assert!(error.contains(&format!("{url:?}")), "{error}");
        }
        let missing = Endpoint::new("https://x", Some(Path::new("/no/such/file")));
        assert!(missing.is_err_and(|error| error.to_string().contains("/no/such/file")));
    }
}
