//! Profiles: what a workload looks like, read from TOML.
//!
//! A file is read as [`keys`] and checked into a [`Profile`], so that nothing behind this folder
//! checks again. Unknown keys and impossible values are errors that name the line. Never touches
//! the network.

mod bundled;
mod check;
mod keys;
mod kinds;
mod load;
mod path;
mod values;

use std::path::{Path, PathBuf};

pub(crate) use keys::{BasicAuth, Format, Mix, Scraper};
pub(crate) use load::{ProfileError, built_in, load};
pub(crate) use path::PathTemplate;
pub(crate) use values::{Count, Rate, Share, Span};

/// One workload.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// The file's stem.
    pub(crate) name: String,
    /// The sentence on what this workload models.
    pub(crate) about: String,
    /// The seed of every random choice.
    pub(crate) seed: u64,
    pub(crate) connections: Count,
    /// False: each push opens a connection of its own.
    pub(crate) keep_alive: bool,
    pub(crate) duration: Span,
    pub(crate) warmup: Span,
    /// How long a request may take.
    pub(crate) timeout: Span,
    pub(crate) groups: Groups,
    pub(crate) mix: Mix,
    pub(crate) bodies: Vec<Body>,
    /// Whether all pushes to a group carry the same of the bodies, rather than any.
    pub(crate) body_by_group: bool,
    /// When pushes start; none is a closed loop.
    pub(crate) arrivals: Option<Arrivals>,
    pub(crate) scraper: Option<Scraper>,
    pub(crate) basic_auth: Option<BasicAuth>,
    /// The authority that signs the certificates of targets, if they speak TLS.
    pub(crate) ca_file: Option<PathBuf>,
}

impl Profile {
    /// The same, as those take it who open it.
    pub(crate) fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }
}

/// The groups that are pushed to.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    /// How many there are at any time.
    pub(crate) count: Count,
    pub(crate) path: PathTemplate,
    /// Whether every group is pushed once before the measurement.
    pub(crate) prefill: bool,
    /// The share of pushes that go to a new group, which takes the place of the oldest.
    pub(crate) churn: Share,
    /// Whether a group that was replaced is deleted.
    pub(crate) delete_replaced: bool,
}

/// What one push carries.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    /// How often it is chosen, relative to the others.
    pub(crate) weight: u32,
    pub(crate) source: Source,
    pub(crate) format: Format,
    pub(crate) gzip: bool,
}

/// Where a body's families come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A text exposition; its values change with every push.
    Text(String),
    Generated(Shape),
}

/// The measures of a generated body.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) families: usize,
    /// Series in each family; a histogram or summary counts as one series.
    pub(crate) series: usize,
    pub(crate) labels: usize,
    pub(crate) label_value_bytes: usize,
    pub(crate) histogram_share: Share,
    pub(crate) summary_share: Share,
    /// Buckets of each histogram, `+Inf` included.
    pub(crate) buckets: usize,
}

/// When pushes start in an open loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Arrivals {
    /// At equal distances.
    Constant(Rate),
    /// Independent of each other, as those of many unrelated jobs are.
    Poisson(Rate),
    /// `size` at once, or spread at random over the time `within`, again after `every`.
    Bursts { size: Count, every: Span, within: Option<Span> },
    /// From one rate to another over the whole run, the warm-up included.
    Ramp { from: Rate, to: Rate },
}
