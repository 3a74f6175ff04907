//! Cross-origin requests: pages of any site may read the answers of the query API, as in the reference.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, HeaderValue,
};
use memchr::memchr;

use crate::http::reply::Reply;

/// Lets pages of any site read the answer to a query, and no cache keep it.
pub(crate) fn with_cors(path: &str, enable_admin_api: bool, mut reply: Reply) -> Reply {
    // Where groups can be deleted, no page of another site may have its reader do so, however it spells the path.
    let may_delete =
        enable_admin_api && (path.ends_with("/groups") || memchr(b'%', path.as_bytes()).is_some());
    let methods = if may_delete { "GET, POST, OPTIONS" } else { "GET, POST, DELETE, OPTIONS" };
    let headers = [
        (ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
        (ACCESS_CONTROL_ALLOW_METHODS, methods),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_EXPOSE_HEADERS, "Date, X-Total-Count"),
        (CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    reply.headers_mut().extend(headers);
    reply
}
