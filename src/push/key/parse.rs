//! The grouping key in the path of a push.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use smallvec::SmallVec;

use super::{GroupingKey, KeyError, PathLabel};
use crate::exposition::{NameRules, unescape_name};

const BASE64_SUFFIX: &[u8] = b"@base64";

/// As lenient as the reference, which lets stray bits at the end, and with the code below any padding
/// and line ends, through.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

impl GroupingKey {
    /// Reads the part of a percent-decoded push path that follows `/metrics/job`: `/JOB` or
    /// `@base64/JOB`, then any number of `/NAME/VALUE`, each name perhaps marked `@base64`. Where names
    /// may be any text, one that begins with `U__` is unescaped.
    ///
    /// # Errors
    /// Everything the reference answers 400 to, a value that is not UTF-8, which it stores and then
    /// cannot expose, and a name that begins with `__` only once it is unescaped.
    pub fn parse(tail: &[u8], rules: NameRules) -> Result<GroupingKey, KeyError> {
        let (job_is_base64, tail) = match tail.strip_prefix(BASE64_SUFFIX) {
            Some(rest) => (true, rest),
            None => (false, tail),
        };
        let mut components = tail.strip_prefix(b"/").unwrap_or(tail).split(|&byte| byte == b'/');
        let job = components.next().unwrap_or_default();
        let mut components: SmallVec<[&[u8]; 8]> = components.collect();
        if job.is_empty() {
            return Err(KeyError::NoJob);
        }
        if components.len() == 1 && components[0].is_empty() {
            components.clear(); // `/metrics/job/a/` is the group of `a`.
        }
        // The very last may be empty: `/metrics/job/a/x/` gives `x` an empty value.
        let inner = &components[..components.len().saturating_sub(1)];
        if inner.iter().any(|component| component.is_empty()) {
            return Err(KeyError::EmptyComponent);
        }
        if components.len() % 2 == 1 {
            let name = components.last().copied().unwrap_or_default();
            return Err(KeyError::OddComponents(String::from_utf8_lossy(name).into_owned()));
        }
        let mut labels: SmallVec<[PathLabel<'_>; 4]> = SmallVec::new();
        for pair in components.chunks_exact(2) {
            let name = label_name(pair[0], rules)?;
            let value = label_value(&name, pair[1], pair[0].ends_with(BASE64_SUFFIX))?;
            labels.push((name, value));
        }
        let job = label_value("job", job, job_is_base64)?;
        if job.is_empty() {
            return Err(KeyError::NoJob);
        }
        labels.push((Cow::Borrowed("job"), job)); // Last, so that it overrides a label `job`.
        Ok(GroupingKey::new(labels))
    }
}

fn label_name(component: &[u8], rules: NameRules) -> Result<Cow<'_, str>, KeyError> {
    let written = component.strip_suffix(BASE64_SUFFIX).unwrap_or(component);
    let improper = || KeyError::LabelName(String::from_utf8_lossy(written).into_owned());
    let written = std::str::from_utf8(written).map_err(|_| improper())?;
    let unescaped = match rules {
        NameRules::Legacy => None,
        NameRules::Utf8 => unescape_name(written),
    };
    let name = unescaped.map_or(Cow::Borrowed(written), Cow::Owned);
    if !rules.allow_label_name(name.as_bytes()) || name.starts_with("__") {
        return Err(improper());
    }
    Ok(name)
}

fn label_value<'a>(name: &str, value: &'a [u8], is_base64: bool) -> Result<Cow<'a, str>, KeyError> {
    let not_utf8 = || KeyError::NotUtf8(name.to_owned());
    if !is_base64 {
        return std::str::from_utf8(value).map(Cow::Borrowed).map_err(|_| not_utf8());
    }
    let unpadded = value.len() - value.iter().rev().take_while(|&&byte| byte == b'=').count();
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let encoded: SmallVec<[u8; 64]> =
        value[..unpadded].iter().copied().filter(|byte| !is_line_end(byte)).collect();
    let decoded = LENIENT_BASE64.decode(&encoded).map_err(|_| {
        let value = String::from_utf8_lossy(value).into_owned();
        KeyError::Base64 { name: name.to_owned(), value }
    })?;
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| not_utf8())
}
