//! Lines as client libraries write them, read in one go.
//!
//! Nearly every line has single blanks in the usual places, no escapes, and its labels sorted. Such a
//! line is taken here at a fraction of the cost of [`super::line`], which knows all of the grammar and
//! reads whatever is left.
//!
//! **Invariant:** a line that is taken here would mean the same there, and one that is not is as if it
//! had not been looked at.

use memchr::memchr;

use super::cursor::{CLASS, LABEL_NAME, METRIC_NAME};
use super::decode::Decoder;
use super::line::{Label, Labels};
use super::number::Number;
use crate::exposition::Kind;

impl<'a> Decoder<'a, '_> {
    /// Takes the first line of `body`, and answers what is behind it. `None` when the line is not as
    /// usual, be it right or wrong.
    pub(super) fn usual_line(
        &mut self,
        body: &'a [u8],
        labels: &mut Labels<'a>,
    ) -> Option<&'a [u8]> {
        if let [b'#', b' ', comment @ ..] = body {
            return self.usual_comment(comment);
        }
        let (name, tail) = self.usual_name(body)?;
        // Any line that begins so is a sample of that family, or an error.
        let (family, role) = self.families.resolve(name);
        let kind = *self.families.list[family].kind.get_or_insert(Kind::Untyped);
        labels.clear();
        let tail = match tail {
            [b'{', labelled @ ..] => {
                let behind = usual_labels(labelled, self.rules.labels_max, labels)?;
                // No label is longer than all of them. What may be too much is looked at where it can be named.
                let may_be_long = labelled.len() - behind.len() > self.rules.label_bytes_max;
                if may_be_long || labels.len() + self.key.len() > self.rules.labels_max {
                    return None;
                }
                behind
            }
            _ => tail,
        };
        let (value, rest) = usual_value(tail)?;
        self.sample(family, kind, role, labels, value).ok()?;
        Some(rest)
    }

    fn usual_comment(&mut self, comment: &'a [u8]) -> Option<&'a [u8]> {
        let (keyword, comment) = comment.split_at_checked(5)?;
        let (name, text) = self.usual_name(comment)?;
        let text = text.strip_prefix(b" ")?;
        let (text, rest) = text.split_at(memchr(b'\n', text)?);
        if matches!(text, [] | [b' ' | b'\t', ..] | [.., b'\r']) {
            return None;
        }
        match keyword {
            b"HELP " => self.help(name, text).ok()?,
            b"TYPE " => self.kind(name, text).ok()?,
            _ => return None,
        }
        Some(&rest[1..])
    }

    /// Takes a metric name. The one of the line before comes back as that very slice: comparing is
    /// many times cheaper than looking at each byte.
    fn usual_name(&self, body: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let likely = self.families.last_name();
        if let Some(tail) = body.strip_prefix(likely)
            && !likely.is_empty()
            && !tail.first().is_some_and(|&byte| is_any(byte, METRIC_NAME))
        {
            return Some((likely, tail));
        }
        let (name, tail) = body.split_at(len_of(METRIC_NAME, body));
        (!name.first()?.is_ascii_digit()).then_some((name, tail))
    }
}

/// Reads labels up to the closing brace, and answers what is behind it. More than `labels_max` are not as usual.
fn usual_labels<'a>(
    body: &'a [u8],
    labels_max: usize,
    labels: &mut Labels<'a>,
) -> Option<&'a [u8]> {
    let (mut last, mut rest): (&[u8], _) = (b"", body);
    loop {
        let name = &rest[..len_of(LABEL_NAME, rest)];
        let quoted = rest[name.len()..].strip_prefix(b"=\"")?;
        if labels.len() >= labels_max {
            return None;
        }
        if name.first()?.is_ascii_digit() || name.starts_with(b"__") || name <= last {
            return None;
        }
        let end = quoted.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n'))?;
        let (value, behind) = quoted.split_at(end);
        let behind = behind.strip_prefix(b"\"")?;
        labels.push(Label { name, value, whole: &rest[..rest.len() - behind.len()] });
        last = name;
        rest = match behind {
            [b',', rest @ ..] => rest,
            [b'}', rest @ ..] => return Some(rest),
            _ => return None,
        };
    }
}

/// Reads a blank, a number, and the end of the line.
fn usual_value(tail: &[u8]) -> Option<(Number<'_>, &[u8])> {
    let tail = tail.strip_prefix(b" ")?;
    let end = tail.iter().position(|&byte| byte == b'\n')?;
    Some((Number::parse(&tail[..end])?, &tail[end + 1..]))
}

/// How many bytes at the front are in any of `classes`.
fn len_of(classes: u8, body: &[u8]) -> usize {
    body.iter().position(|&byte| !is_any(byte, classes)).unwrap_or(body.len())
}

fn is_any(byte: u8, classes: u8) -> bool {
    CLASS[byte as usize] & classes != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::exposition::NameRules;
    use crate::push::{GroupingKey, decode};

    fn name() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "m",
            "h",
            "h_sum",
            "h_count",
            "h_bucket",
            "m2",
            "9",
            "push_time_seconds",
        ])
    }

    fn labels() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec![
            "le", "a", "job", "instance", "z", "zz", "_", "__x", "__name__", "",
        ]);
        let value =
            prop::sample::select(vec!["1", "0.5", "", "a b", "\\n", "\\x", "\"", "+Inf", "é"]);
        let label = (name, value).prop_map(|(name, value)| format!("{name}=\"{value}\""));
        prop_oneof![
            3 => Just(String::new()),
            5 => prop::collection::vec(label, 1..4).prop_map(|labels| format!("{{{}}}", labels.join(","))),
            1 => Just("{}".to_owned()),
            1 => Just("{a=\"1\",}".to_owned()),
        ]
    }

    fn line() -> impl Strategy<Value = String> {
        let value = prop::sample::select(vec![
            "1", "-1", "2.5", "1.0", "NaN", "x", "1 2", " 1", "1 ", "", "1e+06",
        ]);
        let text = prop::sample::select(vec![
            "counter",
            "histogram",
            "summary",
            "a b",
            "\\\\",
            "\\",
            " x",
            "",
        ]);
        let keyword = prop::sample::select(vec!["HELP", "TYPE", "OTHER"]);
        prop_oneof![
            3 => (name(), labels(), value).prop_map(|(name, labels, value)| format!("{name}{labels} {value}")),
            1 => (keyword, name(), text).prop_map(|(keyword, name, text)| format!("# {keyword} {name} {text}")),
            1 => Just("# TYPE h histogram".to_owned()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn a_line_means_the_same_when_it_is_not_as_usual_and_whatever_names_are_allowed(
            lines in prop::collection::vec(line(), 1..6),
            path in prop::sample::select(vec!["/j", "/j/instance/i", "/j/m/1/zone/z", "/j/le/1"]),
            end in prop::sample::select(vec!["\n", "\r\n"]),
        ) {
            let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path");
            let usual: String = lines.iter().map(|line| format!("{line}{end}")).collect();
            // A blank at its front changes nothing about a line, except that it is not as usual.
            let unusual: String = lines.iter().map(|line| format!(" {line}{end}")).collect();
            let decoded = |body: &str, rules| match decode(&key, body.as_bytes(), rules) {
                Ok(batch) => {
                    let family = |family| {
                        (batch.name(family), batch.help(family), batch.text(family), batch.series(family))
                    };
                    format!("{:?}", batch.families.iter().map(family).collect::<Vec<_>>())
                }
                Err(rejected) => format!("{rejected:?}"),
            };
            let expected = decoded(&unusual, NameRules::Legacy);
            prop_assert_eq!(&decoded(&usual, NameRules::Legacy), &expected);
            prop_assert_eq!(&decoded(&usual, NameRules::Utf8), &expected);
            prop_assert_eq!(&decoded(&unusual, NameRules::Utf8), &expected);
        }
    }
}
