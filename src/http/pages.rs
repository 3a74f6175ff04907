//! The pages for people.

use std::fmt::Write;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;

use super::Http;
use super::reply::{Reply, and_confined, with_type};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

impl Http {
    /// What this is, what it holds, and how it was started.
    pub(super) fn status_page(&self) -> Reply {
        let (mut groups, mut series) = (0, 0);
        for (stats, _) in self.shards.stats() {
            groups += stats.groups();
            series += stats.series();
        }
        let mut flags = String::new();
        for (name, value) in &self.config.flags {
            let value = escape(value);
            writeln!(flags, "<tr><th scope=\"row\">--{name}</th><td>{value}</td></tr>")
                .expect("writing to memory cannot fail");
        }
        let page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>shardgate</title>\n\
             <h1>shardgate {version}</h1>\n\
             <p>{groups} groups, {series} series. Started {started}.</p>\n\
             <ul>\n<li><a href=\"{metrics}\">Metrics</a></li>\n\
             <li><a href=\"/api/v1/metrics\">Groups as JSON</a></li>\n</ul>\n\
             <table>\n<caption>Flags</caption>\n{flags}</table>\n</html>\n",
            version = env!("CARGO_PKG_VERSION"),
            started = humantime::format_rfc3339_seconds(self.started),
            metrics = escape(&self.config.web.telemetry_path),
        );
        and_confined(with_type(StatusCode::OK, HTML, Bytes::from(page).into()))
    }
}

/// Text as it stands in HTML, inside or outside of a quoted attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
