//! What a run found out: latencies, errors, the target's and the tester's own use of the machine.
//!
//! Owns the numbers and their merging. Never formats them and never talks to the target.

mod observer;
mod process;
mod recorder;
mod report;
mod timeline;

pub(crate) use observer::Observer;
pub(crate) use process::{Process, own_thread_cpu, process_listening_on};
pub(crate) use recorder::{Loop, Recorder, Window, time_histogram};
pub(crate) use report::{Report, Scrapes, TargetUsage, Tester};
pub(crate) use timeline::{Slice, slice_length};
