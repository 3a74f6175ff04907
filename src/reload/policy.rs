//! The setting of `--auth.policy-file`: rights and quotas.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Apply, Files, Setting, tell_doubts};
use crate::access::Access;
use crate::access::policy::{self, Policy};
use crate::own_metrics::ReloadStatus;

/// Reads a policy file.
///
/// # Errors
/// When anything is wrong with it: one line that names the file, and the line in it.
pub fn load_policy(path: &Path, files: &mut Files) -> Result<Policy, String> {
    policy::parse(&files.read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

/// Applies a policy file for the first time. The setting keeps `access` up to date.
///
/// # Errors
/// When anything is wrong with the file.
pub fn policy(
    path: PathBuf,
    access: Arc<Access>,
    status: Arc<ReloadStatus>,
) -> Result<Setting, String> {
    let load = move |files: &mut Files| {
        let (policy, access) = (load_policy(&path, files)?, Arc::clone(&access));
        Ok(Box::new(move || {
            access.replace_policy(policy);
            tell_doubts(&access);
        }) as Apply)
    };
    let mut files = Files::default();
    load(&mut files)?();
    Ok(Setting::new("auth.policy-file", files, status, load))
}
