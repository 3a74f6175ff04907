//! The ring of the last rejections. The newest takes the place of the oldest.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

use crate::shard::Timestamp;

/// How many bytes all kept rejections may take.
const REJECTIONS_BYTES_MAX: usize = 4 << 20;
/// How many bytes are kept of the path of a rejected request;
const PATH_BYTES_MAX: usize = 512;
/// of the reason;
const REASON_BYTES_MAX: usize = 1024;
/// of every other text.
const WORD_BYTES_MAX: usize = 256;

/// A request that was rejected. A long text is cut and ends with `…`.
#[derive(Debug, Clone, Default)]
pub struct Rejection {
    /// Counts the rejections since the start, from 1. The ring sets it.
    pub number: u64,
    /// When it was answered.
    pub time: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// The job that the path names, without escapes; empty where it names none.
    pub job: String,
    /// The group that the path names, as [`group_of`] tells it.
    pub group: Option<u64>,
    /// Where it came from.
    pub source: String,
    /// Who sent it, or claimed to; empty for a client without a name.
    pub user: String,
    /// The status of the answer.
    pub status: u16,
    /// The reason, as the client was told.
    pub reason: String,
    /// The id of the request, as on the answer and in the log.
    pub request_id: String,
}

impl Rejection {
    fn texts(&mut self) -> [(&mut String, usize); 7] {
        [
            (&mut self.method, WORD_BYTES_MAX),
            (&mut self.path, PATH_BYTES_MAX),
            (&mut self.job, WORD_BYTES_MAX),
            (&mut self.source, WORD_BYTES_MAX),
            (&mut self.user, WORD_BYTES_MAX),
            (&mut self.reason, REASON_BYTES_MAX),
            (&mut self.request_id, WORD_BYTES_MAX),
        ]
    }

    /// Cuts its texts, and answers how many bytes it takes then.
    fn cut(&mut self) -> usize {
        let mut bytes = size_of::<Rejection>();
        for (text, bytes_max) in self.texts() {
            if text.len() > bytes_max {
                let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end));
                text.truncate(end.unwrap_or_default());
                text.push('…');
            }
            text.shrink_to_fit();
            bytes += text.capacity();
        }
        bytes
    }
}

/// What tells the group of this grouping key from other groups.
pub fn group_of(key: &str) -> u64 {
    xxh3_64(key.as_bytes())
}

/// Of those that are kept, the last rejection of each group and of each job.
#[derive(Debug, Default)]
pub struct LastRejections {
    groups: HashMap<u64, Arc<Rejection>>,
    jobs: HashMap<String, Arc<Rejection>>,
}

impl LastRejections {
    /// The last rejection of a group, as [`group_of`] tells it, if it came after `pushed`.
    pub fn of_group(&self, group: u64, pushed: Timestamp) -> Option<&Rejection> {
        self.groups.get(&group).map(|found| &**found).filter(|found| found.time > pushed)
    }

    /// The last rejection of a job, given without escapes, if it came after `pushed`.
    pub fn of_job(&self, job: &str, pushed: Timestamp) -> Option<&Rejection> {
        self.jobs.get(job).map(|found| &**found).filter(|found| found.time > pushed)
    }
}

/// The last rejections.
#[derive(Debug)]
pub struct Rejections {
    kept_max: usize,
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    /// Oldest first, each with its bytes.
    kept: VecDeque<(Arc<Rejection>, usize)>,
    bytes: usize,
    total: u64,
}

impl Rejections {
    /// A ring that keeps so many.
    pub fn new(kept_max: usize) -> Rejections {
        Rejections { kept_max, ring: Mutex::default() }
    }

    /// Whether any rejection is kept.
    pub fn is_enabled(&self) -> bool {
        self.kept_max > 0
    }

    /// Keeps a rejection, in place of the oldest ones where there are enough.
    pub fn add(&self, mut rejection: Rejection) {
        let bytes = rejection.cut();
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.total += 1;
        rejection.number = ring.total;
        ring.bytes += bytes;
        ring.kept.push_back((Arc::new(rejection), bytes));
        while ring.kept.len() > self.kept_max || ring.bytes > REJECTIONS_BYTES_MAX {
            let Some((_, bytes)) = ring.kept.pop_front() else { break };
            ring.bytes -= bytes;
        }
    }

    /// Those that are kept, newest first, and how many there have been since the start.
    pub fn all(&self) -> (Vec<Arc<Rejection>>, u64) {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        (ring.kept.iter().rev().map(|(rejection, _)| Arc::clone(rejection)).collect(), ring.total)
    }

    /// The last rejections of a group, newest first.
    pub fn of_group(&self, group: u64, most: usize) -> Vec<Arc<Rejection>> {
        let mut found = self.all().0;
        found.retain(|rejection| rejection.group == Some(group));
        found.truncate(most);
        found
    }

    /// The last rejection of each group, and of each job by its name.
    pub fn last(&self) -> LastRejections {
        let mut last = LastRejections::default();
        for rejection in self.all().0 {
            if let Some(group) = rejection.group {
                last.groups.entry(group).or_insert_with(|| Arc::clone(&rejection));
            }
            if !rejection.job.is_empty() && !last.jobs.contains_key(&rejection.job) {
                last.jobs.insert(rejection.job.clone(), rejection);
            }
        }
        last
    }

    /// How many of those that are kept were rejected since this time.
    pub fn since(&self, time: Timestamp) -> usize {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.kept.iter().rev().take_while(|(rejection, _)| rejection.time >= time).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many as `--web.rejections-kept` allows.
    const KEPT_MAX: usize = 10_000;

    fn rejection(path: &str, reason: &str) -> Rejection {
        let group = Some(group_of(path));
        Rejection {
            path: path.to_owned(),
            reason: reason.to_owned(),
            group,
            ..Rejection::default()
        }
    }

    #[test]
    fn the_newest_are_kept_and_the_total_goes_on() {
        let rejections = Rejections::new(3);
        for at in 0..10 {
            rejections.add(rejection(&format!("/{}", at % 2), &at.to_string()));
        }
        let (kept, total) = rejections.all();
        let reasons: Vec<&str> = kept.iter().map(|rejection| &*rejection.reason).collect();
        assert_eq!((reasons, total), (vec!["9", "8", "7"], 10));
        assert_eq!(kept[0].number, 10);
        let of_group = rejections.of_group(group_of("/1"), 5);
        assert_eq!(of_group.iter().map(|found| found.number).collect::<Vec<_>>(), [10, 8]);
        let none = Rejections::new(0);
        none.add(rejection("/", ""));
        assert!(none.all().0.is_empty() && !none.is_enabled());
    }

    #[test]
    fn the_last_rejection_of_a_group_and_a_job_counts_if_nothing_was_pushed_since() {
        let rejections = Rejections::new(9);
        let at = |seconds: u64| Timestamp::from_nanos(seconds * 1_000_000_000);
        for (seconds, path, job) in
            [(1, "/a/x/1", "a"), (2, "/a/x/2", "a"), (3, "/a/x/1", "a"), (4, "", "")]
        {
            rejections.add(Rejection {
                time: at(seconds),
                job: job.to_owned(),
                ..rejection(path, "")
            });
        }
        let last = rejections.last();
        let number = |found: Option<&Rejection>| found.map(|found| found.number);
        assert_eq!(number(last.of_group(group_of("/a/x/1"), at(2))), Some(3));
        assert_eq!(number(last.of_group(group_of("/a/x/1"), at(3))), None);
        assert_eq!(number(last.of_group(group_of("/a/x/2"), at(0))), Some(2));
        assert_eq!(
            (number(last.of_job("a", at(2))), number(last.of_job("", at(0)))),
            (Some(3), None)
        );
    }

    #[test]
    fn a_million_rejections_of_any_size_stay_within_the_bound() {
        let rejections = Rejections::new(KEPT_MAX);
        let long = "é".repeat(40_000);
        for at in 0..1_000_000_u32 {
            let text = &long[..if at % 100 == 0 { long.len() } else { 60 }];
            rejections.add(rejection(text, text));
        }
        let long_only = Rejections::new(KEPT_MAX);
        (0..KEPT_MAX).for_each(|_| long_only.add(rejection(&long, &long)));
        for ring in [&rejections, &long_only] {
            let ring = ring.ring.lock().expect("nothing panics");
            let bytes = |(rejection, _): &(Arc<Rejection>, usize)| {
                let mut copy = Rejection::clone(rejection);
                size_of::<Rejection>()
                    + copy.texts().map(|(text, _)| text.len()).iter().sum::<usize>()
            };
            let held: usize = ring.kept.iter().map(bytes).sum();
            assert!(held <= REJECTIONS_BYTES_MAX && held > REJECTIONS_BYTES_MAX / 2, "{held}");
            assert!(ring.kept.capacity() <= 2 * KEPT_MAX);
        }
        let (kept, _) = long_only.all();
        assert!(kept.len() < KEPT_MAX && kept[0].path.ends_with("é…"));
    }
}
