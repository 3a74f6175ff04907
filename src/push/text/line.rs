//! One line of the text format, split into its parts without copying any.
//!
//! ```text
//! line    = [ mark ] blanks [ comment | sample ]
//! comment = "#" blanks ( "HELP" | "TYPE" ) blanks name blanks rest    (any other is skipped)
//! sample  = [ name blanks ] [ "{" items "}" ] blanks value [ blanks timestamp ] blanks
//! items   = [ item { "," item } [ "," ] ]
//! item    = blanks ( label | name ) blanks
//! label   = name blanks "=" blanks '"' value '"'
//! name    = legacy-name | '"' any-name '"'
//! ```
//!
//! A sample has one metric name, before the braces or anywhere inside them. The mark is the byte order mark that editors on
//! Windows put before a text: files that are put together have one wherever another file begins. The text of a HELP ends
//! where the line ends, and the type of a TYPE before any blanks there.
//!
//! Values keep their escapes, which are checked here: the output needs the same ones. Names come out without quotes and
//! escapes, so that a name is the same however it is spelled.
//!
//! The likely case comes first everywhere: the names of the line before, single blanks, a number that ends the line.

use crate::push::error::SyntaxErrorKind;
use crate::push::key::GroupingKey;
use crate::push::samples::labels::{Label, Labels};
use crate::push::samples::names::Names;
use crate::push::samples::number::Number;
use crate::push::text::cursor::{Cursor, LABEL_NAME, is_blank};

/// What a line says.
#[derive(Debug)]
pub(crate) enum Line<'a> {
    /// Nothing: it is empty, or a comment for humans.
    Nothing,
    /// A help text, its escapes unchecked.
    Help { name: &'a [u8], text: &'a [u8] },
    /// A type.
    Type { name: &'a [u8], kind: &'a [u8] },
    /// A `HELP` or `TYPE` with a name and nothing behind it.
    Mention { name: &'a [u8] },
    /// A sample; its labels are handed over apart.
    Sample(Sample<'a>),
}

/// A sample without its labels.
#[derive(Debug)]
pub(crate) struct Sample<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: Number<'a>,
    pub(crate) has_timestamp: bool,
    /// The line up to the value, where it has labels and all of it is spelled as the output spells it; else empty.
    pub(crate) canonical: &'a [u8],
}

/// What lines are read by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grammar<'a> {
    pub(crate) names: Names<'a>,
    pub(crate) key: &'a GroupingKey,
    /// More labels than this are an error.
    pub(crate) labels_max: usize,
}

impl<'a> Grammar<'a> {
    /// Splits `line`, which holds no line feed. A sample's labels are left in `labels`. `likely` is the
    /// metric name that the line is probably about, most often that of the line before.
    #[inline]
    pub(crate) fn split(
        self,
        line: &'a [u8],
        likely: &'a [u8],
        labels: &mut Labels<'a>,
    ) -> Result<Line<'a>, SyntaxErrorKind> {
        self.split_at(&mut self.cursor(line), likely, labels)
    }

    pub(crate) fn cursor(self, line: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: line, names: self.names }
    }

    /// The same from a cursor on. Where the line cannot be read, the cursor stands at what is wrong, or just behind it.
    #[inline]
    pub(crate) fn split_at(
        self,
        cursor: &mut Cursor<'a>,
        likely: &'a [u8],
        labels: &mut Labels<'a>,
    ) -> Result<Line<'a>, SyntaxErrorKind> {
        cursor.skip_blanks();
        match cursor.peek() {
            None => Ok(Line::Nothing),
            Some(b'#') => {
                cursor.advance(1);
                comment(cursor, likely)
            }
            Some(_) => self.sample(cursor, likely, labels).map(Line::Sample),
        }
    }

    fn sample(
        self,
        cursor: &mut Cursor<'a>,
        likely: &'a [u8],
        labels: &mut Labels<'a>,
    ) -> Result<Sample<'a>, SyntaxErrorKind> {
        let line = cursor.rest;
        let name = self.name_and_labels(cursor, likely, labels)?;
        if let Some(value) = Number::canonical(cursor.rest) {
            let canonical = canonical_up_to_value(line, name, value, labels);
            return Ok(Sample { name, value, has_timestamp: false, canonical });
        }
        let value = Number::parse(cursor.until_blank()).ok_or(SyntaxErrorKind::Value)?;
        if cursor.rest.is_empty() {
            let canonical = canonical_up_to_value(line, name, value, labels);
            return Ok(Sample { name, value, has_timestamp: false, canonical });
        }
        cursor.skip_blanks();
        if cursor.rest.is_empty() {
            return Ok(Sample { name, value, has_timestamp: false, canonical: b"" });
        }
        if !is_integer(cursor.until_blank()) {
            return Err(SyntaxErrorKind::Timestamp);
        }
        cursor.skip_blanks();
        if !cursor.rest.is_empty() {
            return Err(SyntaxErrorKind::AfterTimestamp);
        }
        Ok(Sample { name, value, has_timestamp: true, canonical: b"" })
    }

    /// Takes what a sample has before its value, and the blanks behind that. Answers the name.
    #[inline(always)]
    pub(crate) fn name_and_labels(
        self,
        cursor: &mut Cursor<'a>,
        likely: &'a [u8],
        labels: &mut Labels<'a>,
    ) -> Result<&'a [u8], SyntaxErrorKind> {
        labels.begin();
        let mut name = None;
        if cursor.peek() != Some(b'{') {
            let written = cursor.metric_name(likely, SyntaxErrorKind::MetricName)?;
            name = Some(written.of_metric(cursor.names).ok_or(SyntaxErrorKind::MetricName)?);
            cursor.skip_blanks();
        }
        if cursor.peek() == Some(b'{') {
            self.braced(cursor, &mut name, labels)?;
            cursor.skip_blanks();
        }
        name.ok_or(SyntaxErrorKind::MetricName)
    }

    /// Takes labels in braces, and the metric name where there was none before.
    #[inline(always)]
    pub(crate) fn braced(
        self,
        cursor: &mut Cursor<'a>,
        name: &mut Option<&'a [u8]>,
        labels: &mut Labels<'a>,
    ) -> Result<(), SyntaxErrorKind> {
        cursor.advance(1);
        read_items(cursor, name, self.labels_max, labels)?;
        if labels.end(self.key) { Ok(()) } else { Err(SyntaxErrorKind::DuplicateLabelName) }
    }
}

/// What [`Sample::canonical`] is for a line that ends in its value.
fn canonical_up_to_value<'a>(
    line: &'a [u8],
    name: &[u8],
    value: Number<'_>,
    labels: &Labels<'_>,
) -> &'a [u8] {
    let (before, _) = line.split_at(line.len() - value.text_bytes());
    // With the blank that is due before the value, anything else that is not would make the line longer.
    let bytes = name.len() + "{".len() + labels.canonical_bytes() + "} ".len();
    let is_canonical = !labels.list.is_empty() && before.len() == bytes && before.ends_with(b"} ");
    if is_canonical { before } else { b"" }
}

fn comment<'a>(cursor: &mut Cursor<'a>, likely: &'a [u8]) -> Result<Line<'a>, SyntaxErrorKind> {
    cursor.skip_blanks();
    let is_help = match cursor.rest {
        [b'H', b'E', b'L', b'P', b' ' | b'\t', ..] => true,
        [b'T', b'Y', b'P', b'E', b' ' | b'\t', ..] => false,
        _ => return Ok(Line::Nothing),
    };
    cursor.advance("HELP ".len());
    cursor.skip_blanks();
    if cursor.rest.is_empty() {
        return Ok(Line::Nothing);
    }
    let name = cursor.metric_name(likely, SyntaxErrorKind::CommentName)?;
    match cursor.peek() {
        None => return Ok(Line::Nothing),
        Some(byte) if is_blank(byte) => cursor.skip_blanks(),
        Some(_) => return Err(SyntaxErrorKind::CommentName),
    }
    let name = name.of_metric(cursor.names).ok_or(SyntaxErrorKind::CommentName)?;
    let rest = cursor.rest;
    Ok(match is_help {
        _ if rest.is_empty() => Line::Mention { name },
        true => Line::Help { name, text: rest },
        false => Line::Type { name, kind: rest.trim_ascii_end() },
    })
}

/// Reads up to the closing brace: labels, and the metric name if there was none before the braces.
fn read_items<'a>(
    cursor: &mut Cursor<'a>,
    metric: &mut Option<&'a [u8]>,
    labels_max: usize,
    labels: &mut Labels<'a>,
) -> Result<(), SyntaxErrorKind> {
    loop {
        cursor.skip_blanks();
        if cursor.peek() == Some(b'}') {
            break;
        }
        let start = cursor.rest;
        let likely = labels.likely_name().and_then(|name| {
            let quoted = start.strip_prefix(name)?.strip_prefix(b"=\"")?;
            Some((name, quoted))
        });
        if let Some((name, quoted)) = likely {
            cursor.rest = quoted;
            let label = label(cursor, start, name, labels_max, labels)?;
            labels.push_likely(label);
        } else {
            let name = cursor.name(LABEL_NAME, SyntaxErrorKind::LabelName)?;
            cursor.skip_blanks();
            if cursor.expect(b'=').is_some() {
                let name = name.of_label(cursor.names).ok_or(SyntaxErrorKind::LabelName)?;
                if name == b"__name__" {
                    return Err(SyntaxErrorKind::ReservedLabelName);
                }
                cursor.skip_blanks();
                cursor.expect(b'"').ok_or(SyntaxErrorKind::LabelQuote)?;
                let label = label(cursor, start, name, labels_max, labels)?;
                labels.push(label, start.starts_with(b"\""));
            } else if metric.is_none() {
                *metric = Some(name.of_metric(cursor.names).ok_or(SyntaxErrorKind::MetricName)?);
            } else {
                return Err(SyntaxErrorKind::LabelEquals);
            }
        }
        cursor.skip_blanks();
        match cursor.peek() {
            Some(b',') => cursor.advance(1),
            Some(b'}') => break,
            _ => return Err(SyntaxErrorKind::LabelEnd),
        }
    }
    cursor.advance(1);
    Ok(())
}

/// The label that began at `start`, of which the value is next.
fn label<'a>(
    cursor: &mut Cursor<'a>,
    start: &'a [u8],
    name: &'a [u8],
    labels_max: usize,
    labels: &Labels<'a>,
) -> Result<Label<'a>, SyntaxErrorKind> {
    let value = cursor.quoted()?;
    if labels.list.len() >= labels_max {
        return Err(SyntaxErrorKind::TooManyLabels); // Any number of them would be gathered.
    }
    let whole = &start[..start.len() - cursor.rest.len()];
    Ok(Label { name, value, whole, is_raw: false })
}

/// Whether `text` is a timestamp: an integer of 64 bits in decimal.
fn is_integer(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<i64>().is_ok())
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
