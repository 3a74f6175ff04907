//! Variants of a replica that the simulation must catch.

/// What is broken on purpose.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Variant {
    pub(super) ignores_expectation: bool,
    pub(super) keeps_groups: bool,
    pub(super) lease_from_receipt: bool,
    pub(super) lets_all_count: bool,
    pub(super) ignores_gaps: bool,
}
