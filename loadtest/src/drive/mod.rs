//! Drives a target: worker threads, each with a single-threaded runtime and its share of the
//! connections.
//!
//! Owns the pace of a run and its phases: connect, warm up, measure, end. Never formats results.

mod arrivals;
mod crew;
mod dispatch;
mod plan;
mod pusher;
mod run;
mod scraper;
mod shared;
mod timer;
mod worker;

pub(crate) use plan::Plan;
pub(crate) use run::{Tick, fill, run};
