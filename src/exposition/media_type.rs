//! Media types, as the headers `Accept` and `Content-Type` spell them.

/// A media type with its parameters, or a range of them. Names compare without regard to case.
#[derive(Debug, Clone, Copy)]
pub struct MediaType<'a> {
    kind: &'a str,
    subkind: &'a str,
    parameters: MediaParameters<'a>,
}

impl<'a> MediaType<'a> {
    /// Reads one media type. `None` when the text has no slash; a lone `*` stands for `*/*`.
    pub fn parse(text: &'a str) -> Option<MediaType<'a>> {
        let (media, parameters) = split_parameters(text);
        let (kind, subkind) = match media.split_once('/') {
            Some((kind, subkind)) => (kind.trim(), subkind.trim()),
            None if media == "*" => ("*", "*"),
            None => return None,
        };
        Some(MediaType { kind, subkind, parameters })
    }

    /// Whether it is this one, whatever its parameters.
    pub fn is(&self, kind: &str, subkind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subkind.eq_ignore_ascii_case(subkind)
    }

    /// Whether it is the protobuf format with each message behind its length.
    pub fn is_delimited_protobuf(&self) -> bool {
        self.is("application", "vnd.google.protobuf")
            && self.parameter("proto") == Some("io.prometheus.client.MetricFamily")
            && self.parameter("encoding") == Some("delimited")
    }

    /// How many of its two parts are not `*`.
    pub fn precision(&self) -> usize {
        usize::from(self.kind != "*") + usize::from(self.subkind != "*")
    }

    /// The weight `q`.
    pub fn weight(&self) -> f64 {
        self.parameters.weight()
    }

    /// The value of a parameter, without the quotes around it.
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.get(name)
    }
}

/// The parameters behind a media type or a content coding: `NAME=VALUE`, with semicolons between them.
#[derive(Debug, Clone, Copy)]
pub struct MediaParameters<'a>(&'a str);

impl<'a> MediaParameters<'a> {
    /// The weight `q`, 1 if there is none. One that is no number is as good as a refusal.
    pub fn weight(self) -> f64 {
        let is_sane = |weight: &f64| weight.is_finite();
        self.get("q").map_or(1.0, |q| q.parse().ok().filter(is_sane).unwrap_or(0.0))
    }

    fn get(self, name: &str) -> Option<&'a str> {
        let mut pairs = self.0.split(';').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
        Some(value.trim().trim_matches('"'))
    }
}

/// Splits an element of a header into its subject and the parameters behind it.
pub fn split_parameters(element: &str) -> (&str, MediaParameters<'_>) {
    let (subject, parameters) = element.split_once(';').unwrap_or((element, ""));
    (subject.trim(), MediaParameters(parameters))
}
