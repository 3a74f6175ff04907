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

    /// Whether it is spelled as MIME asks: each name is a token, and each parameter is there once and has a token or a
    /// text in quotes as its value.
    pub fn is_well_formed(&self) -> bool {
        let MediaParameters(mut rest) = self.parameters;
        let mut names: Vec<String> = Vec::new();
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return is_token(self.kind) && is_token(self.subkind);
            }
            let Some((name, value)) = rest.split_once('=') else { return false };
            let (name, value) = (name.trim_end().to_ascii_lowercase(), value.trim_start());
            let Some(value_end) = value_end(value).filter(|_| is_token(&name)) else {
                return false;
            };
            if names.contains(&name) {
                return false;
            }
            names.push(name);
            rest = value[value_end..].trim_start();
            match rest.strip_prefix(';') {
                Some(behind) => rest = behind,
                None if rest.is_empty() => {}
                None => return false,
            }
        }
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

/// Where the token or the text in quotes ends that `text` begins with.
fn value_end(text: &str) -> Option<usize> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|char: char| !is_token_char(char)).unwrap_or(text.len());
        return (end > 0).then_some(end);
    };
    let mut is_escaped = false;
    let closing = quoted.find(|char: char| {
        let closes = char == '"' && !is_escaped;
        is_escaped = char == '\\' && !is_escaped;
        closes
    })?;
    Some(closing + 2 * "\"".len())
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_token_char)
}

fn is_token_char(char: char) -> bool {
    char.is_ascii_graphic() && !"()<>@,;:\\\"/[]?=".contains(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_well_formed_as_mime_asks() {
        let is_well_formed =
            |text| MediaType::parse(text).is_some_and(|media| media.is_well_formed());
        for text in [
            "a/b",
            "a/b;",
            "a/b; c=d; E=\"f;\\\"=\"",
            " a/b ;c = d ; ",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
        ] {
            assert!(is_well_formed(text), "{text}");
        }
        for text in [
            "a/b; c",
            "a/b; c=",
            "a/b; c=d e",
            "a/b; c=d; C=e",
            "a/b; c=\"d",
            "a/b;; c=d",
            "a b/c",
            "a/b/c",
            "a/",
            "a/b; =d",
        ] {
            assert!(!is_well_formed(text), "{text}");
        }
    }
}
