//! What the last push to a group has changed in a family.

use std::collections::{HashMap, HashSet};

use memchr::memrchr;

use crate::exposition::parse_number;
use crate::shard::{FamilyView, GroupView};
use crate::ui::samples::buckets::short;
use crate::ui::words::quantity::shortened;
use crate::ui::words::value::amount_in_unit;

/// How many families that are gone are named.
const REMOVED_SHOWN_MAX: usize = 20;

/// The value of each series, by its text.
pub(crate) type Values<'a> = HashMap<&'a [u8], &'a [u8], ahash::RandomState>;

/// The values of a family of single numbers.
pub(crate) fn values(text: &[u8]) -> Values<'_> {
    text.split(|byte| *byte == b'\n').filter_map(parts).collect()
}

/// A line, as its series and its value.
fn parts(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = memrchr(b' ', line)?;
    Some((&line[..blank], &line[blank + 1..]))
}

/// How a line of the family `name` differs from the line of the same series before; empty where it does not.
pub(crate) fn change(name: &str, before: &Values<'_>, line: &[u8]) -> String {
    let Some((series, value)) = parts(line) else { return String::new() };
    let Some(old) = before.get(series) else { return "new".to_owned() };
    if *old == value {
        return String::new();
    }
    let difference = parse_number(value).zip(parse_number(old)).map(|(new, old)| new - old);
    match difference.filter(|difference| difference.is_finite()) {
        Some(difference) => {
            let name = name.strip_suffix("_total").unwrap_or(name);
            let sign = if difference > 0.0 { "+" } else { "" };
            let amount = amount_in_unit(name, difference).unwrap_or_else(|| short(difference));
            format!("{sign}{amount}")
        }
        None => format!("was {}", String::from_utf8_lossy(old)),
    }
}

/// What has become of a family by the last push, in a word.
pub(crate) fn of_family(family: &FamilyView, before: Option<&FamilyView>) -> &'static str {
    match before {
        None => "new",
        Some(before) if before.text == family.text => "unchanged",
        Some(_) => "changed",
    }
}

/// The names of the families that the last push has removed.
pub fn removed(group: &GroupView, before: &GroupView) -> Vec<String> {
    let held: HashSet<&str> = group.families.iter().map(|family| &*family.name).collect();
    let names = before.families.iter().map(|family| &*family.name);
    names.filter(|name| !held.contains(name)).take(REMOVED_SHOWN_MAX).map(shortened).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_as_a_difference() {
        let before = values(b"m{a=\"x y\"} 2\nn 1e+06\ni +Inf\ns 5\n");
        for (line, told) in [
            (&b"m{a=\"x y\"} 5"[..], "+3"),
            (b"m{a=\"z\"} 5", "new"),
            (b"n 999999", "-1"),
            (b"i 1", "was +Inf"),
            (b"s 5", ""),
            (b"", ""),
        ] {
            assert_eq!(change("m", &before, line), told);
        }
        let bytes = values(b"m 1048576\n");
        assert_eq!(change("sent_bytes_total", &bytes, b"m 3145728"), "+2.0 MiB");
        assert_eq!(change("left_bytes", &bytes, b"m 0"), "-1.0 MiB");
    }
}
