//! The name that each family is shown under, such that no two families of an exposition meet.
//!
//! Stored families never meet: a name and those that [`Kind::occupied_suffixes`] gives are one family's
//! alone. They may once names are escaped, and in OpenMetrics, where families occupy more names and
//! counters are named without `_total`. Then, in this order,
//!
//! 1. names within the classic grammar stay as they are;
//! 2. escaped names that would meet any other are escaped by [`Escaping::Values`] instead, so that no name
//!    depends on what was there first;
//! 3. what meets another even so is left out.
//!
//! A counter of OpenMetrics whose names are not all free is shown as `unknown` under its stored name: its
//! samples count for more than its type.

use std::borrow::Cow;

use ahash::{AHashMap, AHashSet};

use super::accept::Format;
use super::open_metrics;
use crate::exposition::{Escaping, Kind, escape_name, is_metric_name};

/// A family as one format shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShownFamily<'a> {
    /// Its name, escaped if need be. OpenMetrics takes `_total` from it or adds it where it writes.
    pub(super) name: Cow<'a, str>,
    /// Its kind, which is not the stored one for a counter that OpenMetrics cannot show as one.
    pub(super) kind: Kind,
}

/// How each of `families`, all of an exposition by name and kind, is shown in `format`. `None` for one
/// that has to be left out.
pub(super) fn assign<'a>(
    families: &[(&'a str, Kind)],
    format: Format,
    escaping: Escaping,
) -> Vec<Option<ShownFamily<'a>>> {
    let is_open_metrics = matches!(format, Format::OpenMetrics(_));
    let is_kept = |name: &str| escaping == Escaping::AllowUtf8 || is_metric_name(name.as_bytes());
    if !is_open_metrics && families.iter().all(|(name, _)| is_kept(name)) {
        let shown = |&(name, kind): &(&'a str, Kind)| ShownFamily { name: name.into(), kind };
        return families.iter().map(|family| Some(shown(family))).collect();
    }
    let mut shown: Vec<Option<ShownFamily<'a>>> = vec![None; families.len()];
    let mut taken = Taken { names: AHashSet::new(), is_open_metrics };
    let (kept, escaped): (Vec<usize>, Vec<usize>) =
        (0..families.len()).partition(|&at| is_kept(families[at].0));
    for &at in &kept {
        shown[at] = taken.take(families[at].0.into(), families[at].1);
    }
    taken.promote(&kept, families, &mut shown);

    let by_scheme = |at: usize| escape_name(families[at].0, escaping);
    let wanted = taken.wanted(escaped.iter().map(|&at| (by_scheme(at), families[at].1)));
    for &at in &escaped {
        let (name, kind) = (by_scheme(at), families[at].1);
        if taken.occupied(&name, kind).iter().all(|name| wanted[name] == 1) {
            shown[at] = taken.take(name, kind);
        }
    }
    for &at in &escaped {
        let (name, kind) = families[at];
        if shown[at].is_none() {
            shown[at] = taken.take(escape_name(name, Escaping::Values), kind);
        }
    }
    taken.promote(&escaped, families, &mut shown);
    shown
}

/// The names that are no longer free.
#[derive(Debug)]
struct Taken {
    names: AHashSet<String>,
    is_open_metrics: bool,
}

impl Taken {
    /// The names that a family occupies. A counter of OpenMetrics is `unknown` until it is promoted.
    fn occupied(&self, name: &str, kind: Kind) -> Vec<String> {
        let suffixes = if self.is_open_metrics {
            open_metrics::occupied_suffixes(demoted(kind))
        } else {
            kind.occupied_suffixes()
        };
        let suffixes = std::iter::once(&"").chain(suffixes);
        suffixes.map(|suffix| format!("{name}{suffix}")).collect()
    }

    /// How many of `families` occupy each name.
    fn wanted<'a>(
        &self,
        families: impl Iterator<Item = (Cow<'a, str>, Kind)>,
    ) -> AHashMap<String, usize> {
        let mut wanted = AHashMap::new();
        for (name, kind) in families {
            for name in self.occupied(&name, kind) {
                *wanted.entry(name).or_default() += 1;
            }
        }
        wanted
    }

    /// Gives a family its names, if they are all free.
    fn take<'a>(&mut self, name: Cow<'a, str>, kind: Kind) -> Option<ShownFamily<'a>> {
        let occupied = self.occupied(&name, kind);
        if occupied.iter().any(|name| self.names.contains(name)) {
            return None;
        }
        self.names.extend(occupied);
        let kind = if self.is_open_metrics { demoted(kind) } else { kind };
        Some(ShownFamily { name, kind })
    }

    /// Shows those of the families `at` that are counters as counters where all names are free that
    /// they occupy then.
    fn promote(
        &mut self,
        at: &[usize],
        families: &[(&str, Kind)],
        shown: &mut [Option<ShownFamily<'_>>],
    ) {
        for &at in at {
            let Some(shown) = shown[at].as_mut().filter(|shown| shown.kind != families[at].1)
            else {
                continue;
            };
            let family = open_metrics::family_name(&shown.name, Kind::Counter);
            let suffixes = open_metrics::occupied_suffixes(Kind::Counter);
            let occupied = || suffixes.iter().map(|suffix| format!("{family}{suffix}"));
            let is_free = |name: &str| name == shown.name || !self.names.contains(name);
            if is_free(family) && occupied().all(|name| is_free(&name)) {
                self.names.insert(family.to_owned());
                self.names.extend(occupied());
                shown.kind = Kind::Counter;
            }
        }
    }
}

fn demoted(kind: Kind) -> Kind {
    if kind == Kind::Counter { Kind::Untyped } else { kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scrape::OpenMetricsVersion;

    const OPEN_METRICS: Format = Format::OpenMetrics(OpenMetricsVersion::V1_0_0);

    /// What each family is shown as; `-` for what is left out.
    fn assigned(families: &[(&str, Kind)], format: Format, escaping: Escaping) -> Vec<String> {
        let shown = assign(families, format, escaping).into_iter().zip(families);
        let name = |(shown, (_, kind)): (Option<ShownFamily<'_>>, &(&str, Kind))| match shown {
            None => "-".to_owned(),
            Some(shown) if shown.kind == *kind => shown.name.into_owned(),
            Some(shown) => format!("{} as {:?}", shown.name, shown.kind),
        };
        shown.map(name).collect()
    }

    fn gauges(names: &[&str], escaping: Escaping) -> Vec<String> {
        let families: Vec<_> = names.iter().map(|name| (*name, Kind::Gauge)).collect();
        assigned(&families, Format::Text, escaping)
    }

    #[test]
    fn classic_names_stay_and_others_give_way() {
        assert_eq!(gauges(&["a.b", "c"], Escaping::Underscores), ["a_b", "c"]);
        assert_eq!(gauges(&["a.b", "c"], Escaping::AllowUtf8), ["a.b", "c"]);
        assert_eq!(gauges(&["a.b", "a_b"], Escaping::Underscores), ["U__a_2e_b", "a_b"]);
        assert_eq!(
            gauges(&["a.b", "a_dot_b", "c_d"], Escaping::Dots),
            ["U__a_2e_b", "a_dot_b", "c_d"]
        );
    }

    #[test]
    fn of_two_escaped_names_that_meet_neither_gets_the_name() {
        assert_eq!(gauges(&["a-b", "a.b"], Escaping::Underscores), ["U__a_2d_b", "U__a_2e_b"]);
    }

    #[test]
    fn the_names_of_samples_count_as_well() {
        let families = [("a.b", Kind::Histogram), ("a_b_sum", Kind::Gauge)];
        for format in [Format::Text, Format::Protobuf, OPEN_METRICS] {
            let shown = assigned(&families, format, Escaping::Underscores);
            assert_eq!(shown, ["U__a_2e_b", "a_b_sum"]);
        }
    }

    #[test]
    fn what_meets_a_name_that_looks_escaped_is_left_out() {
        assert_eq!(gauges(&["U__a_2e_b", "a.b"], Escaping::Values), ["U__a_2e_b", "-"]);
    }

    #[test]
    fn a_counter_whose_names_are_taken_is_of_unknown_type_in_open_metrics() {
        let of = |families: &[_]| assigned(families, OPEN_METRICS, Escaping::AllowUtf8);
        let counter = Kind::Counter;
        assert_eq!(of(&[("a_total", counter), ("b", counter)]), ["a_total", "b"]);
        for other in ["a", "a_created"] {
            let shown = of(&[(other, Kind::Gauge), ("a_total", counter)]);
            assert_eq!(shown, [other, "a_total as Untyped"]);
        }
        assert_eq!(
            of(&[("a", counter), ("a_total", counter)]),
            ["a as Untyped", "a_total as Untyped"]
        );
    }

    #[test]
    fn what_only_open_metrics_knows_is_left_out_only_there() {
        let families = [("a", Kind::Summary), ("a_created", Kind::Gauge)];
        assert_eq!(assigned(&families, OPEN_METRICS, Escaping::Underscores), ["a", "-"]);
        for format in [Format::Text, Format::Protobuf] {
            assert_eq!(assigned(&families, format, Escaping::Underscores), ["a", "a_created"]);
        }
    }
}
