//! Requests to other gateways: the only folder that knows hyper's client.
//!
//! An [`Endpoint`] is a gateway and the credentials for it. A [`Connection`] sends it one request after the other,
//! and connects again where it has to. A [`Pool`] sends many requests at a time.
//!
//! **Invariant:** every wait has a bound; for a [`Pool`] its caller sets it.

mod connect;
mod connection;
mod endpoint;
mod pool;
mod trust;

pub use connection::{ANSWER_WAIT, Answer, CONNECT_WAIT, ClientError, Connection};
pub use endpoint::{Endpoint, EndpointError};
pub use pool::{POOL_ANSWER_BYTES_MAX, POOL_CONNECT_WAIT, Pool, SendError, Turn};
pub use trust::Trust;
