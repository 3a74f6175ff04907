//! A plot of the last hour. A script draws it; without one the page shows the latest value.

use askama::Template;
use askama::filters::HtmlSafe;

/// A plot.
#[derive(Debug, Template)]
#[template(
    source = r#"<figure><figcaption>{{ title }}</figcaption><div class="plot" data-series="{{ series }}" role="img" aria-label="{{ title }}: {{ now }}"><p>{{ now }}</p></div></figure>"#,
    ext = "html"
)]
pub struct Plot {
    /// What it shows, and in which unit.
    pub title: &'static str,
    /// The columns of `/api/v1/history`, separated by blanks.
    pub series: &'static str,
    /// The present value, in words.
    pub now: String,
}

impl HtmlSafe for Plot {}
