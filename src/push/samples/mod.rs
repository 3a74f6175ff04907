//! What both formats have in common: the samples of a push, taken one by one and rendered.

pub(crate) mod assemble;
pub(crate) mod decoder;
pub(crate) mod families;
pub(crate) mod finish;
pub(crate) mod labels;
pub(crate) mod names;
pub(crate) mod number;
pub(crate) mod opening;
