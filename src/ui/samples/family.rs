//! A family of a group: its type, its help text, when it was pushed, and its series, some at a time.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::exposition::{Kind, unescape};
use crate::shard::{FamilyView, Timestamp};
use crate::ui::parts::pager::Pager;
use crate::ui::samples::metric::{Labels, Metric, metrics, native_metric};
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
    /// The page that shows this family alone.
    link: String,
    /// `None` if the family is too large to be shown among others.
    metrics: Option<Vec<Metric>>,
    pager: Option<Pager>,
}

impl HtmlSafe for Family {}

impl Family {
    /// A page of its series, counted from 1.
    pub fn whole(stored: &FamilyView, group: &Labels, page: usize, now: Timestamp) -> Family {
        let per_page = match stored.kind.part_label() {
            None => VALUES_PER_PAGE,
            Some(_) => HISTOGRAMS_PER_PAGE,
        };
        let mut all = metrics_of(stored, group);
        let start = (page - 1).saturating_mul(per_page);
        let (mut shown, mut matching) = (Vec::new(), 0);
        for metric in &mut all {
            if matching >= start && shown.len() < per_page {
                shown.push(metric);
            }
            matching += 1;
        }
        let mut family = Family::closed(stored, now);
        let link = |page: usize| format!("{}&page={page}", family.link);
        let pager = Pager::with(page, per_page, matching, shown.len(), link);
        family.size = count_of(matching as u64, "series", "series");
        family.pager = Some(pager).filter(Pager::has_others);
        family.metrics = Some(shown);
        family
    }

    /// All of its series.
    pub fn open(stored: &FamilyView, group: &Labels, now: Timestamp) -> Family {
        Family { metrics: Some(metrics_of(stored, group).collect()), ..Family::closed(stored, now) }
    }

    /// Only its head, without its series.
    pub fn closed(stored: &FamilyView, now: Timestamp) -> Family {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("family", &stored.name);
        Family {
            name: shortened(&stored.name),
            kind: match stored.kind {
                Kind::GaugeHistogram => "gauge histogram",
                kind => kind.text(),
            },
            help: stored.help.as_deref().map(|help| shortened(&unescape(help))).unwrap_or_default(),
            pushed: Moment::new(stored.pushed, now),
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
    group: &'a Labels,
) -> Box<dyn Iterator<Item = Metric> + 'a> {
    if let Some(records) = &stored.native
        && natives(records).flatten().next().is_some()
    {
        return Box::new(natives(records).flatten().map(|native| native_metric(native, group)));
    }
    metrics(&stored.text, &stored.name, stored.kind, group)
}
