//! The newest exemplars of a series of a sum.

use std::collections::BTreeMap;

use crate::exposition::protobuf::{
    Field, bucket, counter, exemplar, fields, histogram, metric, timestamp,
};

/// How many exemplars of native buckets a sum keeps: as many as the Go library does for one source.
const NATIVE_MAX: usize = 10;
/// What an exemplar takes besides its message.
const EXEMPLAR_BYTES: u64 = 48;

/// The exemplars.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::aggregate) struct Exemplars {
    /// That of a counter, or that of each classic bucket.
    of_values: BTreeMap<Of, Exemplar>,
    /// Those of native buckets, from the oldest to the newest.
    native: Vec<Exemplar>,
}

/// What an exemplar is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::aggregate) enum Of {
    Counter,
    /// The bucket whose bound has these bits.
    Bucket(u64),
}

impl Of {
    pub(in crate::aggregate) fn bucket(bound: f64) -> Of {
        Of::Bucket(bound.to_bits())
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Exemplar {
    /// Seconds and nanoseconds since 1970.
    at: (i64, i64),
    message: Box<[u8]>,
}

impl Exemplars {
    /// Those of a `Metric` message that was pushed at this time, in nanoseconds since 1970, which counts for those without a time.
    pub(in crate::aggregate) fn of(metric: &[u8], pushed: u64) -> Exemplars {
        let mut found = Exemplars::default();
        for field in fields(metric) {
            for part in fields(field.bytes) {
                match (field.number, part.number) {
                    (metric::COUNTER, counter::EXEMPLAR) => {
                        found.of_values.insert(Of::Counter, Exemplar::read(part, pushed));
                    }
                    (metric::HISTOGRAM, histogram::BUCKET) => {
                        found.of_values.extend(of_bucket(part.bytes, pushed));
                    }
                    (metric::HISTOGRAM, histogram::EXEMPLAR) => {
                        found.native.push(Exemplar::read(part, pushed));
                    }
                    _ => {}
                }
            }
        }
        found
    }

    /// How much memory they take.
    pub(in crate::aggregate) fn bytes(&self) -> u64 {
        let all = self.of_values.values().chain(&self.native);
        all.map(|one| EXEMPLAR_BYTES + one.message.len() as u64).sum()
    }

    /// Takes those of a source that are newer. Of two that are as old, the one that is pushed later counts.
    pub(in crate::aggregate) fn take_newer(&mut self, others: &Exemplars) {
        for (of, other) in &others.of_values {
            if self.of_values.get(of).is_none_or(|own| own.at <= other.at) {
                self.of_values.insert(*of, other.clone());
            }
        }
        for other in &others.native {
            if !self.native.contains(other) {
                self.native.push(other.clone());
            }
        }
        self.native.sort_by_key(|one| one.at);
        let too_many = self.native.len().saturating_sub(NATIVE_MAX);
        self.native.drain(..too_many);
    }

    /// The message of one.
    pub(in crate::aggregate) fn get(&self, of: Of) -> Option<&[u8]> {
        self.of_values.get(&of).map(|exemplar| &exemplar.message[..])
    }

    /// The messages of those of native buckets.
    pub(in crate::aggregate) fn native(&self) -> impl Iterator<Item = &[u8]> {
        self.native.iter().map(|one| &one.message[..])
    }
}

fn of_bucket(message: &[u8], pushed: u64) -> Option<(Of, Exemplar)> {
    let (mut bound, mut exemplar) = (0.0, None);
    for field in fields(message) {
        match field.number {
            bucket::BOUND => bound = field.double(),
            bucket::EXEMPLAR => exemplar = Some(Exemplar::read(field, pushed)),
            _ => {}
        }
    }
    Some((Of::bucket(bound), exemplar?))
}

impl Exemplar {
    fn read(field: Field<'_>, pushed: u64) -> Exemplar {
        let time = fields(field.bytes).find(|part| part.number == exemplar::TIMESTAMP);
        let at = time.map(|time| {
            let part = |number| fields(time.bytes).find(|part| part.number == number);
            let number = |number| part(number).map_or(0, |part| part.varint() as i64);
            (number(timestamp::SECONDS), number(timestamp::NANOS))
        });
        let at = at.unwrap_or(((pushed / 1_000_000_000) as i64, (pushed % 1_000_000_000) as i64));
        Exemplar { at, message: field.bytes.into() }
    }
}
