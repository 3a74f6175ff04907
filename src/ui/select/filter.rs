//! The filter of a page: which groups it shows and in which order. It is read from a query and written into links.

use std::fmt;
use std::time::Duration;

use form_urlencoded::Serializer;
use regex::{Regex, RegexBuilder};

use crate::exposition::{unescape, write_label_value};
use crate::shard::Timestamp;
use crate::ui::select::row::Row;
use crate::ui::words::quantity::shortened;
use crate::ui::words::time::since;

/// How many groups or jobs a page shows.
pub const PER_PAGE: usize = 50;
/// How long a search may be, in bytes.
pub(crate) const SEARCH_BYTES_MAX: usize = 256;
/// Pages behind this one are not asked for.
const PAGE_MAX: usize = 1 << 32;

/// The filter of a page. It keeps each parameter as it was written, so that the page can show it again.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Words to search the labels for.
    pub search: String,
    /// Whether only groups are shown whose last push was refused.
    pub only_failed: bool,
    /// Whether only groups are shown whose next push is late.
    pub only_late: bool,
    /// The shortest time since the last push, as it was written.
    pub older_than: String,
    /// The only job that is shown, without escapes.
    pub job: Option<String>,
    /// What follows `/metrics` in the push path of a sum, if its sources are shown and no other groups.
    pub sum: String,
    /// The column that decides the order.
    pub sort: Sort,
    /// Whether the largest comes first.
    pub is_descending: bool,
    /// From 1.
    pub page: usize,
    age_min: Option<Duration>,
    words: Vec<Regex>,
}

/// The column that decides the order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Sort {
    #[default]
    Job,
    Age,
    Failed,
    Families,
    Series,
    Bytes,
    Groups,
}

impl Sort {
    const ALL: [(Sort, &'static str); 7] = [
        (Sort::Job, "job"),
        (Sort::Age, "age"),
        (Sort::Failed, "failed"),
        (Sort::Families, "families"),
        (Sort::Series, "series"),
        (Sort::Bytes, "bytes"),
        (Sort::Groups, "groups"),
    ];

    /// The value of the parameter `sort`.
    pub fn name(self) -> &'static str {
        Sort::ALL[self as usize].1
    }
}

/// A parameter that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    parameter: &'static str,
    expected: String,
    value: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter {}: expected {}, got {:?}", self.parameter, self.expected, self.value)
    }
}

impl Filter {
    /// Reads a query. Other parameters mean nothing here and are passed over; an empty one is one that
    /// a form has sent along.
    ///
    /// # Errors
    /// The first parameter that makes no sense.
    pub fn parse(query: &str) -> Result<Filter, FilterError> {
        let mut filter = Filter { page: 1, ..Filter::default() };
        for (name, value) in
            form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty())
        {
            let error = |parameter, expected: &str| FilterError {
                parameter,
                expected: expected.to_owned(),
                value: value.chars().take(80).collect(),
            };
            match &*name {
                "q" => {
                    filter.words = words(&value)
                        .ok_or_else(|| error("q", &format!("at most {SEARCH_BYTES_MAX} bytes")))?;
                    filter.search = value.into_owned();
                }
                "state" => {
                    (filter.only_failed, filter.only_late) = match &*value {
                        "failed" => (true, false),
                        "late" => (false, true),
                        "any" => (false, false),
                        _ => return Err(error("state", "failed, late or any")),
                    }
                }
                "older_than" => {
                    let age = humantime::parse_duration(value.trim());
                    let age =
                        age.map_err(|_| error("older_than", "a time such as 90s, 1h or 2d"))?;
                    filter.age_min = Some(age);
                    filter.older_than = value.into_owned();
                }
                "job" => filter.job = Some(value.into_owned()),
                "sum" => filter.sum = value.into_owned(),
                "sort" => {
                    let known = Sort::ALL.iter().find(|(_, name)| *name == value);
                    filter.sort = known.map(|(sort, _)| *sort).ok_or_else(|| {
                        error("sort", &Sort::ALL.map(|(_, name)| name).join(", "))
                    })?;
                }
                "order" => {
                    filter.is_descending = match &*value {
                        "desc" => true,
                        "asc" => false,
                        _ => return Err(error("order", "asc or desc")),
                    }
                }
                "page" => {
                    let page = value.parse().ok().filter(|page| (1..=PAGE_MAX).contains(page));
                    filter.page = page.ok_or_else(|| error("page", "a number from 1"))?;
                }
                _ => {}
            }
        }
        Ok(filter)
    }

    /// All groups of a job, given as its escaped name.
    pub fn of_job(escaped: &str) -> Filter {
        Filter { job: Some(unescape(escaped).into_owned()), page: 1, ..Filter::default() }
    }

    /// All sources of a sum, given as what follows `/metrics` in its push path.
    pub fn of_sum(path: String) -> Filter {
        Filter { sum: path, page: 1, ..Filter::default() }
    }

    /// The only job that is shown, escaped.
    pub fn escaped_job(&self) -> Option<String> {
        let mut escaped = Vec::new();
        write_label_value(&mut escaped, self.job.as_ref()?.as_bytes());
        String::from_utf8(escaped).ok()
    }

    /// The sum whose sources are shown, cut where it is long.
    pub(crate) fn sum_shown(&self) -> String {
        shortened(&self.sum)
    }

    /// Whether a group passes the filter. Neither its job nor its sum is looked at: the scan asks for these groups only.
    pub fn takes(&self, row: &Row, now: Timestamp) -> bool {
        (!self.only_failed || row.has_failed())
            && (!self.only_late || row.is_late(now))
            && self.age_min.is_none_or(|age_min| since(row.pushed, now) >= age_min)
            && self.words.iter().all(|word| word.is_match(&row.key))
    }

    /// Whether any group is left out.
    pub fn is_narrow(&self) -> bool {
        self.only_failed
            || self.only_late
            || self.age_min.is_some()
            || !self.words.is_empty()
            || self.job.is_some()
            || !self.sum.is_empty()
    }

    /// The query that asks for the same groups, whatever their order.
    pub fn narrowing(&self) -> String {
        let mut query = Serializer::new(String::new());
        let state = match (self.only_failed, self.only_late) {
            (true, _) => "failed",
            (_, true) => "late",
            _ => "",
        };
        let job = self.job.as_deref().unwrap_or_default();
        for (name, value) in [
            ("q", &*self.search),
            ("state", state),
            ("older_than", &self.older_than),
            ("job", job),
            ("sum", &self.sum),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }

    /// The query for another page of the same.
    pub fn at_page(&self, page: usize) -> String {
        self.query(self.sort, self.is_descending, page)
    }

    /// The query for the same groups in another order. If they are in that order already, the reverse order.
    pub fn sorted_by(&self, sort: Sort) -> String {
        self.query(sort, sort == self.sort && !self.is_descending, 1)
    }

    fn query(&self, sort: Sort, is_descending: bool, page: usize) -> String {
        let mut query = Serializer::new(self.narrowing());
        if sort != Sort::default() {
            query.append_pair("sort", sort.name());
        }
        if is_descending {
            query.append_pair("order", "desc");
        }
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        query.finish()
    }
}

/// A word is part of any value of a label, `NAME=PART` of the value of that one, in upper or lower case.
/// `None` if the text is too long.
fn words(text: &str) -> Option<Vec<Regex>> {
    if text.len() > SEARCH_BYTES_MAX {
        return None;
    }
    let escaped = |text: &str| {
        let mut out = Vec::new();
        write_label_value(&mut out, text.as_bytes());
        regex::escape(&String::from_utf8_lossy(&out))
    };
    let word = |word: &str| {
        let (name, part) = match word.split_once('=').filter(|(name, _)| !name.is_empty()) {
            Some((name, part)) => (format!("(?:^|,)\"?{}\"?", escaped(name)), part),
            None => (String::new(), word),
        };
        let pattern = format!(r#"{name}="(?:[^"\\]|\\.)*?{}"#, escaped(part));
        RegexBuilder::new(&pattern).case_insensitive(true).build().ok()
    };
    text.split_whitespace().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::select::row::tests::row;

    fn found(search: &str, tail: &str) -> bool {
        let query = Serializer::new(String::new()).append_pair("q", search).finish();
        Filter::parse(&query).expect("it makes sense").takes(&row(tail, 1, 0), Timestamp::now())
    }

    #[test]
    fn words_are_parts_of_values_and_may_name_their_label() {
        let tail = "/Back-Up/env/prod/x@base64/YSIsZW52PSJkZXZcLio"; // x is `a",env="dev\.*`.
        for search in
            ["up", "BACK", "prod", "env=pr", "job=back env=prod", "x=a\"", "\\.*", "env=", " "]
        {
            assert!(found(search, tail), "{search}");
        }
        for search in ["instance", "env", "env=dev", "job=prod", "up nothing", "d.v", "nv=prod"] {
            assert!(found(search, tail) == (search == "env"), "{search}");
        }
        assert!(found("ü", "/Ü"));
    }

    #[test]
    fn states_and_ages_narrow() {
        let now = Timestamp::from_nanos(7200 * 1_000_000_000);
        let takes = |query: &str, pushed, failed| {
            Filter::parse(query).expect("it makes sense").takes(&row("/a", pushed, failed), now)
        };
        assert!(takes("state=failed", 1, 2) && !takes("state=failed", 2, 1));
        assert!(takes("older_than=1h", 3600, 0) && !takes("older_than=1h", 3601, 0));
        assert!(takes("older_than=1h", 0, 7200), "one that was never pushed to is old");
        assert!(takes("state=any&older_than=&q=&unknown=1", 7200, 0));
    }

    #[test]
    fn nonsense_is_named() {
        let long = format!("q={}", "a".repeat(SEARCH_BYTES_MAX + 1));
        for (query, parameter) in [
            ("state=x", "state"),
            ("older_than=1x", "older_than"),
            ("sort=x", "sort"),
            ("order=x", "order"),
            ("page=0", "page"),
            ("page=x", "page"),
            (&*long, "q"),
        ] {
            let error = Filter::parse(query).expect_err(query).to_string();
            assert!(error.starts_with(&format!("parameter {parameter}: expected ")), "{error}");
        }
    }

    #[test]
    fn links_keep_what_was_asked_for() {
        let query = "q=a+%26b&state=failed&older_than=1h&job=%C3%A9&sum=%2Fjob%2Fa&sort=age&order=desc&page=3";
        let filter = Filter::parse(query).expect("it makes sense");
        assert_eq!(filter.at_page(3), query);
        assert_eq!(
            filter.sorted_by(Sort::Age),
            "q=a+%26b&state=failed&older_than=1h&job=%C3%A9&sum=%2Fjob%2Fa&sort=age"
        );
        let once = filter.sorted_by(Sort::Series);
        assert!(once.ends_with("&sort=series"));
        let again = Filter::parse(&once).expect("it makes sense").sorted_by(Sort::Series);
        assert!(again.ends_with("&sort=series&order=desc"));
        assert_eq!(Filter::parse("").expect("it makes sense").at_page(1), "");
        assert!(
            filter.is_narrow() && !Filter::parse("sort=age").expect("it makes sense").is_narrow()
        );
    }
}
