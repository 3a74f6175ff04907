//! Rendered samples, read back.

use memchr::memchr;
use smallvec::SmallVec;

use super::line::{self, Labels, Line};

/// One line of a rendered family.
#[derive(Debug)]
pub struct SampleLine<'a> {
    /// The name before the braces.
    pub name: &'a str,
    /// The labels, as (name, escaped value), sorted by name.
    pub labels: SmallVec<[(&'a str, &'a str); 8]>,
    /// The number, as it is spelled.
    pub value: &'a str,
}

/// The lines of a text that [`super::decode`] has rendered. Lines that it could not have are left out.
pub fn sample_lines(text: &[u8]) -> impl Iterator<Item = SampleLine<'_>> {
    let mut rest = text;
    let mut labels = Labels::new();
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            if let Ok(Line::Sample { name, value, .. }) = line::split(line, b"", &mut labels) {
                let utf8 = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
                let labels = labels.iter().map(|label| (utf8(label.name), utf8(label.value)));
                let (name, value) = (utf8(name), utf8(value.text()));
                return Some(SampleLine { name, labels: labels.collect(), value });
            }
        }
        None
    })
}
