//! Copies groups from one gateway to another, with their push times.
//!
//! ```text
//! GET /api/v1/metrics -> answer (one group at a time) -> family -> SourceGroup --+   8 connections
//! persistence file    -> gob --------------------------> saved --> SourceGroup --+-> place -> PUT
//! ```
//!
//! Start reading at [`run`]. `setup` reads the flags, `source` reads the groups one after the other, `place` stores one
//! group at the target, and `report` counts. `stored` is what the target has before, for the report.
//!
//! **Invariants:** only a few groups are in memory, however many the source has. An import is idempotent.

mod answer;
mod family;
pub mod gob;
mod group;
mod place;
mod report;
mod run;
mod saved;
mod setup;
mod source;
mod stored;

pub use group::SourceGroup;
pub use place::{RETRY_WAIT_MAX, TRIES_MAX, TargetError, Way};
pub use report::{FAILURES_SHOWN_MAX, Report};
pub use run::{IN_FLIGHT_MAX, ImportError, Options, PROGRESS_WAIT, run};
pub use source::{GROUP_BYTES_MAX, Source, SourceError};
