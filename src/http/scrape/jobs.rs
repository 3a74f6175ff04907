//! The jobs that a query names.

use std::fmt;

use crate::exposition::write_label_value;

/// How often a query may name a job. Each is looked up in every shard.
const JOBS_MAX: usize = 1000;

/// Jobs as escaped label values.
#[derive(Debug, Default)]
pub(in crate::http) struct NamedJobs {
    escaped: Vec<String>,
}

/// Why a query cannot name a job, or another one.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) enum JobError {
    /// An empty job, which no group has.
    Empty,
    /// More than there may be.
    TooMany,
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Empty => write!(f, "parameter job: must not be empty"),
            JobError::TooMany => write!(f, "parameter job: given more than {JOBS_MAX} times"),
        }
    }
}

impl NamedJobs {
    /// Takes another value of the parameter.
    pub(in crate::http) fn name(&mut self, job: &str) -> Result<(), JobError> {
        if job.is_empty() {
            return Err(JobError::Empty);
        }
        if self.escaped.len() == JOBS_MAX {
            return Err(JobError::TooMany);
        }
        let mut escaped = Vec::new();
        write_label_value(&mut escaped, job.as_bytes());
        self.escaped.extend(String::from_utf8(escaped));
        Ok(())
    }

    /// The jobs in order, each once.
    pub(in crate::http) fn in_order(mut self) -> Vec<String> {
        self.escaped.sort_unstable();
        self.escaped.dedup();
        self.escaped
    }
}
