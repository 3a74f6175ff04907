//! How the gateway was built and started, and how full it is.

use askama::Template;

use crate::ui::pages::frame::Frame;
use crate::ui::pages::replicas::ReplicasPart;
use crate::ui::parts::plot::Plot;
use crate::ui::words::time::Moment;

/// The page.
#[derive(Debug, Template)]
#[template(path = "status.html")]
pub struct StatusPage<'a> {
    /// What all pages have.
    pub frame: Frame<'a>,
    /// Names and values that describe the program.
    pub build: Vec<(&'static str, String)>,
    /// When it was started.
    pub started: Option<Moment>,
    /// Why it is not ready, if it is not.
    pub trouble: Option<String>,
    /// Where it listens.
    pub listeners: &'a [String],
    /// The replica set; `None` for a gateway that stands alone.
    pub replicas: Option<ReplicasPart>,
    /// How full it is.
    pub bounds: Vec<Fullness>,
    /// Bounds that a single request meets.
    pub limits: Vec<(&'static str, String)>,
    /// How it is protected and kept on disk.
    pub settings: Vec<(&'static str, String)>,
    /// The rules for groups, each as its selector and its settings; `None` without a file of them.
    pub rules: Option<Vec<(String, String)>>,
    /// Every flag with its value, and whether that is the default.
    pub flags: &'a [(&'static str, String, bool)],
    /// Plots of the shards in the last hour.
    pub plots: Vec<Plot>,
}

/// How much of a resource is used.
#[derive(Debug)]
pub struct Fullness {
    /// What it is.
    pub name: &'static str,
    /// How much is used, in words.
    pub used: String,
    /// How much there can be, in words; empty where there is no bound.
    pub most: String,
    /// In percent, where there is a bound.
    pub percent: Option<u64>,
}

impl Fullness {
    /// Of a resource that may have a bound; `show` puts numbers into words.
    pub fn new(
        name: &'static str,
        used: u64,
        most: Option<u64>,
        show: fn(u64) -> String,
    ) -> Fullness {
        let percent = most.map(|most| used.saturating_mul(100) / most.max(1));
        let percent = percent.map(|percent| percent.min(100));
        Fullness { name, used: show(used), most: most.map(show).unwrap_or_default(), percent }
    }
}
