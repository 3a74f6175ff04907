//! Proof that nothing was lost: every push carries a mark that only it has, and afterwards the
//! gateway must show, for every group, a mark that may be the last one there.
//!
//! [`ledger`] knows what may be there, [`reading`], [`exposition`] and [`api`] read what is,
//! [`verdict`] compares.

mod api;
mod exposition;
mod ledger;
mod reading;
mod verdict;

pub(crate) use exposition::{GroupKey, Shown};
pub(crate) use ledger::{Content, Fate, Ledger};
pub(crate) use reading::{VerifyError, label_names, label_values, scrape};
pub(crate) use verdict::{Expectation, Source, Verdict, assert_fresh, verify};
