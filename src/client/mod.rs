//! Requests to other gateways: the only place that knows hyper's client.
//!
//! [`Endpoint`] is a gateway as its URL names it, and who asks. A [`Connection`] sends it one request after the
//! other, and connects anew where it has to.
//!
//! **Invariant:** nothing is waited for without a bound.

mod connection;
mod endpoint;
mod trust;

pub use connection::{ANSWER_WAIT, Answer, CONNECT_WAIT, ClientError, Connection};
pub use endpoint::{Endpoint, EndpointError};
pub use trust::Trust;
