//! What a scraper asks for: the format, the escaping of names, the compression.
//!
//! Follows the reference (`NegotiateIncludingOpenMetrics` in prometheus/common), except that
//! - the protobuf encodings `text` and `compact-text`, which are for looking at, are not served: who asks
//!   for nothing else gets the text format;
//! - what has a weight of 0 is refused, as HTTP has it;
//! - the `Content-Type` names the escaping only if the scraper has named one.

use crate::exposition::{Escaping, MediaType, split_parameters};

/// The escaping for those who do not name one.
const DEFAULT_ESCAPING: Escaping = Escaping::Underscores;

/// A format that an exposition can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// The text format 0.0.4.
    Text,
    /// `io.prometheus.client.MetricFamily` messages, each behind its length.
    Protobuf,
    /// The OpenMetrics text format. Its versions differ in nothing that is written here.
    OpenMetrics(OpenMetricsVersion),
}

/// A version of OpenMetrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpenMetricsVersion {
    /// 0.0.1, for those who name no version as well.
    V0_0_1,
    /// 1.0.0.
    V1_0_0,
}

/// What an `Accept` header comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiated {
    /// The format to answer in.
    pub format: Format,
    /// How to show names outside the classic grammar.
    pub escaping: Escaping,
    /// Whether the scraper has named that escaping.
    pub is_escaping_named: bool,
}

impl Negotiated {
    /// The `Content-Type` of the answer.
    pub fn content_type(&self) -> String {
        let format = match self.format {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
                 encoding=delimited"
            }
            Format::OpenMetrics(OpenMetricsVersion::V0_0_1) => {
                "application/openmetrics-text; version=0.0.1; charset=utf-8"
            }
            Format::OpenMetrics(OpenMetricsVersion::V1_0_0) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        };
        if self.is_escaping_named {
            format!("{format}; escaping={}", self.escaping.term())
        } else {
            format.to_owned()
        }
    }
}

/// The best of what `accept`, the values of all `Accept` headers, asks for and is served; the text
/// format if that is nothing.
///
/// An escaping counts for whatever is chosen once it has been named with the choice or with something
/// that would have been liked better. Prometheus relies on it: it names `allow-utf-8` with
/// `text/plain;version=1.0.0` and takes version 0.0.4 in its stead.
pub fn negotiate<'a>(
    accept: impl IntoIterator<Item = &'a str>,
    open_metrics_enabled: bool,
) -> Negotiated {
    let mut ranges: Vec<MediaType<'_>> = elements(accept)
        .filter_map(MediaType::parse)
        .filter(|range| range.weight() > 0.0)
        .collect();
    // Stable: of those liked equally the first is taken.
    ranges.sort_by(|a, b| {
        b.weight().total_cmp(&a.weight()).then_with(|| b.precision().cmp(&a.precision()))
    });
    let mut negotiated =
        Negotiated { format: Format::Text, escaping: DEFAULT_ESCAPING, is_escaping_named: false };
    for range in ranges {
        if let Some(escaping) = range.parameter("escaping").and_then(Escaping::parse) {
            negotiated.escaping = escaping;
            negotiated.is_escaping_named = true;
        }
        if let Some(format) = format(&range, open_metrics_enabled) {
            negotiated.format = format;
            break;
        }
    }
    negotiated
}

/// Whether gzip is acceptable by `accept_encoding`, the values of all `Accept-Encoding` headers, and
/// the uncompressed answer is not liked better.
pub fn accepts_gzip<'a>(accept_encoding: impl IntoIterator<Item = &'a str>) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    for element in elements(accept_encoding) {
        let (coding, parameters) = split_parameters(element);
        let named = match coding {
            "*" => &mut any,
            _ if coding.eq_ignore_ascii_case("gzip") => &mut gzip,
            _ if coding.eq_ignore_ascii_case("identity") => &mut identity,
            _ => continue,
        };
        *named = Some(parameters.weight());
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= identity.unwrap_or(0.0)
}

/// The format that an element of an `Accept` header asks for, if that is served. `*/*` asks for nothing in
/// particular, and is left to what is served in the end.
fn format(range: &MediaType<'_>, open_metrics_enabled: bool) -> Option<Format> {
    let version = range.parameter("version").filter(|version| !version.is_empty());
    if range.is("text", "plain") {
        return version.is_none_or(|version| version == "0.0.4").then_some(Format::Text);
    }
    if range.is_delimited_protobuf() {
        return Some(Format::Protobuf);
    }
    if range.is("application", "openmetrics-text") && open_metrics_enabled {
        return match version {
            None | Some("0.0.1") => Some(Format::OpenMetrics(OpenMetricsVersion::V0_0_1)),
            Some("1.0.0") => Some(Format::OpenMetrics(OpenMetricsVersion::V1_0_0)),
            Some(_) => None,
        };
    }
    None
}

fn elements<'a>(values: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    values.into_iter().flat_map(|value| value.split(','))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

    fn content_type(accept: &str) -> String {
        negotiate([accept], true).content_type()
    }

    #[test]
    fn without_a_wish_the_answer_is_the_text_format_under_its_plain_name() {
        for accept in [
            "",
            "*/*",
            "*",
            "text/*",
            "text/html, application/xhtml+xml;q=0.9, */*;q=0.8",
            "text/plain",
            "text/plain;version=0.0.4",
            "text/plain;version=1.0.0",
            "application/vnd.google.protobuf",
            "text/plain;version=0.0.4;escaping=shouting",
            ";;;,,/,=",
        ] {
            assert_eq!(
                content_type(accept),
                "text/plain; version=0.0.4; charset=utf-8",
                "{accept}"
            );
        }
        assert_eq!(negotiate([], true).format, Format::Text);
    }

    #[test]
    fn protobuf_is_served_delimited_only() {
        assert_eq!(
            content_type(PROTOBUF),
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
             encoding=delimited"
        );
        for encoding in ["text", "compact-text", "", "Delimited"] {
            let accept = PROTOBUF.replace("delimited", encoding);
            assert_eq!(negotiate([&accept[..]], true).format, Format::Text, "{accept}");
        }
        let other = PROTOBUF.replace("MetricFamily", "Metric");
        assert_eq!(negotiate([&other[..]], true).format, Format::Text);
    }

    #[test]
    fn what_prometheus_asks_for_by_default_is_answered_as_the_reference_answers_it() {
        let scrape = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                      application/openmetrics-text;version=0.0.1;q=0.4,\
                      text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
                      text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        assert_eq!(
            content_type(scrape),
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
        );
        let without = negotiate([scrape], false);
        assert_eq!(
            without.content_type(),
            "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"
        );
        let native = format!("{PROTOBUF};escaping=allow-utf-8;q=0.6,{scrape}");
        let native = negotiate([&native[..]], true);
        assert_eq!((native.format, native.escaping), (Format::Protobuf, Escaping::AllowUtf8));
    }

    #[test]
    fn open_metrics_is_served_in_the_version_asked_for_if_enabled() {
        for (parameters, version) in [
            ("", OpenMetricsVersion::V0_0_1),
            ("; version=0.0.1; charset=utf-8", OpenMetricsVersion::V0_0_1),
            (";version=1.0.0", OpenMetricsVersion::V1_0_0),
        ] {
            let accept = format!("application/openmetrics-text{parameters}");
            assert_eq!(negotiate([&accept[..]], true).format, Format::OpenMetrics(version));
            assert_eq!(negotiate([&accept[..]], false).format, Format::Text);
        }
        assert_eq!(
            negotiate(["application/openmetrics-text;version=2.0.0"], true).format,
            Format::Text
        );
    }

    #[test]
    fn the_heavier_wins_then_the_more_precise_then_the_first() {
        let format = |accept: &str| negotiate(accept.split('|'), true).format;
        assert_eq!(format(&format!("text/plain;q=0.3,{PROTOBUF};q=0.4")), Format::Protobuf);
        assert_eq!(format(&format!("text/plain;q=0.4,{PROTOBUF};q=0.3")), Format::Text);
        assert_eq!(format(&format!("*/*,{PROTOBUF}")), Format::Protobuf);
        assert_eq!(format(&format!("text/plain,{PROTOBUF}")), Format::Text);
        assert_eq!(format(&format!("{PROTOBUF}|text/plain")), Format::Protobuf);
        assert_eq!(format(&format!("{PROTOBUF};q=0")), Format::Text);
        assert_eq!(format(&format!("{PROTOBUF};q=much,text/plain;q=0.1")), Format::Text);
    }

    #[test]
    fn an_escaping_named_with_a_lesser_wish_does_not_count() {
        let negotiated = negotiate(["text/plain,text/plain;q=0.5;escaping=dots"], true);
        assert_eq!((negotiated.escaping, negotiated.is_escaping_named), (DEFAULT_ESCAPING, false));
        assert_eq!(
            content_type("text/plain; escaping=values"),
            "text/plain; version=0.0.4; charset=utf-8; escaping=values"
        );
    }

    #[test]
    fn gzip_is_used_where_it_is_acceptable_and_nothing_is_liked_better() {
        for accept in ["gzip", "deflate, GZIP;q=0.5", "*", "br, *;q=0.1", "gzip, identity"] {
            assert!(accepts_gzip([accept]), "{accept}");
        }
        for accept in [
            "",
            "identity",
            "br",
            "gzip;q=0",
            "gzip; q=0.000",
            "*, gzip;q=0",
            "*;q=0",
            "gzip;q=0.5, identity",
            "gzip;q=x",
            "gzipped",
        ] {
            assert!(!accepts_gzip([accept]), "{accept}");
        }
        assert!(accepts_gzip(["br", "gzip"]));
    }
}
