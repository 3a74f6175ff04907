//! The setting of `--web.config.file`: TLS, users, headers and the rate limit.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Files, Setting, tell_doubts};
use crate::access::Access;
use crate::config::web::WebConfig;
use crate::own_metrics::ReloadStatus;
use crate::tls::{Acceptor, Server};

/// What a web configuration file and the files that it names say.
#[derive(Debug)]
pub struct Web {
    /// The file, and what is to be warned of.
    pub config: WebConfig,
    /// The TLS server, if TLS is spoken.
    pub server: Option<Server>,
}

/// Reads a web configuration file, and the files that it names.
///
/// # Errors
/// When anything is wrong with them: one line that names the file.
pub fn load_web(path: &Path, files: &mut Files) -> Result<Web, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = String::from_utf8(files.read(path)?).map_err(|error| wrong(&error.utf8_error()))?;
    let mut config = WebConfig::parse(&text, path).map_err(|error| wrong(&error))?;
    let mut warnings = Vec::new();
    let make = |tls| Server::new(tls, config.http2, &mut |path| files.read(path), &mut warnings);
    let made = config.tls.as_ref().map(make).transpose();
    let server = made.map_err(|error| wrong(&format_args!("tls_server_config: {error}")))?;
    config.warnings.append(&mut warnings);
    Ok(Web { config, server })
}

/// Applies a web configuration file for the first time. The acceptor is there if TLS is spoken, and the setting
/// keeps it and `access` up to date.
///
/// # Errors
/// When anything is wrong with the files.
pub fn web(
    path: PathBuf,
    access: Arc<Access>,
    status: Arc<ReloadStatus>,
) -> Result<(Setting, Option<Acceptor>), String> {
    let mut files = Files::default();
    let Web { config, server } = load_web(&path, &mut files)?;
    let acceptor = server.map(Acceptor::new);
    apply(&config, &access);
    let current = acceptor.clone();
    let setting = Setting::new("web.config.file", files, status, move |files| {
        let Web { config, server } = load_web(&path, files)?;
        let replacing = match (&current, server) {
            (Some(acceptor), Some(server)) => Some((acceptor.clone(), server)),
            (None, None) => None,
            // Clients would have to be told another scheme anyway.
            _ => {
                let file = path.display();
                return Err(format!("{file}: TLS is switched on or off only at a start"));
            }
        };
        if let Some(key) = access.opened_by(&config) {
            let file = path.display();
            return Err(format!(
                "{file}: without {key} the gateway would be open to more clients; restart it if that is wanted"
            ));
        }
        let access = Arc::clone(&access);
        Ok(Box::new(move || {
            if let Some((acceptor, server)) = replacing {
                acceptor.replace(server);
            }
            apply(&config, &access);
        }))
    });
    Ok((setting, acceptor))
}

fn apply(config: &WebConfig, access: &Access) {
    for warning in &config.warnings {
        tracing::warn!(warning, "web configuration");
    }
    access.replace_web(config);
    tell_doubts(access);
}
