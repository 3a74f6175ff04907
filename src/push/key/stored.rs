//! The grouping key from what is stored, and the path that names the group.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_BASE64;

use super::{GroupingKey, PathLabel};
use crate::exposition::{Escaping, escape_label_name, sample_lines, unescape};

impl GroupingKey {
    /// The key whose text is `text`; `None` where there is none.
    pub fn from_text(text: &str, has_empty_instance: bool) -> Option<GroupingKey> {
        let line = format!("m{{{text}}} 0");
        let sample = sample_lines(line.as_bytes()).next();
        let labels = sample.iter().flat_map(|sample| &sample.labels);
        let labels = labels.map(|(name, value)| (Cow::Borrowed(&**name), unescape(value)));
        let is_given = |(name, value): &PathLabel<'_>| {
            has_empty_instance || name != "instance" || !value.is_empty()
        };
        let key = GroupingKey::new(labels.filter(is_given).collect());
        let has_job = (0..key.len()).any(|at| key.name(at) == Some(b"job"));
        (has_job && key.text() == text).then_some(key)
    }

    /// The key of those of its labels whose names `keeps` says to keep, and the names of the others. The job is to be kept.
    pub fn split(&self, keeps: impl Fn(&str) -> bool) -> (GroupingKey, Vec<String>) {
        let (mut kept, mut gone) = (smallvec::SmallVec::new(), Vec::new());
        for at in 0..self.len() {
            let Some(name) = self.name(at).and_then(|name| std::str::from_utf8(name).ok()) else {
                continue;
            };
            if !self.overrides(name.as_bytes()) {
                continue; // It stands there because the path gives no instance.
            }
            if keeps(name) {
                kept.push((Cow::Borrowed(name), self.value(at)));
            } else {
                gone.push(name.to_owned());
            }
        }
        (GroupingKey::new(kept), gone)
    }

    /// The values of its labels by their names.
    pub fn values(&self) -> smallvec::SmallVec<[(&str, Cow<'_, str>); 4]> {
        let names = (0..self.len()).filter_map(|at| {
            let name = self.name(at).and_then(|name| std::str::from_utf8(name).ok())?;
            Some((name, self.value(at)))
        });
        names.collect()
    }

    /// The key of these labels, as (name, value); `None` where none of them is a job.
    pub fn from_labels(labels: &[(String, String)]) -> Option<GroupingKey> {
        let has_job = labels.iter().any(|(name, value)| name == "job" && !value.is_empty());
        let labels =
            labels.iter().map(|(name, value)| (name.as_str().into(), value.as_str().into()));
        has_job.then(|| GroupingKey::new(labels.collect()))
    }

    /// What follows `/metrics` in a URL of the group, ready to be sent: `/job/JOB/NAME/VALUE`, in base64
    /// where it has to be.
    pub fn path(&self) -> String {
        let mut path = String::new();
        let mut push = |name: &str, value: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            let name = escape_label_name(name, Escaping::Values);
            // On its way a path loses its segments of dots.
            let is_dots = matches!(value, "." | "..");
            if !value.is_empty() && !is_dots && value.bytes().all(is_plain) {
                path.extend(["/", &*name, "/", value]);
            } else {
                let encoded = URL_SAFE_BASE64.encode(value);
                let encoded = if encoded.is_empty() { "=" } else { &*encoded };
                path.extend(["/", &*name, "@base64/", encoded]);
            }
        };
        push("job", &unescape(self.job()));
        for at in 0..self.len() {
            let name = self.name(at).and_then(|name| std::str::from_utf8(name).ok());
            if let Some(name) =
                name.filter(|name| *name != "job" && self.overrides(name.as_bytes()))
            {
                push(name, &self.value(at));
            }
        }
        path
    }
}
