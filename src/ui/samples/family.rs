//! A family of a group: its type, its help text, when it was pushed, and its series, some at a time.

use std::fmt;
use std::sync::Arc;

use askama::Template;
use askama::filters::HtmlSafe;

use crate::exposition::{Kind, is_metric_name, unescape, write_metric_name};
use crate::shard::{FamilyView, GroupView, Timestamp};
use crate::ui::parts::pager::Pager;
use crate::ui::samples::changes::of_family;
use crate::ui::samples::metric::{Metric, metrics, native_metric};
use crate::ui::samples::native::natives;
use crate::ui::words::quantity::{count_of, shortened};
use crate::ui::words::time::Moment;

/// A family with more lines is not shown among the others.
pub const LINES_INLINE_MAX: usize = 100;
/// How many numbers of a family are on a page;
const VALUES_PER_PAGE: usize = 100;
/// how many histograms or summaries.
const HISTOGRAMS_PER_PAGE: usize = 10;

/// How many lines a scrape shows of a family.
pub fn lines(family: &FamilyView) -> usize {
    memchr::memchr_iter(b'\n', &family.text).count()
}

/// A family as a page shows it.
#[derive(Debug, Template)]
#[template(path = "family.html")]
pub struct Family {
    name: String,
    kind: &'static str,
    help: String,
    pushed: Option<Moment>,
    size: String,
    /// What the last push has made of it, if that is known.
    change: &'static str,
    /// Where a query shows it; empty for nowhere.
    query_url: String,
    /// The page that shows this family alone.
    link: String,
    /// `None` if the family is too large to be shown among others.
    metrics: Option<Vec<Metric>>,
    pager: Option<Pager>,
}

impl HtmlSafe for Family {}

/// What the families of a group are shown with.
pub struct Seen<'a> {
    /// The labels of the group, without escapes.
    pub labels: Vec<(String, String)>,
    /// The text of its grouping key.
    pub key: Arc<str>,
    /// What it held before its last push, if that is known.
    pub before: Option<&'a GroupView>,
    /// Makes the URL that shows a query; empty for none.
    pub query_url: &'a dyn Fn(&str) -> String,
    /// This moment.
    pub now: Timestamp,
}

impl fmt::Debug for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Seen<'_> {
    fn before_of(&self, family: &FamilyView) -> Option<&FamilyView> {
        self.before?.families.iter().find(|before| before.name == family.name)
    }
}

/// The PromQL for the series that a family has in a group.
fn query_of(family: &FamilyView, key: &str) -> String {
    let has_buckets = matches!(family.kind, Kind::Histogram | Kind::GaugeHistogram);
    let part = if has_buckets && family.native.is_none() { "_bucket" } else { "" };
    let name = format!("{}{part}", family.name);
    if is_metric_name(name.as_bytes()) {
        return format!("{name}{{{key}}}");
    }
    let mut quoted = Vec::new();
    write_metric_name(&mut quoted, name.as_bytes());
    format!("{{{},{key}}}", String::from_utf8_lossy(&quoted))
}

impl Family {
    /// A page of its series, counted from 1.
    pub fn whole(stored: &FamilyView, seen: &Seen<'_>, page: usize) -> Family {
        let per_page = match stored.kind.part_label() {
            None => VALUES_PER_PAGE,
            Some(_) => HISTOGRAMS_PER_PAGE,
        };
        let mut all = metrics_of(stored, seen);
        let start = (page - 1).saturating_mul(per_page);
        let (mut shown, mut matching) = (Vec::new(), 0);
        for metric in &mut all {
            if matching >= start && shown.len() < per_page {
                shown.push(metric);
            }
            matching += 1;
        }
        let mut family = Family::closed(stored, seen);
        let link = |page: usize| format!("{}&page={page}", family.link);
        let pager = Pager::with(page, per_page, matching, shown.len(), link);
        family.size = count_of(matching as u64, "series", "series");
        family.pager = Some(pager).filter(Pager::has_others);
        family.metrics = Some(shown);
        family
    }

    /// All of its series.
    pub fn open(stored: &FamilyView, seen: &Seen<'_>) -> Family {
        Family { metrics: Some(metrics_of(stored, seen).collect()), ..Family::closed(stored, seen) }
    }

    /// Only its head, without its series.
    pub fn closed(stored: &FamilyView, seen: &Seen<'_>) -> Family {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("family", &stored.name);
        Family {
            name: shortened(&stored.name),
            kind: match stored.kind {
                Kind::GaugeHistogram => "gauge histogram",
                kind => kind.text(),
            },
            help: stored.help.as_deref().map(|help| shortened(&unescape(help))).unwrap_or_default(),
            pushed: Moment::new(stored.pushed, seen.now),
            change: seen.before.map_or("", |_| of_family(stored, seen.before_of(stored))),
            query_url: (seen.query_url)(&query_of(stored, &seen.key)),
            size: count_of(lines(stored) as u64, "line", "lines"),
            link: format!("?{}", query.finish()),
            metrics: None,
            pager: None,
        }
    }
}

/// The series of a family; where it has native histograms, as the protobuf has them.
fn metrics_of<'a>(
    stored: &'a FamilyView,
    seen: &'a Seen<'_>,
) -> Box<dyn Iterator<Item = Metric> + 'a> {
    let group = &seen.labels;
    if let Some(records) = &stored.native
        && natives(records).flatten().next().is_some()
    {
        let native = natives(records).flatten();
        return Box::new(native.map(|native| native_metric(native, &stored.name, group)));
    }
    let before = seen.before_of(stored);
    metrics(&stored.text, &stored.name, stored.kind, group, before, seen.now)
}
