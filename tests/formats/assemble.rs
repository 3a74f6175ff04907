//! A whole exposition, pushed to stores and shown by a scrape of them.

use std::sync::Arc;

use shardgate::exposition::{Escaping, Kind, NameRules};
use shardgate::push::{Batch, GroupingKey, PUSH_FAILURE_TIME, PUSH_TIME, Rejected, decode};
use shardgate::scrape::{Form, Format, Runs, Scrape};
use shardgate::shard::{Index, Mode, Selection, Store, Timestamp};

use super::model::{Family, JOBS};
use super::rules::Shown;
use super::{text, wire};

/// What reads a body.
type Decode = fn(&GroupingKey, &[u8], NameRules) -> Result<Batch, Rejected>;

/// Two stores that share an index; each job has a group in one of them.
pub(crate) struct Stores([Store; JOBS.len()]);

/// What a scrape has shown.
pub(crate) struct Exposition {
    format: Format,
    pub(crate) bytes: Vec<u8>,
    /// How many families were left out.
    pub(crate) hidden: usize,
}

impl Stores {
    pub(crate) fn new() -> Stores {
        let index = Arc::new(Index::default());
        for name in [PUSH_TIME, PUSH_FAILURE_TIME] {
            index.reserve(name, Kind::Gauge);
        }
        Stores(JOBS.map(|_| Store::new(Arc::clone(&index), None)))
    }

    /// Stores that hold these families.
    pub(crate) fn with(families: &[Family]) -> Stores {
        let mut stores = Stores::new();
        for (at, job) in JOBS.iter().enumerate() {
            // Behind a gauge histogram `x`, a line of `x_gcount` would be of that.
            let (first, others): (Vec<_>, Vec<_>) =
                families.iter().partition(|family| family.name.ends_with("_gcount"));
            let bodies = first.into_iter().chain(others).map(|family| family.body(job));
            stores.push(at, bodies.collect::<String>().as_bytes(), decode);
        }
        stores
    }

    /// Pushes `body` to the group of the job at that position.
    pub(crate) fn push(&mut self, at: usize, body: &[u8], decode: Decode) {
        let path = format!("/{}", JOBS[at]);
        let key = GroupingKey::parse(path.as_bytes(), NameRules::Utf8).expect("the path is fine");
        let batch = decode(&key, body, NameRules::Utf8).expect("the body is valid");
        let (hash, now) = (at as u64, Timestamp::now());
        self.0[at]
            .push(hash, &key, Mode::Replace, &batch, None, now)
            .expect("nothing is there twice");
    }

    /// A scrape of all stores.
    pub(crate) fn expose(&mut self, format: Format, escaping: Escaping) -> Exposition {
        let form = Form { format, escaping, ..Form::TEXT };
        let snapshots =
            self.0.iter_mut().map(|store| store.snapshot(&Selection::default())).collect();
        let (mut scrape, tasks) = Scrape::new(snapshots, Vec::new(), form);
        for task in tasks {
            scrape.take(task.run().0);
        }
        let hidden = scrape.hidden();
        let bytes = scrape.answer(&Runs::default()).chunks.concat();
        Exposition { format, bytes, hidden }
    }
}

impl Exposition {
    /// Its families without the push times, which are always there.
    pub(crate) fn families(&self) -> Vec<Shown> {
        let mut families = match self.format {
            Format::Protobuf => wire::read(&self.bytes),
            Format::Text | Format::OpenMetrics(_) => text::read(&self.bytes),
        };
        families.retain(|family| ![PUSH_TIME, PUSH_FAILURE_TIME].contains(&&*family.name));
        families
    }
}
