//! A gateway that keeps all groups in one map, and for each push gathers everything it would then
//! hold and checks that as a whole.

use std::collections::{BTreeMap, BTreeSet};

use shardgate::exposition::NameRules;
use shardgate::shard::Mode;

use crate::oracle::body::{self, Families, Reason, Rejected};
use crate::oracle::key::{Key, Labels, spell};
use crate::oracle::model::Kind;
use crate::oracle::own::OWN;
use crate::oracle::scrape::{Scrape, Scraped};

#[derive(Debug, Clone, Default)]
pub(crate) struct Gateway {
    /// By the labels that tell them apart.
    pub(crate) groups: BTreeMap<Labels, Group>,
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) key: Key,
    pub(crate) is_pushed: bool,
    pub(crate) is_failed: bool,
    pub(crate) families: Families,
}

impl Gateway {
    pub(crate) fn push(&mut self, key: &Key, mode: Mode, body: &[u8]) -> Result<(), Rejected> {
        let pushed = match body::read(key, body, NameRules::Legacy) {
            Err(rejected @ Rejected::Syntax { .. }) => return Err(rejected),
            pushed => pushed,
        };
        if self.is_spelled_otherwise(key) {
            let mut reasons = BTreeSet::from([Reason::OtherSpelling]);
            if let Err(Rejected::Refused(more)) = pushed {
                reasons.extend(more);
            }
            return Err(Rejected::Refused(reasons));
        }
        let checked = pushed.and_then(|pushed| {
            let mut after = self.clone();
            let group = after.group(key);
            group.is_pushed = true;
            if mode == Mode::Replace {
                group.families.clear();
            }
            group.families.extend(pushed);
            let reasons = after.contradictions();
            if reasons.is_empty() { Ok(after) } else { Err(Rejected::Refused(reasons)) }
        });
        match checked {
            Ok(after) => {
                *self = after;
                Ok(())
            }
            Err(rejected) => {
                self.group(key).is_failed = true;
                Err(rejected)
            }
        }
    }

    pub(crate) fn delete(&mut self, key: &Key) {
        if !self.is_spelled_otherwise(key) {
            self.groups.remove(&key.identity());
        }
    }

    pub(crate) fn wipe(&mut self) {
        self.groups.clear();
    }

    /// All that it exposes.
    pub(crate) fn scrape(&self) -> Scrape {
        let mut scrape = Scrape::new();
        let mut add = |name: &str, kind: Kind, help: &str, lines: &[String]| {
            // A scrape knows no gauge histograms.
            let kind = if kind == Kind::GaugeHistogram { Kind::Histogram } else { kind };
            // The gateway's own help counts before all others, whether it has samples of its own or not.
            let own = OWN.iter().find(|own| own.name == name);
            let help = own.map_or(help, |own| own.help);
            let family = scrape.entry(name.to_owned()).or_insert_with(|| Scraped::new(kind, help));
            if own.is_none() && !help.is_empty() && (family.help.is_empty() || *help < *family.help)
            {
                family.help = help.to_owned();
            }
            lines.iter().try_for_each(|line| family.add(name, line)).expect("the oracle is sound");
        };
        for own in OWN.iter().filter(|own| !own.lines.is_empty()) {
            let lines: Vec<String> = own.lines.iter().map(|line| (*line).to_owned()).collect();
            add(own.name, own.kind, own.help, &lines);
        }
        for group in self.groups.values() {
            let labels = group.key.merged_with(&Labels::new());
            for (name, family) in &group.families {
                add(name, family.kind, &family.help, &family.lines(name));
            }
            let times = [
                ("push_time_seconds", group.is_pushed),
                ("push_failure_time_seconds", group.is_failed),
            ];
            for (name, is_set) in times {
                add(
                    name,
                    Kind::Gauge,
                    "",
                    &[format!("{name}{{{}}} {}", spell(&labels), u8::from(is_set))],
                );
            }
        }
        scrape
    }

    fn group(&mut self, key: &Key) -> &mut Group {
        let new = || Group {
            key: key.clone(),
            is_pushed: false,
            is_failed: false,
            families: Families::new(),
        };
        self.groups.entry(key.identity()).or_insert_with(new)
    }

    /// Whether there is a group that differs from this one by labels with an empty value only.
    fn is_spelled_otherwise(&self, key: &Key) -> bool {
        let found = self.groups.get(&key.identity());
        found.is_some_and(|group| group.key != *key)
    }

    /// Everything that is wrong with what it holds.
    fn contradictions(&self) -> BTreeSet<Reason> {
        let mut reasons = BTreeSet::new();
        let mut kinds: BTreeMap<&str, Kind> = OWN.iter().map(|own| (own.name, own.kind)).collect();
        kinds.extend(
            ["push_time_seconds", "push_failure_time_seconds"].map(|name| (name, Kind::Gauge)),
        );
        let mut series = BTreeSet::new();
        for (name, family) in self.groups.values().flat_map(|group| &group.families) {
            if *kinds.entry(name).or_insert(family.kind) != family.kind {
                reasons.insert(Reason::TypeConflict);
            }
            for one in &family.series {
                if !series.insert(one.spelling(name)) {
                    reasons.insert(Reason::SeriesElsewhere);
                }
            }
        }
        // A name in conflict occupies as either kind would; the conflict is reason enough.
        for (name, kind) in &kinds {
            if kind.occupied(name).iter().any(|occupied| kinds.contains_key(occupied.as_str())) {
                reasons.insert(Reason::NameOccupied);
            }
        }
        reasons
    }
}
