//! Requests to other gateways: the only folder that knows hyper's client.
//!
//! An [`Endpoint`] is a gateway and the credentials for it. A [`Connection`] sends it one request after the other,
//! and connects again where it has to.
//!
//! **Invariant:** every wait has a bound.

mod connection;
mod endpoint;
mod trust;

pub use connection::{ANSWER_WAIT, Answer, CONNECT_WAIT, ClientError, Connection};
pub use endpoint::{Endpoint, EndpointError};
pub use trust::Trust;
