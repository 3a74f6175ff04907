//! Reads a target's scrape, and knows its groups by the labels that their paths give them.

use std::time::Duration;
use std::{fmt, io};

use ahash::AHashMap;

use super::exposition::{self, GroupKey, Shown};
use crate::client::{Failure, Target, fetch};
use crate::profile::PathTemplate;
use crate::workload::Head;

/// Why nothing can be said.
#[derive(Debug)]
pub(crate) enum VerifyError {
    Failure(Failure),
    Status(u16),
    Unreadable(String),
    Io(io::Error),
    /// The target shows marks before the run.
    NotFresh,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure(failure) => write!(f, "cannot scrape the target to verify: {failure}"),
            Self::Status(status) => write!(f, "the scrape to verify was answered {status}"),
            Self::Unreadable(what) => write!(f, "cannot read the target's answer: {what}"),
            Self::Io(error) => error.fmt(f),
            Self::NotFresh => f.write_str(
                "the target holds groups of an earlier verified run: wipe or restart it first",
            ),
        }
    }
}

impl std::error::Error for VerifyError {}

/// What the target shows of all groups that have labels of these names, with the marks in these
/// families.
pub(crate) fn scrape<const N: usize>(
    target: &Target,
    head: &Head,
    label_names: &[String],
    families: &[&str; N],
) -> Result<AHashMap<GroupKey, Shown<N>>, VerifyError> {
    let (status, body) = get(target, head, "/metrics")?;
    if status != 200 {
        return Err(VerifyError::Status(status));
    }
    let text = str::from_utf8(&body).map_err(|e| VerifyError::Unreadable(e.to_string()))?;
    Ok(exposition::read(text, label_names, families))
}

pub(super) fn get(target: &Target, head: &Head, path: &str) -> Result<(u16, Vec<u8>), VerifyError> {
    const LIMIT: Duration = Duration::from_secs(120);
    let request = head.get(path, "Accept: text/plain\r\n");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(VerifyError::Io)?;
    let fetched = runtime.block_on(fetch(target, &request, LIMIT));
    let (answer, body) = fetched.map_err(VerifyError::Failure)?;
    Ok((answer.status, body))
}

/// The names of the grouping labels: every other segment of a group's path.
pub(crate) fn label_names(path: &PathTemplate) -> Vec<String> {
    segments(path, 0).into_iter().step_by(2).collect()
}

pub(crate) fn label_values(path: &PathTemplate, group: u64) -> GroupKey {
    segments(path, group).into_iter().skip(1).step_by(2).collect()
}

/// The path behind `/metrics/`.
fn segments(path: &PathTemplate, group: u64) -> Vec<String> {
    let mut bytes = Vec::new();
    path.render(group, &mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    text.split('/').skip(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_from_the_path() {
        let path = "/metrics/job/job{group%50}/instance/node-{group}".to_owned();
        let path = PathTemplate::try_from(path).expect("valid");
        assert_eq!(label_names(&path), ["job", "instance"]);
        assert_eq!(label_values(&path, 51), ["job1", "node-51"]);
    }
}
