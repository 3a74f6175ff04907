//! The grouping key from what is stored, and the path that names the group.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_BASE64;

use smallvec::SmallVec;

use super::{GroupingKey, Instance, Pair, PathLabel};
use crate::exposition::{Escaping, escape_label_name, sample_lines, unescape};
use crate::push::spelling::is_left_out;

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

    /// The key of those of its labels whose names `keeps` says to keep. The job is to be kept.
    pub fn kept(&self, keeps: impl Fn(&str) -> bool) -> GroupingKey {
        let mut text = String::with_capacity(self.text.len() + 1);
        let (mut pairs, mut names) = (SmallVec::<[Pair; 4]>::new(), SmallVec::<[&str; 4]>::new());
        let (mut instance, mut has_empty_label) = (self.instance, false);
        // They are sorted and spelled already.
        for (at, name) in self.label_names().enumerate() {
            // An instance that the path does not give stands there nevertheless, and is empty.
            let stays = !self.overrides(name.as_bytes()) || keeps(name);
            if !stays && name != "instance" {
                continue;
            }
            let Pair { start, value, .. } = self.pairs[at];
            text.push(if pairs.is_empty() { '{' } else { ',' });
            let own_start = text.len() as u32;
            text.push_str(&self.text[start as usize..value as usize]);
            let own_value = text.len() as u32;
            if stays {
                let value = self.escaped_value(at);
                text.push_str(value);
                has_empty_label |= is_left_out(name.as_bytes(), value.as_bytes());
            } else {
                instance = Instance::Absent;
            }
            text.push('"');
            // Behind the name stand `="`.
            let (end, name_end) = (text.len() as u32, own_value - 2);
            pairs.push(Pair {
                start: own_start,
                value: own_value,
                end,
                name: [own_start, name_end],
            });
            names.push(name);
        }
        GroupingKey::ended(text, pairs, names.into_iter(), instance, has_empty_label)
    }

    fn label_names(&self) -> impl Iterator<Item = &str> {
        let names = (0..self.len()).filter_map(|at| self.name(at));
        names.map(|name| std::str::from_utf8(name).expect("names are UTF-8"))
    }

    /// The names of its other labels, which `keeps` does not say to keep. An instance that the path does not give is none of them.
    pub fn gone(&self, keeps: impl Fn(&str) -> bool) -> Vec<String> {
        let own = self.label_names().filter(|name| self.overrides(name.as_bytes()));
        own.filter(|name| !keeps(name)).map(str::to_owned).collect()
    }

    /// The values of its labels by their names.
    pub fn values(&self) -> SmallVec<[(&str, Cow<'_, str>); 4]> {
        self.label_names().enumerate().map(|(at, name)| (name, self.value(at))).collect()
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
