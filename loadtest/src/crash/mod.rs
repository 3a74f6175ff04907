//! What an acknowledgement is worth: a gateway that persists is killed under load, started again,
//! and must show, for every group, a state that its promise allows.
//!
//! Each connection owns its groups, so the operations on a group have one order; one without an
//! answer ends it until the next check. So a [`history`] of [`state`]s says exactly what may be
//! there. [`load`] makes histories through the [`writer`] of each connection, [`check`] reads what
//! is there, [`mod@run`] goes round. What the kernel has been handed survives a SIGKILL: this proves
//! nothing about a power cut.

mod check;
mod history;
mod load;
mod run;
mod setup;
mod state;
mod verdict;
mod writer;

pub(crate) use run::run;
pub(crate) use setup::{Setup, default_profile};
pub(crate) use verdict::{Promise, Verdict};
