//! Reads the marks of all groups from a scrape in the text format.

use ahash::AHashMap;

use crate::workload::MARK_FAMILIES;

/// What a scrape shows of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Shown {
    /// The marks of the first and of the last family.
    pub(super) marks: [Option<u64>; 2],
    /// Sample lines, without the push times.
    pub(super) samples: usize,
}

/// The values of the grouping labels, in the order of `label_names`.
pub(super) type GroupKey = Vec<String>;

/// All groups whose samples carry every label of `label_names`.
pub(super) fn read(text: &str, label_names: &[String]) -> AHashMap<GroupKey, Shown> {
    let mut groups: AHashMap<GroupKey, Shown> = AHashMap::new();
    let mut key = GroupKey::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, labels, value)) = split(line) else {
            continue;
        };
        if name == "push_time_seconds" || name == "push_failure_time_seconds" {
            continue;
        }
        key.clear();
        key.extend(label_names.iter().filter_map(|name| label(labels, name)).map(str::to_owned));
        if key.len() != label_names.len() {
            continue;
        }
        if !groups.contains_key(&key) {
            groups.insert(key.clone(), Shown::default());
        }
        if let Some(shown) = groups.get_mut(&key) {
            shown.samples += 1;
            if let Some(which) = MARK_FAMILIES.iter().position(|family| *family == name) {
                shown.marks[which] = mark(value);
            }
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

    #[test]
    fn groups_are_told_apart_by_their_labels() {
        let text = "# TYPE loadtest_push_first gauge\n\
            loadtest_push_first{instance=\"node-1\",job=\"a\"} 1.000000007e+09\n\
            loadtest_push_last{instance=\"node-1\",job=\"a\"} 1000000008\n\
            other{instance=\"node-1\",job=\"a\",xjob=\"b\",z=\"job=\"} 5\n\
            push_time_seconds{instance=\"node-1\",job=\"a\"} 1.7e+09\n\
            go_threads 7\n";
        let names = ["job", "instance"].map(str::to_owned);
        let groups = read(text, &names);
        assert_eq!(groups.len(), 1);
        assert_eq!(
            groups.get(&["a", "node-1"].map(str::to_owned).to_vec()),
            Some(&Shown { marks: [Some(1_000_000_007), Some(1_000_000_008)], samples: 3 })
        );
    }
}
