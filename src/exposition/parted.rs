//! The series of histograms and summaries, put together from their canonical lines.

use super::{Labels, sample_lines};

/// A series of a histogram or a summary.
#[derive(Debug)]
pub struct Parted<'a> {
    /// The labels, without `le` or `quantile`.
    pub labels: Labels<'a>,
    /// The bound of each bucket or quantile, and its value, as they are spelled.
    pub parts: Vec<(&'a str, &'a str)>,
    /// The sum of all observations, as it is spelled.
    pub sum: Option<&'a str>,
    /// Their number, as it is spelled.
    pub count: &'a str,
}

/// The series of a family. The lines of one series follow one another, its count last.
pub fn parted<'a>(
    text: &'a [u8],
    family: &'a str,
    part_label: &'static str,
) -> impl Iterator<Item = Parted<'a>> {
    let (mut parts, mut sum) = (Vec::new(), None);
    sample_lines(text).filter_map(move |sample| {
        let suffix = sample.name.get(family.len()..).unwrap_or_default();
        let part = sample.labels.iter().find(|(name, _)| *name == part_label);
        match (suffix, part) {
            ("" | "_bucket", Some((_, bound))) => {
                parts.push((*bound, sample.value));
                None
            }
            ("_sum", _) => {
                sum = Some(sample.value);
                None
            }
            _ => {
                let (parts, sum) = (std::mem::take(&mut parts), sum.take());
                Some(Parted { labels: sample.labels, parts, sum, count: sample.value })
            }
        }
    })
}
