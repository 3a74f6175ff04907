//! The template of `--web.query-url`: where Prometheus or Grafana shows the answer to a query.

use std::fmt;
use std::str::FromStr;

use form_urlencoded::byte_serialize;

const QUERY: &str = "{query}";
const QUERY_IN_JSON: &str = "{query:json}";

/// A URL with a place for a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryUrl(String);

impl QueryUrl {
    /// The URL that shows this query.
    pub fn of(&self, query: &str) -> String {
        let in_json = query.replace('\\', r"\\").replace('"', "\\\"");
        let encoded = |text: &str| -> String { byte_serialize(text.as_bytes()).collect() };
        self.0.replace(QUERY_IN_JSON, &encoded(&in_json)).replace(QUERY, &encoded(query))
    }
}

impl fmt::Display for QueryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for QueryUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<QueryUrl, &'static str> {
        let is_web = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
        let has_place = [QUERY, QUERY_IN_JSON].iter().any(|place| text.contains(place));
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_web && has_place && is_plain {
            Ok(QueryUrl(text.to_owned()))
        } else {
            Err(
                "expected a URL that begins with http:// or https:// and has {query} where the query goes",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_takes_its_place() {
        let of = |template: &str| {
            template.parse::<QueryUrl>().expect("it is a template").of(r#"m{a="b\\c&d"}"#)
        };
        assert_eq!(
            of("http://p/graph?g0.expr={query}"),
            "http://p/graph?g0.expr=m%7Ba%3D%22b%5C%5Cc%26d%22%7D"
        );
        assert_eq!(
            of("https://g/explore?left=%5B%22{query:json}%22%5D"),
            "https://g/explore?left=%5B%22m%7Ba%3D%5C%22b%5C%5C%5C%5Cc%26d%5C%22%7D%22%5D"
        );
        for bad in ["", "http://p/graph", "javascript:{query}", "http://p/{query} x", "{query}"] {
            assert!(bad.parse::<QueryUrl>().is_err(), "{bad}");
        }
    }
}
