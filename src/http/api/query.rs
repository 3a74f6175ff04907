//! What a query is about.

use std::borrow::Cow;
use std::fmt;

use smallvec::SmallVec;

use crate::exposition::{NameRules, labels, unescape};
use crate::http::scrape::jobs::NamedJobs;
use crate::parameters::{Parameter, ParameterError, Words, digits, parameters};
use crate::push::GroupingKey;
use crate::selector::{Effort, MATCHERS_MAX, Selector, Spent};

/// Which groups, and which of those to show in which order.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) filter: Filter,
    /// How many to pass over.
    pub(super) offset: usize,
    /// How many to show; all when there is none.
    pub(super) limit: Option<usize>,
    pub(super) sort: Sort,
    pub(super) is_descending: bool,
    /// Whether nothing is to be deleted.
    pub(super) is_dry_run: bool,
}

/// What groups are sorted by. Those that are equal in it come in the order of their keys.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    #[default]
    Key,
    PushTime,
    Series,
    Bytes,
}

/// Which groups: those of one of the jobs that match one of the selectors, where there are any.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// As escaped label values, in order, each once.
    jobs: Vec<String>,
    /// Each with its text.
    selectors: Vec<(String, Selector)>,
    /// The sum whose sources are asked for, and no other groups.
    sum: Option<GroupingKey>,
}

impl Query {
    /// Reads the query of a request that shows groups. Unknown parameters mean nothing and are passed over.
    pub(super) fn to_show(query: &str) -> Result<Query, ParameterError> {
        Query::read(query, |_| Ok(()))
    }

    /// Reads the query of a request that deletes groups, which has to say so. An unknown parameter is an error:
    /// it might have been meant to spare some groups.
    pub(super) fn to_delete(query: &str) -> Result<Query, ParameterError> {
        let query = Query::read(query, |parameter| Err(parameter.error("unknown")))?;
        let Filter { jobs, selectors, sum } = &query.filter;
        if jobs.is_empty() && sum.is_none() {
            if selectors.is_empty() {
                let problem = "which groups? give job or match[] at least once";
                return Err(ParameterError(problem.to_owned()));
            }
            let open = selectors.iter().find(|(_, selector)| selector.matches_without_labels());
            if let Some((text, _)) = open {
                return Err(ParameterError(format!(
                    "parameter match[]: {text}: to delete, at least one matcher must not match the \
                     empty value, or a job must be given"
                )));
            }
        }
        Ok(query)
    }

    fn read(
        text: &str,
        unknown: impl Fn(&Parameter<'_>) -> Result<(), ParameterError>,
    ) -> Result<Query, ParameterError> {
        let mut query = Query::default();
        let (mut offset, mut sort, mut order, mut dry_run) = (None, None, None, None);
        let (mut jobs, mut matchers) = (NamedJobs::default(), 0);
        for parameter in parameters(text) {
            let number = || parameter.read("a number from 0", digits);
            match parameter.name() {
                "job" => jobs.name(&parameter)?,
                "match[]" => {
                    let text = parameter.value();
                    let selector = Selector::parse(text)
                        .map_err(|error| parameter.error(format_args!("{text}: {error}")))?;
                    matchers += selector.matchers().max(1);
                    if matchers > MATCHERS_MAX {
                        let problem = format_args!("more than {MATCHERS_MAX} matchers in all");
                        return Err(parameter.error(problem));
                    }
                    query.filter.selectors.push((parameter.into_value(), selector));
                }
                "sum" => {
                    let sum = parameter.read("the path of a sum, such as /job/NAME", sum_key)?;
                    parameter.set(&mut query.filter.sum, sum)?;
                }
                "limit" => parameter.set(&mut query.limit, number()?)?,
                "offset" => parameter.set(&mut offset, number()?)?,
                "sort" => parameter.set(&mut sort, parameter.word(&SORTS)?)?,
                "order" => parameter.set(&mut order, parameter.word(&ORDERS)?)?,
                "dry_run" => parameter.set(&mut dry_run, parameter.word(&DRY_RUNS)?)?,
                _ => unknown(&parameter)?,
            }
        }
        query.filter.jobs = jobs.in_order();
        query.offset = offset.unwrap_or_default();
        query.sort = sort.unwrap_or_default();
        query.is_descending = order.unwrap_or_default();
        query.is_dry_run = dry_run.unwrap_or_default();
        Ok(query)
    }
}

const SORTS: Words<Sort, 4> = (
    "key, push_time, series or bytes",
    [
        ("key", Sort::Key),
        ("push_time", Sort::PushTime),
        ("series", Sort::Series),
        ("bytes", Sort::Bytes),
    ],
);
const ORDERS: Words<bool, 2> = ("asc or desc", [("asc", false), ("desc", true)]);
const DRY_RUNS: Words<bool, 4> =
    ("1, true, 0 or false", [("1", true), ("true", true), ("0", false), ("false", false)]);

/// The key that a path names. Names may be any text: a sum whose name is not allowed is not found.
fn sum_key(path: &str) -> Option<GroupingKey> {
    GroupingKey::parse(path.strip_prefix("/job")?.as_bytes(), NameRules::Utf8).ok()
}

impl Filter {
    /// The sum whose sources are asked for, if it is not all groups.
    pub(super) fn sum(&self) -> Option<&GroupingKey> {
        self.sum.as_ref()
    }

    /// The jobs that are asked for, as escaped label values; all when empty.
    pub(super) fn escaped_jobs(&self) -> Vec<String> {
        self.jobs.clone()
    }

    /// Whether a group is asked for, by the text of its key.
    pub(super) fn matches(&self, key: &str, effort: &mut Effort<'_>) -> Result<bool, Spent> {
        if self.jobs.is_empty() && self.selectors.is_empty() {
            return Ok(true);
        }
        let labels = labels(key);
        if !self.jobs.is_empty() {
            let job = labels.iter().find(|(name, _)| name == "job");
            let job = job.map_or("", |(_, escaped)| &**escaped);
            if self.jobs.binary_search_by(|asked| (**asked).cmp(job)).is_err() {
                return Ok(false);
            }
        }
        if self.selectors.is_empty() {
            return Ok(true);
        }
        let labels: SmallVec<[(&str, Cow<'_, str>); 8]> =
            labels.iter().map(|(name, value)| (&**name, unescape(value))).collect();
        let value_of = |name: &str| {
            let found = labels.iter().find(|(label, _)| *label == name);
            found.map_or("", |(_, value)| &**value)
        };
        for (_, selector) in &self.selectors {
            if selector.matches(value_of, effort)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jobs = self.jobs.iter().map(|job| format!("job={}", unescape(job)));
        let selectors = self.selectors.iter().map(|(text, _)| format!("match[]={text}"));
        let sum = self.sum.iter().map(|sum| format!("sum={}", sum.path()));
        f.write_str(&jobs.chain(selectors).chain(sum).collect::<Vec<_>>().join(" "))
    }
}
