//! Copies groups from one gateway to another, with the times of their pushes.
//!
//! ```text
//! GET /api/v1/metrics -> answer (one group at a time) -> family -> SourceGroup --+   8 connections
//! persistence file    -> gob ----------------------------------> SourceGroup --+-> place -> PUT
//! ```
//!
//! - [`SourceGroup`]: a group as a source has it. `answer` reads what a gateway tells of all its groups, `family`
//!   makes protobuf of it, `saved` does so for what stands in a file, and `source` gets them one after the other, whatever they come from.
//! - `setup`: what is to be copied, and how, as the flags say it.
//! - `place` puts one group into the target; `report` is what has become of all of them; [`run`] does it all.
//!
//! **Invariants:** a few groups are in memory, however many there are. Doing it twice is the same as doing it
//! once.

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

pub use group::SourceGroup;
pub use place::{RETRY_WAIT_MAX, TRIES_MAX, TargetError, Way};
pub use report::{FAILURES_SHOWN_MAX, Report};
pub use run::{IN_FLIGHT_MAX, MigrateError, Options, run};
pub use source::{GROUP_BYTES_MAX, Source, SourceError};
