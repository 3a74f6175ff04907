//! The last rejected requests, each with the reason that its client was told.
//!
//! [`Rejections`] is the ring that keeps them. `filter` finds some of them for the page and the API. `http` notes each
//! rejection where it answers the request.
//!
//! **Invariant:** the ring is bounded in count and in bytes, whatever is rejected. A request that is not rejected does no work for it.

mod filter;
mod ring;

pub use filter::RejectionFilter;
pub use ring::{LastRejections, Rejection, Rejections, group_of};
