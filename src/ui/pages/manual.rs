//! A page of the manual.

use askama::Template;

use crate::ui::manual::Rendered;
use crate::ui::pages::frame::Frame;

/// The page.
#[derive(Debug, Template)]
#[template(path = "manual.html")]
pub struct ManualPage<'a> {
    /// What all pages have.
    pub frame: Frame<'a>,
    /// The page of the manual.
    pub page: Rendered,
}
