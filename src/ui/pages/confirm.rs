//! The page that asks before something is deleted, and the page that says one thing.

use askama::Template;

use crate::ui::pages::frame::Frame;
use crate::ui::parts::table::GroupLine;
use crate::ui::words::quantity::count_of;

/// How many of the groups that go are named.
pub const NAMED_MAX: usize = 20;

/// The page.
#[derive(Debug, Template)]
#[template(path = "confirm.html")]
pub struct ConfirmPage<'a> {
    /// What all pages have.
    pub frame: Frame<'a>,
    /// What is asked.
    pub question: String,
    /// The words on the button.
    pub answer: String,
    /// Where the form goes, behind the prefix.
    pub action: &'static str,
    /// What the form sends along besides the token.
    pub fields: Vec<(&'static str, String)>,
    /// How many sources of sums go along, which are not among the groups.
    pub sources: u64,
    /// Some of the groups that go.
    pub groups: Vec<GroupLine>,
    /// How many more.
    pub groups_left: usize,
    /// Where to go back to, behind the prefix.
    pub back: String,
}

impl ConfirmPage<'_> {
    fn sources_words(&self) -> String {
        count_of(self.sources, "source", "sources")
    }

    fn left(&self) -> String {
        count_of(self.groups_left as u64, "group", "groups")
    }
}

/// A page that says one thing.
#[derive(Debug, Template)]
#[template(path = "message.html")]
pub struct MessagePage<'a> {
    /// What all pages have.
    pub frame: Frame<'a>,
    /// What it is about.
    pub title: &'a str,
    /// What there is to say.
    pub text: &'a str,
}
