//! TLS: the only folder that knows rustls' server.
//!
//! `server` makes a [`Server`] from the web configuration, with the suites and groups of `suites`. `clients` are the rules
//! for the certificates of clients, and `authorities` sign them. An [`Acceptor`] does handshakes with the current server.
//! `plain` notices a client that does not speak TLS. `certificate` reads a certificate, and `pem` the files of the configuration.
//!
//! **Invariant:** a handshake reads no file and waits for no reload: the server has everything that it needs, and
//! is replaced as a whole.

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
