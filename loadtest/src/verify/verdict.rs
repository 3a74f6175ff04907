//! Compares what a gateway shows with what may be there.

use std::thread;
use std::time::{Duration, Instant};

use ahash::AHashMap;

use super::api::{self, Marks};
use super::exposition::{self, GroupKey};
use super::ledger::{Content, Ledger, Standing};
use super::reading::{VerifyError, get, label_names, label_values, scrape};
use crate::client::Target;
use crate::profile::PathTemplate;
use crate::workload::{FIRST_MARK, Head, MARK_FAMILIES};

/// What a scrape shows of one group.
type Shown = exposition::Shown<2>;

/// A gateway that is to be read, and how.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) target: Target,
    pub(crate) head: Head,
}

/// Where the groups are shown, and what one push leaves in one.
#[derive(Clone, Debug)]
pub(crate) struct Expectation {
    /// Each group is to be at one of them.
    pub(crate) sources: Vec<Source>,
    pub(crate) path: PathTemplate,
    /// Sample lines of each kind of body; a mark tells the kind.
    pub(crate) samples: Vec<usize>,
    /// Whether every push replaces its whole group, so that samples can be counted.
    pub(crate) replaces_all: bool,
}

/// What a verification found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) groups: u64,
    /// Groups that were acknowledged and are not there.
    pub(crate) lost: u64,
    /// Groups that show a push which a later acknowledged one has replaced.
    pub(crate) stale: u64,
    /// Groups that are there and cannot be, or show what was never acknowledged nor in doubt.
    pub(crate) phantom: u64,
    /// Groups that show parts of a push.
    pub(crate) half_applied: u64,
    /// Groups that more than one source shows.
    pub(crate) doubled: u64,
    /// Groups that the query API shows otherwise than allowed; none if it is not served.
    pub(crate) api_differs: Option<u64>,
    /// Some findings in words.
    pub(crate) examples: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_clean(&self) -> bool {
        self.lost + self.stale + self.phantom + self.half_applied + self.doubled == 0
            && self.api_differs.is_none_or(|n| n == 0)
    }

    fn example(&mut self, text: String) {
        const EXAMPLES_MAX: usize = 5;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(text);
        }
    }
}

/// A verified run needs a target without marks.
pub(crate) fn assert_fresh(expected: &Expectation) -> Result<(), VerifyError> {
    let names = label_names(&expected.path);
    let (groups, _) = shown(expected, &names)?;
    let marked = groups.values().any(|shown| shown.marks.iter().any(Option::is_some));
    if marked { Err(VerifyError::NotFresh) } else { Ok(()) }
}

/// Scrapes the target and judges. A gateway that acknowledges before it applies gets a moment.
pub(crate) fn verify(expected: &Expectation, ledgers: Vec<Ledger>) -> Result<Verdict, VerifyError> {
    const SETTLE_LIMIT: Duration = Duration::from_secs(5);
    const ASK_EVERY: Duration = Duration::from_millis(250);
    let names = label_names(&expected.path);
    let standings: Vec<(GroupKey, Standing)> = ledgers
        .into_iter()
        .flat_map(Ledger::into_groups)
        .map(|(group, standing)| (label_values(&expected.path, group), standing))
        .collect();
    let started = Instant::now();
    loop {
        let (groups, doubled) = shown(expected, &names)?;
        let mut verdict = judge(expected, &standings, groups);
        verdict.doubled = doubled.len() as u64;
        if let Some(key) = doubled.first() {
            verdict.example(format!("{key:?} is shown by more than one"));
        }
        if let Some(marks) = query_api(expected, &names)? {
            judge_api(&mut verdict, &standings, &marks);
        }
        if verdict.is_clean() || started.elapsed() > SETTLE_LIMIT {
            return Ok(verdict);
        }
        thread::sleep(ASK_EVERY);
    }
}

fn judge(
    expected: &Expectation,
    standings: &[(GroupKey, Standing)],
    mut shown: AHashMap<GroupKey, Shown>,
) -> Verdict {
    let mut verdict = Verdict { groups: standings.len() as u64, ..Verdict::default() };
    for (key, standing) in standings {
        let Some(group) = shown.remove(key) else {
            if !standing.allows(None) {
                verdict.lost += 1;
                verdict.example(format!("{key:?} is lost"));
            }
            continue;
        };
        let [Some(mark), Some(last)] = group.marks else {
            verdict.half_applied += 1;
            verdict.example(format!("{key:?} lacks a mark: {:?}", group.marks));
            continue;
        };
        if mark != last || !has_all_samples(expected, mark, group.samples) {
            verdict.half_applied += 1;
            verdict.example(format!(
                "{key:?} mixes pushes {mark} and {last}, {} samples",
                group.samples
            ));
        } else if !standing.allows(Some(mark)) {
            if standing.is_older(mark) {
                verdict.stale += 1;
                verdict.example(format!("{key:?} shows the replaced push {mark}"));
            } else {
                verdict.phantom += 1;
                verdict.example(format!("{key:?} shows {mark}, which cannot be there"));
            }
        }
    }
    let strangers = shown.iter().filter(|(_, group)| group.marks.iter().any(Option::is_some));
    for (key, _) in strangers {
        verdict.phantom += 1;
        verdict.example(format!("{key:?} was never pushed"));
    }
    verdict
}

fn has_all_samples(expected: &Expectation, mark: u64, samples: usize) -> bool {
    let kind = mark.saturating_sub(FIRST_MARK) as usize % expected.samples.len();
    !expected.replaces_all || expected.samples.get(kind) == Some(&samples)
}

fn judge_api(verdict: &mut Verdict, standings: &[(GroupKey, Standing)], marks: &Marks) {
    let wrong = standings.iter().filter(|(key, standing)| {
        let content: Content = match marks.get(key) {
            None => None,
            Some([Some(first), Some(last)]) if first == last => Some(*first),
            Some(_) => return true,
        };
        !standing.allows(content)
    });
    let wrong: Vec<&GroupKey> = wrong.map(|(key, _)| key).collect();
    verdict.api_differs = Some(wrong.len() as u64);
    if let Some(key) = wrong.first() {
        verdict.example(format!("the query API shows {key:?} otherwise: {:?}", marks.get(*key)));
    }
}

/// All groups that show samples (a refused push leaves one that shows when that was, and no more), and
/// those that another source has shown before.
fn shown(
    expected: &Expectation,
    names: &[String],
) -> Result<(AHashMap<GroupKey, Shown>, Vec<GroupKey>), VerifyError> {
    let (mut groups, mut doubled) = (AHashMap::new(), Vec::new());
    for Source { target, head } in &expected.sources {
        for (key, shown) in scrape(target, head, names, &MARK_FAMILIES)? {
            if shown.samples > 0 && groups.insert(key.clone(), shown).is_some() {
                doubled.push(key);
            }
        }
    }
    Ok((groups, doubled))
}

/// None if a source does not serve it.
fn query_api(expected: &Expectation, names: &[String]) -> Result<Option<Marks>, VerifyError> {
    let mut marks = Marks::new();
    for Source { target, head } in &expected.sources {
        let (status, body) = get(target, head, "/api/v1/metrics")?;
        if status != 200 {
            return Ok(None);
        }
        let read = api::read(&body, names);
        marks.extend(read.map_err(|e| VerifyError::Unreadable(e.to_string()))?);
    }
    Ok(Some(marks))
}
