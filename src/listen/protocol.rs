//! The versions of HTTP.

/// Which HTTP a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0 or 1.1: one request after the other.
    Http1,
    /// HTTP/2: many at a time.
    Http2,
}
