//! The jobs that a query names.

use crate::exposition::write_label_value;
use crate::parameters::{Parameter, ParameterError};

/// How often a query may name a job. Each is looked up in every shard.
const JOBS_MAX: usize = 1000;

/// Jobs as escaped label values.
#[derive(Debug, Default)]
pub(in crate::http) struct NamedJobs {
    escaped: Vec<String>,
}

impl NamedJobs {
    /// Takes the job that a parameter names.
    pub(in crate::http) fn name(&mut self, job: &Parameter<'_>) -> Result<(), ParameterError> {
        if job.value().is_empty() {
            return Err(job.error("must not be empty"));
        }
        if self.escaped.len() == JOBS_MAX {
            return Err(job.error(format_args!("given more than {JOBS_MAX} times")));
        }
        let mut escaped = Vec::new();
        write_label_value(&mut escaped, job.value().as_bytes());
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
