//! Paths of requests, percent-decoded: their segments, and the tails that name a group.

use std::borrow::Cow;

use memchr::memchr;

use crate::percent;

/// The paths that the configuration decides. `route` finds endpoints with them.
#[derive(Debug)]
pub(crate) struct Paths {
    /// `--web.route-prefix`: begins with a slash and does not end with one; empty for none.
    pub(crate) prefix: String,
    pub(crate) telemetry_path: String,
    pub(crate) enable_admin_api: bool,
}

/// What the paths of groups begin with for administrators.
const PLACES: &[u8] = b"/api/v1/admin/groups/job";

/// What follows `/metrics/job` in the path of a push. Extra slashes are accepted up to there; behind it they matter,
/// since they stand for empty values.
pub(crate) fn push_tail(path: &[u8]) -> Option<&[u8]> {
    fn segment<'p>(path: &'p [u8], name: &[u8]) -> Option<&'p [u8]> {
        let slashes = path.iter().take_while(|&&byte| byte == b'/').count();
        (slashes > 0).then(|| path[slashes..].strip_prefix(name))?
    }
    let tail = segment(segment(path, b"metrics")?, b"job")?;
    names_job(tail).then_some(tail)
}

/// What follows `/job` in the path that places a group.
pub(crate) fn place_tail(path: &[u8]) -> Option<&[u8]> {
    path.strip_prefix(PLACES).filter(|tail| names_job(tail))
}

/// Whether what follows `job` goes on to name one.
fn names_job(tail: &[u8]) -> bool {
    tail.starts_with(b"/") || tail.starts_with(b"@base64/")
}

/// Whether the tail of a path names a job, and not an empty one.
pub(crate) fn has_job(tail: &[u8]) -> bool {
    names_job(tail) && !matches!(tail, b"/" | b"@base64/")
}

/// What follows a prefix that ends with a segment; the whole path if it does not begin with the prefix.
pub(crate) fn strip_prefix<'a>(
    path: Cow<'a, [u8]>,
    prefix: &[u8],
) -> Result<Cow<'a, [u8]>, Cow<'a, [u8]>> {
    let end = prefix.len();
    let is_under = path.starts_with(prefix) && matches!(path.get(end), None | Some(b'/'));
    if is_under { Ok(from(path, end)) } else { Err(path) }
}

/// What follows the first bytes of a path.
pub(crate) fn from(path: Cow<'_, [u8]>, start: usize) -> Cow<'_, [u8]> {
    match path {
        Cow::Borrowed(whole) => Cow::Borrowed(&whole[start..]),
        Cow::Owned(mut whole) => Cow::Owned(whole.split_off(start)),
    }
}

pub(crate) fn has_empty_segment(path: &[u8]) -> bool {
    path.windows(2).any(|pair| pair == b"//")
}

pub(crate) fn has_dot_segment(path: &[u8]) -> bool {
    let is_dots = |segment: &[u8]| segment == b"." || segment == b"..";
    memchr(b'.', path).is_some() && path.split(|&byte| byte == b'/').any(is_dots)
}

/// The path without empty segments and dots, percent-encoded, as the reference cleans it.
pub(crate) fn cleaned(path: &[u8]) -> String {
    let mut kept: Vec<&[u8]> = Vec::new();
    for segment in path.split(|&byte| byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let mut cleaned = String::new();
    for segment in &kept {
        cleaned.push('/');
        cleaned += &percent::encode(segment);
    }
    if kept.is_empty() || path.ends_with(b"/") {
        cleaned.push('/');
    }
    cleaned
}
