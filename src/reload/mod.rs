//! Settings in files that take effect when the files change, while the gateway runs.
//!
//! A [`Setting`] is a function that reads files and makes something to apply. [`Files`] remembers what the function has
//! read; when the contents differ, the gateway calls the function again. `web` is the setting of `--web.config.file`,
//! `policy` is the setting of `--auth.policy-file`,
//! `rules` is the setting of `--rules.file`. Start reading at [`follow`].
//!
//! **Invariant:** a setting is applied as a whole or not at all, and only after two looks in a row have found the same bytes.

mod files;
mod policy;
mod rules;
mod web;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::access::Access;
use crate::own_metrics::ReloadStatus;
use crate::shutdown;

pub use files::{FILE_BYTES_MAX, Files};
pub use policy::{load_policy, policy};
pub use rules::{load_rules, rules};
pub use web::{Web, load_web, web};

/// How often files are looked at.
pub const LOOK_WAIT: Duration = Duration::from_secs(1);
/// How long a file must stay as it is after a SIGHUP: the sender of the signal has written all of it.
pub const SETTLE_WAIT: Duration = Duration::from_millis(250);

/// Puts into effect what files say.
type Apply = Box<dyn FnOnce() + Send>;
/// Reads the files of a setting. What they say is not in effect before the result is called.
type Load = dyn FnMut(&mut Files) -> Result<Apply, String> + Send;

/// Something that files say.
pub struct Setting {
    name: &'static str,
    /// What is in effect, or has been told to be wrong.
    files: Files,
    /// What is there instead, since the last look.
    found: Option<Files>,
    status: Arc<ReloadStatus>,
    load: Box<Load>,
}

impl Setting {
    /// One that is in effect as `files` say. `load` reads them again.
    pub fn new(
        name: &'static str,
        files: Files,
        status: Arc<ReloadStatus>,
        load: impl FnMut(&mut Files) -> Result<Apply, String> + Send + 'static,
    ) -> Setting {
        status.succeeded();
        Setting { name, files, found: None, status, load: Box::new(load) }
    }

    /// Applies it anew if a file has changed, and two looks in a row have found the same: a file may be half
    /// written, and half of a list of users is valid, too; a key and its certificate are replaced one after
    /// the other.
    fn look(&mut self) {
        if !self.files.have_changed() {
            self.found = None;
            return;
        }
        let mut files = Files::default();
        let loaded = (self.load)(&mut files);
        if self.found.as_ref() != Some(&files) {
            self.found = Some(files);
            return;
        }
        (self.files, self.found) = (files, None);
        match loaded {
            Ok(apply) => {
                apply();
                self.status.succeeded();
                tracing::info!(setting = self.name, "reloaded");
            }
            Err(error) => {
                self.status.failed();
                tracing::error!(
                    setting = self.name,
                    err = error,
                    "not reloaded: the last valid one stays"
                );
            }
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

/// Follows the changes of settings until `stopping` turns true: every [`LOOK_WAIT`], and at once upon SIGHUP.
pub async fn follow(settings: Vec<Setting>, stopping: watch::Receiver<bool>) {
    if settings.is_empty() {
        return;
    }
    let statuses: Vec<_> = settings.iter().map(|setting| Arc::clone(&setting.status)).collect();
    if let Err(error) = follow_until_stopped(settings, stopping).await {
        // What the files say from now on is not in effect, whatever it is.
        statuses.iter().for_each(|status| status.failed());
        tracing::error!(err = %error, "no files are reloaded any more");
    }
}

async fn follow_until_stopped(
    mut settings: Vec<Setting>,
    mut stopping: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut wait = LOOK_WAIT;
    loop {
        wait = tokio::select! {
            () = tokio::time::sleep(wait) => LOOK_WAIT,
            _ = hangup.recv() => SETTLE_WAIT,
            () = shutdown::requested(&mut stopping) => return Ok(()),
        };
        let looking = tokio::task::spawn_blocking(move || {
            settings.iter_mut().for_each(Setting::look);
            settings
        });
        settings = looking.await?;
    }
}

#[cfg(test)]
mod tests;
