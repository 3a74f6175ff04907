//! Everything a run needs, decided before it starts.

use std::ops::Range;
use std::time::Duration;

use super::state::Numbering;
use super::verdict::Promise;
use crate::profile::{Count, Mix, Profile, ProfileError, built_in};
use crate::spawn::Recipe;
use crate::workload::{BodyTemplate, Chooser, Marked, bodies, post_body};

/// What is run and for how long.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(super) recipe: Recipe,
    pub(super) profile: Profile,
    pub(super) bodies: Vec<BodyTemplate>,
    /// The body of every POST.
    pub(super) post: BodyTemplate,
    pub(super) promise: Promise,
    pub(super) rounds: usize,
    /// When in a round the gateway is killed.
    pub(super) moments: Range<Duration>,
}

/// So many that connections rarely run out of groups, and so few that groups are pushed to often.
const GROUPS_MAX: u32 = 4000;
/// Whatever the profile's: a history needs all three.
const MIX: Mix = Mix { put: 6, post: 3, delete: 1 };

/// The profile of runs that are not given one.
pub(crate) fn default_profile() -> Result<Profile, ProfileError> {
    built_in(include_str!("profile.toml"), "crash")
}

impl Setup {
    /// Of the profile count its groups, connections, bodies and seed, and how it reaches the
    /// gateway.
    pub(crate) fn new(
        recipe: Recipe,
        mut profile: Profile,
        promise: Promise,
        rounds: Count,
        moments: Range<Duration>,
    ) -> Self {
        profile.keep_alive = true;
        if profile.groups.count.get() > GROUPS_MAX as usize {
            profile.groups.count = Count::new(GROUPS_MAX);
        }
        if profile.connections.get() > profile.groups.count.get() {
            profile.connections = profile.groups.count;
        }
        Self {
            recipe,
            bodies: bodies(&profile, Marked::Everywhere),
            post: post_body(),
            profile,
            promise,
            rounds: rounds.get(),
            moments,
        }
    }

    pub(super) fn chooser(&self) -> Chooser {
        Chooser::new(MIX, &self.bodies, false)
    }

    pub(super) fn numbering(&self) -> Numbering {
        Numbering {
            groups: self.profile.groups.count.get() as u64,
            kinds: self.bodies.len() as u64,
        }
    }
}
