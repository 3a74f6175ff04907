//! The frame of every page: the prefix of its links, and the navigation.

use crate::ui::assets::{self, PLOTS};

/// Where the gateway is reached, and what it allows.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// What all paths begin with, ready to be sent; empty for nothing.
    pub prefix: &'a str,
    /// The path of the scrape, behind the prefix.
    pub telemetry_path: &'a str,
    /// Whether everything may be wiped here.
    pub is_admin: bool,
    /// The path of the section that the page belongs to.
    pub section: &'static str,
    /// What goes into forms, so that only our own pages can send them.
    pub token: &'a str,
}

/// The sections, by their paths.
pub(crate) const SECTIONS: [(&str, &str); 6] = [
    ("/", "Overview"),
    ("/groups", "Groups"),
    ("/jobs", "Jobs"),
    ("/rejections", "Rejections"),
    ("/check", "Check"),
    ("/status", "Status"),
];

impl Frame<'_> {
    /// The URL of an asset, which changes with it.
    pub(crate) fn asset(&self, name: &str) -> String {
        format!("{}/static/{name}?v={}", self.prefix, assets::hash(name))
    }

    /// The style sheets and scripts of the plots.
    pub(crate) fn plot_assets(&self, ending: &'static str) -> impl Iterator<Item = String> {
        PLOTS.iter().filter(move |name| name.ends_with(ending)).map(|name| self.asset(name))
    }

    pub(crate) fn is_in(&self, section: &str) -> bool {
        self.section == section
    }
}
