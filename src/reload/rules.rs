//! The setting of `--rules.file`: rules for groups.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::{Apply, Files, Setting};
use crate::own_metrics::ReloadStatus;
use crate::rules::GroupRules;

/// Reads a file of rules.
///
/// # Errors
/// When anything is wrong with it: one line that names the file, and the line in it.
pub fn load_rules(path: &Path, files: &mut Files) -> Result<GroupRules, String> {
    GroupRules::parse(&files.read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads a file of rules for the first time. The receiver always has the rules that are in effect.
///
/// # Errors
/// When anything is wrong with the file.
pub fn rules(
    path: PathBuf,
    status: Arc<ReloadStatus>,
) -> Result<(Setting, watch::Receiver<Arc<GroupRules>>), String> {
    let (current, receiver) = watch::channel(Arc::default());
    let current = Arc::new(current);
    let load = move |files: &mut Files| {
        let (rules, current) = (Arc::new(load_rules(&path, files)?), Arc::clone(&current));
        Ok(Box::new(move || drop(current.send_replace(rules))) as Apply)
    };
    let mut files = Files::default();
    load(&mut files)?();
    Ok((Setting::new("rules.file", files, status, load), receiver))
}
