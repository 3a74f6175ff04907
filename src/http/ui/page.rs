//! Pages and assets as answers.

use askama::Template;
use bytes::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{HeaderMap, StatusCode};

use crate::http::reply::{NOSNIFF, Reply, empty, error, with, with_text, with_type};
use crate::ui;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// A page loads nothing from other sites, has no inline scripts or styles, cannot be framed, and sends its forms to this site
/// only. Other sites get no referrer; this site does, since without one a browser does not say where a form comes from.
const CONFINED: [(HeaderName, &str); 3] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (REFERRER_POLICY, "same-origin"),
    (X_FRAME_OPTIONS, "DENY"),
];

/// A page. No cache keeps it: it shows the present state, and holds a token.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Reply {
    let text = page.render().unwrap_or_else(|error| error.to_string());
    let mut reply = with_type(status, HTML, Bytes::from(text));
    for (name, value) in CONFINED {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// On to another page, asked for with GET: a reload does not send the form again.
pub(crate) fn see_other(location: &str) -> Reply {
    with_text(empty(StatusCode::SEE_OTHER), LOCATION, location)
}

/// An asset. Its URL has the hash of its content, so a cache may keep it for any time.
pub(crate) fn asset(name: &[u8], query: &str, headers: &HeaderMap) -> Reply {
    let Some((asset, hash)) = std::str::from_utf8(name).ok().and_then(ui::asset) else {
        return error(StatusCode::NOT_FOUND, "404 page not found");
    };
    let tag = format!("\"{hash}\"");
    let is_known = headers.get_all(IF_NONE_MATCH).iter().any(|known| {
        let known = known.to_str().unwrap_or_default();
        known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)
    });
    let reply = if is_known {
        with(empty(StatusCode::NOT_MODIFIED), X_CONTENT_TYPE_OPTIONS, NOSNIFF)
    } else {
        let content_type = HeaderValue::from_static(asset.content_type);
        with_type(StatusCode::OK, content_type, Bytes::from_static(asset.bytes))
    };
    let is_named = query.strip_prefix("v=") == Some(hash);
    let keep = if is_named { "public, max-age=31536000, immutable" } else { "no-cache" };
    with_text(with_text(reply, CACHE_CONTROL, keep), ETAG, &tag)
}
