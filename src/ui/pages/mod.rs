//! One file for each page. `frame` is what surrounds all of them.

pub(crate) mod check;
pub(crate) mod confirm;
pub(crate) mod expired;
pub(crate) mod frame;
pub(crate) mod group;
pub(crate) mod groups;
pub(crate) mod job;
pub(crate) mod jobs;
pub(crate) mod manual;
pub(crate) mod overview;
pub(crate) mod rejections;
pub(crate) mod replicas;
pub(crate) mod status;
