//! The lines of a histogram or summary: its buckets or quantiles, its sum and its count.

use crate::aggregate::lines::with_sample;
use crate::aggregate::series::Series;
use crate::exposition::Kind;
use crate::push::{Refusal, spelling};

/// How the lines of a histogram or summary begin.
pub(super) struct Parts {
    /// The quantiles of a summary.
    quantile: Option<Vec<u8>>,
    sum: Option<Vec<u8>>,
}

impl Parts {
    pub(super) fn of(name: &str, kind: Kind) -> Parts {
        let is_parted = kind.part_label().is_some();
        let (before, behind) = spelling::opening(name);
        let quantile = (kind == Kind::Summary).then(|| [&before, behind].concat());
        Parts { quantile, sum: is_parted.then(|| [&before, &b"_sum"[..], behind].concat()) }
    }

    pub(super) fn is_left_out(&self, opening: &[u8]) -> bool {
        self.quantile.as_ref().is_some_and(|quantile| opening.starts_with(quantile))
    }

    pub(super) fn is_sum(&self, opening: &[u8]) -> bool {
        self.sum.as_ref().is_some_and(|sum| opening.starts_with(sum))
    }
}

/// Why lines cannot be added to a series of the sum, if they have other parts.
pub(super) fn differs(
    name: &str,
    kind: Kind,
    stored: &Series,
    openings: &[Box<[u8]>],
) -> Option<Refusal> {
    kind.part_label()?;
    let stored_openings = stored.lines.iter().map(|line| &line.opening);
    if stored_openings.clone().eq(openings) {
        return None;
    }
    let [stored, pushed] = [part_names(name, stored_openings), part_names(name, openings.iter())];
    let family = name.to_owned();
    (stored != pushed).then(|| Refusal::BucketsDiffer {
        family,
        stored: stored.join(", "),
        pushed: pushed.join(", "),
    })
}

/// The bounds of buckets, and `sum` and `count`.
fn part_names<'a>(name: &str, openings: impl Iterator<Item = &'a Box<[u8]>>) -> Vec<String> {
    let part = |opening: &[u8]| {
        with_sample(opening, |sample| {
            let bound = sample.labels.iter().find(|(label, _)| *label == "le");
            let suffix = sample.name.get(name.len() + 1..).unwrap_or_default();
            bound.map_or_else(|| suffix.to_owned(), |(_, bound)| (*bound).to_owned())
        })
    };
    openings.filter_map(|opening| part(opening)).collect()
}
