//! Rows: a group in a few numbers, for tables.

use std::sync::Arc;
use std::time::Duration;

use memchr::memmem;

use crate::exposition::{labels, unescape};
use crate::push::GroupingKey;
use crate::shard::{Rhythm, Timestamp};

/// A group.
#[derive(Debug, Clone)]
pub struct Row {
    /// The text of the grouping key.
    pub key: Arc<str>,
    /// Whether the key names an empty `instance`, rather than none.
    pub has_empty_instance: bool,
    /// When it was last pushed to.
    pub pushed: Timestamp,
    /// When a push to it was last refused.
    pub failed: Timestamp,
    /// How often it is pushed to.
    pub rhythm: Rhythm,
    /// When it expires, if it does.
    pub expires: Option<Due>,
    /// How many families it holds.
    pub families: u64,
    /// How many series.
    pub series: u64,
    /// How many bytes its samples are.
    pub bytes: u64,
    /// How many sources it has, if it is a sum.
    pub sources: Option<u64>,
    /// Whether it is a sum that leaves out native histograms.
    pub has_left_natives_out: bool,
    /// The text of the key of its sum, if it is a source.
    pub sum: Option<Arc<str>>,
}

/// When a group expires, if it is not pushed to again.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// When that is.
    pub at: Timestamp,
    /// The rule that says so; `None` where the last push asked for it.
    pub rule: Option<u16>,
    /// For how long at most scrapers hold it then.
    pub hold: Duration,
}

impl Row {
    /// A group of nothing but this job, given as its escaped name, with nothing in it.
    pub(crate) fn of_job(escaped: &str, pushed: Timestamp) -> Row {
        Row::of_key(Arc::from(format!("instance=\"\",job=\"{escaped}\"")), false, pushed)
    }

    /// A group of this key with nothing in it, and this last push.
    pub(crate) fn of_key(key: Arc<str>, has_empty_instance: bool, pushed: Timestamp) -> Row {
        Row {
            key,
            has_empty_instance,
            pushed,
            failed: Timestamp::NEVER,
            rhythm: Rhythm::default(),
            expires: None,
            families: 0,
            series: 0,
            bytes: 0,
            sources: None,
            has_left_natives_out: false,
            sum: None,
        }
    }

    /// Whether the last push to it was refused.
    pub fn has_failed(&self) -> bool {
        self.failed > self.pushed
    }

    /// Whether its next push is late.
    pub fn is_late(&self, now: Timestamp) -> bool {
        self.rhythm.is_late(self.pushed, now)
    }

    /// The job, escaped. A quote within a value is escaped, so that what looks like this label is it.
    pub fn job(&self) -> &str {
        job_in(&self.key)
    }

    /// The labels that the push URL named besides the job, without escapes.
    pub fn labels(&self) -> Vec<(String, String)> {
        let named = labels(&self.key).into_iter().filter(|(name, value)| {
            name != "job" && (name != "instance" || !value.is_empty() || self.has_empty_instance)
        });
        named.map(|(name, value)| (name.into_owned(), unescape(value).into_owned())).collect()
    }

    /// What follows `/metrics` in its push URL.
    pub fn path(&self) -> String {
        let key = GroupingKey::from_text(&self.key, self.has_empty_instance);
        key.map_or_else(String::new, |key| key.path())
    }
}

/// The value of the label `job`, escaped, among labels as a sample has them between its braces.
pub fn job_in(labels: &str) -> &str {
    const LABEL: &str = "job=\"";
    let start = if labels.starts_with(LABEL) {
        Some(LABEL.len())
    } else {
        memmem::find(labels.as_bytes(), b",job=\"").map(|at| at + 1 + LABEL.len())
    };
    let rest = start.map_or("", |start| &labels[start..]);
    &rest[..value_len(rest)]
}

/// What follows `/jobs` in the URL of a job's page, from its escaped name.
pub(crate) fn job_path(escaped: &str) -> String {
    let key = GroupingKey::from_text(&format!("instance=\"\",job=\"{escaped}\""), false);
    let path = key.map_or_else(String::new, |key| key.path());
    path.strip_prefix("/job").unwrap_or_default().to_owned()
}

/// How long a quoted value is, from behind its first quote up to its last.
fn value_len(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::exposition::NameRules;

    /// A group with that push path behind `/job`, pushed to and refused at these seconds.
    pub(crate) fn row(tail: &str, pushed: u64, failed: u64) -> Row {
        let key = GroupingKey::parse(tail.as_bytes(), NameRules::Utf8).expect("a valid path");
        let at = |seconds: u64| Timestamp::from_nanos(seconds * 1_000_000_000);
        let has_empty_instance = key.has_empty_instance();
        let key = Arc::from(key.text());
        let (pushed, failed) = (at(pushed), at(failed));
        let (rhythm, expires) = (Rhythm::default(), None);
        let (families, series, bytes, sources, sum) = (1, 1, 10, None, None);
        Row {
            key,
            has_empty_instance,
            pushed,
            failed,
            rhythm,
            expires,
            families,
            series,
            bytes,
            sources,
            has_left_natives_out: false,
            sum,
        }
    }

    #[test]
    fn the_job_is_found_among_labels_that_look_like_it() {
        // x is `",job="no`; the job is `a"b\`.
        let odd = row("@base64/YSJiXA/x@base64/Iixqb2I9Im5v/myjob/no", 1, 0);
        assert_eq!(odd.job(), r#"a\"b\\"#);
        let first = row("/j/zone/z", 1, 0);
        assert_eq!((first.job(), first.labels()), ("j", vec![("zone".into(), "z".into())]));
    }

    #[test]
    fn paths_lead_back_to_the_group_and_the_job() {
        for tail in
            ["/a", "/a/x@base64/=", "@base64/YS9i/instance@base64/=", "@base64/Li4", "/é/x/ü b"]
        {
            let row = row(tail, 1, 0);
            let path = row.path();
            let tail = path.strip_prefix("/job").expect("the job is first");
            let again = GroupingKey::parse(tail.as_bytes(), NameRules::Utf8).expect("a valid path");
            assert_eq!(again.text(), &*row.key);
            assert!(!path.split('/').any(|segment| matches!(segment, "." | "..")), "{path}");
            let job = GroupingKey::parse(job_path(row.job()).as_bytes(), NameRules::Utf8);
            assert_eq!(job.expect("a valid path").job(), row.job());
        }
    }
}
