//! A POST that merges by series: it replaces the series that it brings, and not whole families.

use crate::push::{Batch, Refusal, RenderedFamily};
use crate::rules::Merge;
use crate::shard::groups::group::Group;
use crate::shard::store::Store;
use crate::shard::store::plan::{How, Mode};

impl Store {
    /// Whether a push merges by series with the group at a place of the table.
    pub(in crate::shard) fn merges(&self, at: Option<usize>, how: How) -> bool {
        self.merging(at, how).is_some()
    }

    /// The group that a push merges with by series.
    fn merging(&self, at: Option<usize>, how: How) -> Option<&Group> {
        let stored = at.and_then(|at| self.groups.get_bucket(at));
        let (_, group) = stored.filter(|_| how.mode == Mode::Add)?;
        let by_rule = || group.ruled.as_ref().map_or(Merge::Family, |ruled| ruled.applied.merge());
        (how.asked.merge.unwrap_or_else(by_rule) == Merge::Series).then_some(group)
    }

    /// What a push stores of the families that it names; `at` is where its group is in the table. That is what it brings,
    /// unless it merges by series: then each family has the series as well that the group holds and the push does not bring.
    /// The push is then applied and checked as if it brought all of them.
    ///
    /// # Errors
    /// When a family cannot be merged.
    pub(in crate::shard) fn merged(
        &self,
        at: Option<usize>,
        how: How,
        batch: Batch,
    ) -> Result<Batch, Refusal> {
        let Some(group) = self.merging(at, how) else { return Ok(batch) };
        let find = |name: &str| {
            let found = group
                .families
                .binary_search_by(|held| (*self.families[held.family].name).cmp(name));
            found.ok().map(|at| &group.families[at])
        };
        let mut held = batch.families.iter().map(|family| (family, find(batch.name(family))));
        let replaces_all = held
            .all(|(family, held)| held.is_none_or(|held| held.series[..] == *batch.series(family)));
        if replaces_all {
            return Ok(batch); // Most jobs push all of their series each time.
        }
        let mut merged = Batch::default();
        for family in &batch.families {
            let Some(held) = find(batch.name(family)) else {
                merged.add_family(&batch, family)?;
                continue;
            };
            let stored = &self.families[held.family];
            let block = stored.pages.block(held.place);
            let stored = RenderedFamily {
                name: &stored.name,
                kind: stored.kind,
                help: held.help.as_deref().unwrap_or_default(),
                text: block.text,
                native: block.native.unwrap_or_default(),
            };
            merged.add_merged(&stored, &batch, family)?;
        }
        Ok(merged)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;
    use std::io::Write as _;
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::exposition::NameRules;
    use crate::push::{GroupingKey, decode};
    use crate::rules::Asked;
    use crate::shard::{Index, Timestamp};

    /// A family: its type, and its series by the values of their label.
    type Family = (&'static str, BTreeMap<u32, u32>);

    const SERIES: How = How {
        mode: Mode::Add,
        asked: Asked { expire: None, merge: Some(Merge::Series), id: None },
    };

    fn body(families: &BTreeMap<&str, Family>) -> String {
        let mut body = String::new();
        for (name, (kind, series)) in families {
            writeln!(body, "# TYPE {name} {kind}").expect("a text takes everything");
            for (label, value) in series {
                let lines = match *kind {
                    "histogram" => format!(
                        "{name}_bucket{{x=\"{label}\",le=\"1\"}} {value}\n{name}_bucket{{x=\"{label}\",le=\"+Inf\"}} {value}\n{name}_sum{{x=\"{label}\"}} {value}\n{name}_count{{x=\"{label}\"}} {value}\n"
                    ),
                    _ => format!("{name}{{x=\"{label}\"}} {value}\n"),
                };
                body += &lines;
            }
        }
        body
    }

    fn key() -> GroupingKey {
        GroupingKey::parse(b"/j", NameRules::Legacy).expect("a valid path")
    }

    /// Pushes as the task of a shard does.
    fn push(store: &mut Store, how: How, body: &str) -> bool {
        let (key, now) = (key(), Timestamp::from_nanos(1));
        let batch = decode(&key, body.as_bytes(), NameRules::Legacy).expect("a valid push");
        let at = store.find(7, &key).expect("it has one spelling");
        let merged = store.merged(at, how, batch);
        merged.is_ok_and(|batch| store.push_at(at, 7, &key, how.mode, &batch, None, now).is_ok())
    }

    fn lines(store: &Store) -> Vec<String> {
        let groups: Vec<_> = store.summaries(&[7]).into_iter().map(|it| it.group).collect();
        let mut lines = Vec::new();
        for family in store.views(&groups).iter().flat_map(|view| &view.families) {
            let text = String::from_utf8_lossy(&family.text).into_owned();
            lines.extend(text.lines().map(|line| format!("{:?} {line}", family.kind)));
        }
        lines.retain(|line| !line.contains("push_"));
        lines.sort_unstable();
        lines
    }

    #[test]
    fn ten_thousand_sequences_of_merged_pushes_store_what_a_naive_model_does() {
        let mut random = 7_u64;
        let mut next = move |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((random >> 33) % below) as u32
        };
        let (mut accepted, mut refused) = (0, 0);
        for _ in 0..10_000 {
            let mut store = Store::new(Arc::new(Index::default()), None);
            let mut model: BTreeMap<&str, Family> = BTreeMap::new();
            for _ in 0..1 + next(5) {
                let mut pushed: BTreeMap<&str, Family> = BTreeMap::new();
                for name in ["a", "b", "c"] {
                    if next(3) > 0 {
                        let kind = ["gauge", "gauge", "gauge", "histogram"][next(4) as usize];
                        let series = (0..1 + next(4)).map(|_| (next(5), next(9))).collect();
                        pushed.insert(name, (kind, series));
                    }
                }
                let conflicts = pushed.iter().any(|(name, (kind, series))| {
                    model.get(name).is_some_and(|(stored, old)| {
                        stored != kind && old.keys().any(|label| !series.contains_key(label))
                    })
                });
                assert_eq!(push(&mut store, SERIES, &body(&pushed)), !conflicts, "{pushed:?}");
                if conflicts {
                    refused += 1;
                    continue;
                }
                accepted += 1;
                for (name, (kind, series)) in pushed {
                    let stored = model.entry(name).or_insert((kind, BTreeMap::new()));
                    stored.0 = kind;
                    stored.1.extend(series);
                }
            }
            let mut naive = Store::new(Arc::new(Index::default()), None);
            assert!(push(&mut naive, Mode::Replace.into(), &body(&model)));
            assert_eq!(lines(&store), lines(&naive));
            assert_eq!(store.series(), naive.series());
        }
        assert!(accepted > 1000 && refused > 1000, "{accepted} and {refused}");
    }

    /// Prints what a merged push of one series costs: `cargo test --lib cost_of_merging -- --ignored --nocapture`.
    #[test]
    #[ignore = "it measures"]
    fn cost_of_merging_one_series_into_families_of_many() {
        for stored in [1, 100, 10_000] {
            let mut store = Store::new(Arc::new(Index::default()), None);
            let family = |series| BTreeMap::from([("a", ("gauge", series))]);
            let all = family((0..stored).map(|label| (label, 1)).collect());
            assert!(push(&mut store, SERIES, &body(&all)));
            let one = body(&family(BTreeMap::from([(0, 2)])));
            let (since, pushes) = (Instant::now(), 1 + 100_000 / stored);
            for _ in 0..pushes {
                assert!(push(&mut store, SERIES, &one));
            }
            let took = since.elapsed() / pushes;
            assert_eq!(store.series(), u64::from(stored) + 2);
            let _closed = writeln!(std::io::stderr(), "one series into {stored}: {took:?}");
        }
    }
}
