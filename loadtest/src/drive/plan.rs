//! Everything a run needs, decided before it starts.

use std::sync::Arc;

use crate::client::Target;
use crate::measure::{Loop, Process};
use crate::profile::Profile;
use crate::verify::{Expectation, Source};
use crate::workload::{BodyTemplate, Head};

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) profile: Arc<Profile>,
    pub(crate) target: Arc<Target>,
    pub(crate) process: Option<Process>,
    pub(crate) head: Head,
    pub(crate) bodies: Arc<[BodyTemplate]>,
    pub(crate) workers: usize,
    /// Whether a ledger is kept of what was pushed.
    pub(crate) verified: bool,
    /// Where to read what has been pushed; at the target, where there are none.
    pub(crate) shown_at: Vec<Target>,
}

impl Plan {
    /// `workers` is a wish: each worker owns groups and connections of its own.
    pub(crate) fn new(
        profile: &Profile,
        bodies: Vec<BodyTemplate>,
        target: Target,
        process: Option<Process>,
        workers: usize,
    ) -> Self {
        Self {
            process,
            head: Head::new(profile, &target),
            target: Arc::new(target),
            bodies: bodies.into(),
            workers: workers.min(profile.groups.count.get()).min(profile.connections.get()),
            profile: Arc::new(profile.clone()),
            verified: false,
            shown_at: Vec::new(),
        }
    }

    pub(crate) fn pace(&self) -> Loop {
        if self.profile.arrivals.is_some() { Loop::Open } else { Loop::Closed }
    }

    pub(crate) fn expectation(&self) -> Expectation {
        let source = |target: &Target| Source {
            target: target.clone(),
            head: Head::new(&self.profile, target),
        };
        let sources = match &self.shown_at[..] {
            [] => vec![source(&self.target)],
            shown_at => shown_at.iter().map(source).collect(),
        };
        Expectation {
            sources,
            path: self.profile.groups.path.clone(),
            samples: self.bodies.iter().map(|body| body.samples).collect(),
            replaces_all: self.profile.mix.post == 0 || self.bodies.len() == 1,
        }
    }
}
