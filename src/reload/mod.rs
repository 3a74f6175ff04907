//! Settings that live in files and take effect when those change, while the gateway runs.
//!
//! A [`Setting`] is a function that reads files and applies what they say. Which files those are shows when it
//! reads them ([`Files`]); it is called again once one of them has other contents. `web` is the setting of
//! `--web.config.file`, `policy` that of `--auth.policy-file`.
//!
//! **Invariant:** what is applied is valid as a whole. Until all files are, what was valid last stays.

mod files;
mod policy;
mod web;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::access::Access;
use crate::own_metrics::ReloadStatus;
use crate::shutdown;

pub use files::{FILE_BYTES_MAX, Files};
pub use policy::{load_policy, policy};
pub use web::{Web, load_web, web};

/// How often files are looked at.
pub const LOOK_WAIT: Duration = Duration::from_secs(1);

/// Reads the files of a setting and applies what they say, all or nothing.
type Apply = dyn FnMut(&mut Files) -> Result<(), String> + Send;

/// Something that files say.
pub struct Setting {
    name: &'static str,
    files: Files,
    status: Arc<ReloadStatus>,
    apply: Box<Apply>,
    /// Why the files cannot be applied, until that is told.
    trouble: Option<String>,
}

impl Setting {
    /// One that has been applied as `files` say. `apply` does so again.
    pub fn new(
        name: &'static str,
        files: Files,
        status: Arc<ReloadStatus>,
        apply: impl FnMut(&mut Files) -> Result<(), String> + Send + 'static,
    ) -> Setting {
        status.succeeded();
        Setting { name, files, status, apply: Box::new(apply), trouble: None }
    }

    /// Applies it anew if a file has changed, for better or worse, since it was read. That it cannot be
    /// applied is told when it still is so at the next look: a key and its certificate, say, are replaced one
    /// after the other.
    fn look(&mut self) {
        if !self.files.have_changed() {
            if let Some(error) = self.trouble.take() {
                self.status.failed();
                tracing::error!(
                    setting = self.name,
                    err = error,
                    "not reloaded: the last valid one stays"
                );
            }
            return;
        }
        self.files = Files::default();
        self.trouble = (self.apply)(&mut self.files).err();
        if self.trouble.is_none() {
            self.status.succeeded();
            tracing::info!(setting = self.name, "reloaded");
        }
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Says what is doubtful about users and rights, now that either may have changed.
fn tell_doubts(access: &Access) {
    for doubt in access.doubts() {
        tracing::warn!("{doubt}");
    }
}

/// Follows the changes of settings until `stopping` turns true: every second, and at once upon SIGHUP.
pub async fn follow(mut settings: Vec<Setting>, mut stopping: watch::Receiver<bool>) {
    if settings.is_empty() {
        return; // And SIGHUP ends the process, as it does the reference.
    }
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => return tracing::error!(err = %error, "no files are reloaded"),
    };
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_WAIT) => {}
            _ = hangup.recv() => {}
            () = shutdown::requested(&mut stopping) => return,
        }
        let looking = tokio::task::spawn_blocking(move || {
            settings.iter_mut().for_each(Setting::look);
            settings
        });
        settings = match looking.await {
            Ok(settings) => settings,
            Err(error) => return tracing::error!(err = %error, "no files are reloaded any more"),
        };
    }
}

#[cfg(test)]
mod tests;
