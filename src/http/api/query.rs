//! What a query is about.

use std::borrow::Cow;
use std::fmt;

use smallvec::SmallVec;

use crate::exposition::{labels, unescape};
use crate::http::scrape::jobs::{JobError, NamedJobs};
use crate::selector::{Effort, MATCHERS_MAX, Selector, SelectorError, Spent};

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
}

/// A parameter that makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum QueryError {
    Job(JobError),
    Selector(String, SelectorError),
    /// More matchers in all selectors together than may be.
    TooManyMatchers,
    /// Not a number.
    Number(&'static str, String),
    /// None of the words there are.
    Word(&'static str, &'static str, String),
    /// Given twice.
    Twice(&'static str),
    /// To delete: nothing that says what.
    NoSelector,
    /// To delete: a selector that may well match everything.
    Anything(String),
    /// To delete: a parameter that is not known might have been meant to spare some.
    Unknown(String),
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueryError::Job(error) => error.fmt(f),
            QueryError::Selector(text, error) => write!(f, "parameter match[]: {text}: {error}"),
            QueryError::TooManyMatchers => {
                write!(f, "parameter match[]: more than {MATCHERS_MAX} matchers in all")
            }
            QueryError::Number(name, value) => {
                write!(f, "parameter {name}: expected a number from 0, got {value:?}")
            }
            QueryError::Word(name, words, value) => {
                write!(f, "parameter {name}: expected {words}, got {value:?}")
            }
            QueryError::Twice(name) => write!(f, "parameter {name}: given twice"),
            QueryError::NoSelector => write!(f, "which groups? give job or match[] at least once"),
            QueryError::Anything(text) => {
                write!(
                    f,
                    "parameter match[]: {text}: to delete, at least one matcher must not match the \
                     empty value, or a job must be given"
                )
            }
            QueryError::Unknown(name) => write!(f, "parameter {name}: unknown"),
        }
    }
}

impl Query {
    /// Reads the query of a request that shows groups. Unknown parameters mean nothing and are passed over.
    pub(super) fn to_show(query: &str) -> Result<Query, QueryError> {
        Query::read(query, |_| Ok(()))
    }

    /// Reads the query of a request that deletes groups, which has to say so.
    pub(super) fn to_delete(query: &str) -> Result<Query, QueryError> {
        let query = Query::read(query, |name| Err(QueryError::Unknown(name.to_owned())))?;
        let Filter { jobs, selectors } = &query.filter;
        if jobs.is_empty() {
            let mut open =
                selectors.iter().filter(|(_, selector)| selector.matches_without_labels());
            match open.next() {
                Some((text, _)) => return Err(QueryError::Anything(text.clone())),
                None if selectors.is_empty() => return Err(QueryError::NoSelector),
                None => {}
            }
        }
        Ok(query)
    }

    fn read(
        text: &str,
        unknown: impl Fn(&str) -> Result<(), QueryError>,
    ) -> Result<Query, QueryError> {
        let mut query = Query::default();
        let (mut offset, mut sort, mut order, mut dry_run) = (None, None, None, None);
        let (mut jobs, mut matchers) = (NamedJobs::default(), 0);
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            match &*name {
                "job" => jobs.name(&value).map_err(QueryError::Job)?,
                "match[]" => {
                    let selector = Selector::parse(&value)
                        .map_err(|error| QueryError::Selector(value.to_string(), error))?;
                    matchers += selector.matchers().max(1);
                    if matchers > MATCHERS_MAX {
                        return Err(QueryError::TooManyMatchers);
                    }
                    query.filter.selectors.push((value.into_owned(), selector));
                }
                "limit" => once("limit", &mut query.limit, number("limit", &value)?)?,
                "offset" => once("offset", &mut offset, number("offset", &value)?)?,
                "sort" => once("sort", &mut sort, word("sort", &SORTS, &value)?)?,
                "order" => once("order", &mut order, word("order", &ORDERS, &value)?)?,
                "dry_run" => once("dry_run", &mut dry_run, word("dry_run", &DRY_RUNS, &value)?)?,
                name => unknown(name)?,
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

/// The words of a parameter, as an error names them, and what each stands for.
type Words<T, const N: usize> = (&'static str, [(&'static str, T); N]);

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

fn word<T: Copy, const N: usize>(
    name: &'static str,
    (names, words): &Words<T, N>,
    value: &str,
) -> Result<T, QueryError> {
    let found = words.iter().find(|(word, _)| *word == value).map(|(_, meant)| *meant);
    found.ok_or_else(|| QueryError::Word(name, names, value.to_owned()))
}

fn number(name: &'static str, value: &str) -> Result<usize, QueryError> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|_| is_number);
    number.ok_or_else(|| QueryError::Number(name, value.to_owned()))
}

fn once<T>(name: &'static str, place: &mut Option<T>, value: T) -> Result<(), QueryError> {
    if place.replace(value).is_some() { Err(QueryError::Twice(name)) } else { Ok(()) }
}

impl Filter {
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
        f.write_str(&jobs.chain(selectors).collect::<Vec<_>>().join(" "))
    }
}
