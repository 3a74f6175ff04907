//! TLS: the only place that knows rustls.
//!
//! `server` makes what `--web.config.file` says into a [`Server`], with the suites and groups of `suites` and the
//! rules for clients' certificates of `clients` (signed by whom: `authorities`). An [`Acceptor`] does the handshakes with the server of the
//! moment; `plain` notices a client that speaks no TLS. `certificate` reads whom a certificate is for. `client` is the other
//! side, for requests to other gateways.
//!
//! **Invariant:** a handshake reads no file and waits for no lock that a reload holds: all that it needs is in
//! the server, which is replaced as a whole.

mod accept;
mod authorities;
mod certificate;
mod clients;
mod pem;
mod plain;
mod server;
mod suites;

pub use accept::{Acceptor, HANDSHAKE_WAIT, TlsStream};
pub use server::Server;

#[cfg(test)]
mod tests;
