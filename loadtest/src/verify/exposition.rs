//! Reads the marks of all groups from a scrape in the text format.

use ahash::AHashMap;

use crate::workload::FIRST_MARK;

/// What a scrape shows of one group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shown<const N: usize> {
    /// The marks in the families that were asked for, in their order.
    pub(crate) marks: [Option<u64>; N],
    /// The least and the greatest mark in all others, if they have any; counts of observations are none.
    pub(crate) elsewhere: Option<[u64; 2]>,
    /// Sample lines, without the push times.
    pub(crate) samples: usize,
    /// Whether there is a time of the last push, which every group has.
    pub(crate) pushed: bool,
}

impl<const N: usize> Shown<N> {
    const NOTHING: Self = Self { marks: [None; N], elsewhere: None, samples: 0, pushed: false };

    fn take(&mut self, name: &str, value: &str, families: &[&str; N]) {
        if name == "push_time_seconds" {
            self.pushed = true;
            return;
        }
        self.samples += 1;
        if let Some(which) = families.iter().position(|family| *family == name) {
            self.marks[which] = mark(value);
        } else if !name.ends_with("_bucket")
            && !name.ends_with("_count")
            && let Some(mark) = mark(value).filter(|mark| *mark >= FIRST_MARK)
        {
            let [least, greatest] = self.elsewhere.unwrap_or([mark; 2]);
            self.elsewhere = Some([least.min(mark), greatest.max(mark)]);
        }
    }
}

/// The values of the grouping labels, in the order of `label_names`.
pub(crate) type GroupKey = Vec<String>;

/// All groups whose samples carry every label of `label_names`, with the marks in `families`.
pub(super) fn read<const N: usize>(
    text: &str,
    label_names: &[String],
    families: &[&str; N],
) -> AHashMap<GroupKey, Shown<N>> {
    let mut groups: AHashMap<GroupKey, Shown<N>> = AHashMap::new();
    let mut key = GroupKey::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, labels, value)) = split(line) else {
            continue;
        };
        if name == "push_failure_time_seconds" {
            continue;
        }
        key.clear();
        key.extend(label_names.iter().filter_map(|name| label(labels, name)).map(str::to_owned));
        if key.len() != label_names.len() {
            continue;
        }
        if !groups.contains_key(&key) {
            groups.insert(key.clone(), Shown::NOTHING);
        }
        if let Some(shown) = groups.get_mut(&key) {
            shown.take(name, value, families);
        }
    }
    groups
}

/// Marks are whole numbers below 2^53, in whatever form the gateway prints them.
pub(super) fn mark(value: &str) -> Option<u64> {
    let number: f64 = value.parse().ok()?;
    (number.fract() == 0.0 && number > 0.0).then_some(number as u64)
}

/// Name, labels without their braces, and value of a sample line.
fn split(line: &str) -> Option<(&str, &str, &str)> {
    let (series, value) = line.rsplit_once(' ')?;
    match series.split_once('{') {
        Some((name, labels)) => Some((name, labels.strip_suffix('}')?, value)),
        None => Some((series, "", value)),
    }
}

/// The value of a label; values of grouping labels hold nothing that is escaped.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let mut from = 0;
    while let Some(found) = labels[from..].find(name) {
        let at = from + found;
        let begins = at == 0 || labels.as_bytes()[at - 1] == b',';
        let rest = &labels[at + name.len()..];
        match rest.strip_prefix("=\"") {
            Some(value) if begins => return value.split('"').next(),
            _ => from = at + name.len(),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::MARK_FAMILIES;

    #[test]
    fn groups_are_told_apart_by_their_labels() {
        let text = "# TYPE loadtest_push_first gauge\n\
            loadtest_push_first{instance=\"node-1\",job=\"a\"} 1.000000007e+09\n\
            loadtest_push_last{instance=\"node-1\",job=\"a\"} 1000000008\n\
            other{instance=\"node-1\",job=\"a\",xjob=\"b\",z=\"job=\"} 5\n\
            other_sum{instance=\"node-1\",job=\"a\"} 1.000000009e+09\n\
            h_bucket{instance=\"node-1\",job=\"a\",le=\"1\"} 2e+09\n\
            third{instance=\"node-1\",job=\"a\"} 1000000006\n\
            push_time_seconds{instance=\"node-1\",job=\"a\"} 1.7e+09\n\
            go_threads 7\n";
        let names = ["job", "instance"].map(str::to_owned);
        let groups = read(text, &names, &MARK_FAMILIES);
        assert_eq!(groups.len(), 1);
        assert_eq!(
            groups.get(&["a", "node-1"].map(str::to_owned).to_vec()),
            Some(&Shown {
                marks: [Some(1_000_000_007), Some(1_000_000_008)],
                elsewhere: Some([1_000_000_006, 1_000_000_009]),
                samples: 6,
                pushed: true
            })
        );
    }
}
