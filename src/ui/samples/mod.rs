//! What a group holds. Start at `family`. `metric` reads the series of a family, `native` its native histograms, and
//! `buckets` makes the rows of a histogram. `changes` tells what the last push has changed.

pub(crate) mod buckets;
pub(crate) mod changes;
pub(crate) mod family;
pub(crate) mod metric;
pub(crate) mod native;
