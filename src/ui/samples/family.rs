//! A family of a group: its type, its help text, when it was pushed, and its series, some at a time.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::exposition::{Kind, unescape};
use crate::shard::Timestamp;
use crate::ui::parts::pager::Pager;
use crate::ui::samples::metric::{Labels, Metric, metrics, native_metric};
use crate::ui::samples::native::natives;
use crate::ui::words::quantity::{count_of, shortened};
use crate::ui::words::time::Moment;

/// How many lines a family may have to be shown among the others.
pub const LINES_INLINE_MAX: usize = 100;
/// How many numbers of a family are on a page;
const VALUES_PER_PAGE: usize = 100;
/// how many histograms or summaries.
const HISTOGRAMS_PER_PAGE: usize = 10;

/// What a group holds of a family, as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// The family's name.
    pub name: &'a str,
    /// Its kind.
    pub kind: Kind,
    /// The help text that the group brought, escaped.
    pub help: Option<&'a str>,
    /// When it was pushed.
    pub pushed: Timestamp,
    /// Its samples, rendered.
    pub text: &'a [u8],
    /// The same as `metric` records of protobuf, where the text loses something.
    pub native: Option<&'a [u8]>,
}

impl Stored<'_> {
    /// How many lines a scrape shows of it.
    pub fn lines(&self) -> usize {
        memchr::memchr_iter(b'\n', self.text).count()
    }
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
    /// Where it is shown by itself.
    link: String,
    /// `None` where it is too large to be shown among others.
    metrics: Option<Vec<Metric>>,
    pager: Option<Pager>,
}

impl HtmlSafe for Family {}

impl Family {
    /// A page of its series, counted from 1.
    pub fn whole(stored: &Stored<'_>, group: &Labels, page: usize, now: Timestamp) -> Family {
        let per_page = match stored.kind.part_label() {
            None => VALUES_PER_PAGE,
            Some(_) => HISTOGRAMS_PER_PAGE,
        };
        let mut all = stored.metrics(group);
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
    pub fn open(stored: &Stored<'_>, group: &Labels, now: Timestamp) -> Family {
        Family { metrics: Some(stored.metrics(group).collect()), ..Family::closed(stored, now) }
    }

    /// Only what there is to say about it.
    pub fn closed(stored: &Stored<'_>, now: Timestamp) -> Family {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("family", stored.name);
        Family {
            name: shortened(stored.name),
            kind: match stored.kind {
                Kind::GaugeHistogram => "gauge histogram",
                kind => kind.text(),
            },
            help: stored.help.map(|help| shortened(&unescape(help))).unwrap_or_default(),
            pushed: Moment::new(stored.pushed, now),
            size: count_of(stored.lines() as u64, "line", "lines"),
            link: format!("?{}", query.finish()),
            metrics: None,
            pager: None,
        }
    }
}

impl<'a> Stored<'a> {
    /// Its series, as the protobuf has them where those are native histograms.
    fn metrics(&self, group: &'a Labels) -> Box<dyn Iterator<Item = Metric> + 'a> {
        if let Some(records) = self.native
            && natives(records).next().is_some()
        {
            return Box::new(natives(records).map(|native| native_metric(native, group)));
        }
        metrics(self.text, self.name, self.kind, group)
    }
}
