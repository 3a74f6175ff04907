//! The piece of a line that keeps it from being read, for the error to quote.
//!
//! A line that cannot be read is read once more, which costs lines that can be read nothing.

use crate::push::error::SyntaxErrorKind as Kind;
use crate::push::samples::labels::Labels;
use crate::push::text::cursor::{CLASS, METRIC_NAME, is_blank};
use crate::push::text::line::{Grammar, Line};

/// The offender of this kind in `line`; empty where something is missing, or nothing in particular is wrong.
#[cold]
pub(crate) fn offender<'a>(grammar: Grammar<'a>, line: &'a [u8], kind: Kind) -> &'a [u8] {
    let mut labels = Labels::default();
    let mut cursor = grammar.cursor(line);
    let read = grammar.split_at(&mut cursor, b"", &mut labels);
    let at = line.len() - cursor.rest.len();
    match (kind, read) {
        (Kind::MetricName | Kind::CommentName | Kind::LabelName, _) => {
            let is_name = |byte: &&u8| CLASS[**byte as usize] & METRIC_NAME != 0;
            let read = line[..at].iter().rev().take_while(is_name).count();
            word(&line[at - read..])
        }
        (Kind::Value | Kind::Timestamp, _) => {
            let mut cursor = grammar.cursor(line);
            cursor.skip_blanks();
            let _known = grammar.name_and_labels(&mut cursor, b"", &mut labels);
            let mut found = cursor.until_blank();
            if kind == Kind::Timestamp {
                cursor.skip_blanks();
                found = cursor.until_blank();
            }
            found
        }
        (Kind::LabelEquals | Kind::LabelQuote | Kind::LabelUnclosed | Kind::LabelEnd, _)
        | (Kind::AfterTimestamp, _) => &line[at..],
        (Kind::LabelEscape, _) => bad_escape(&line[at..]),
        (Kind::HelpEscape, Ok(Line::Help { text, .. })) => bad_escape(text),
        (Kind::UnknownType, Ok(Line::Type { kind, .. })) => kind,
        (
            Kind::SecondHelp | Kind::SecondType,
            Ok(Line::Help { name, .. } | Line::Type { name, .. }),
        ) => name,
        (Kind::Quantile, _) => bound(&labels, b"quantile"),
        (Kind::BucketBound, _) => bound(&labels, b"le"),
        (Kind::Count, _) => line
            .trim_ascii_end()
            .rsplit(|&byte| is_blank(byte) || byte == b'}')
            .next()
            .unwrap_or_default(),
        (Kind::DuplicateLabelName, _) => {
            let pair = labels.list.windows(2).find(|pair| pair[0].name == pair[1].name);
            pair.map_or(b"", |pair| pair[0].name)
        }
        (Kind::LongLabel, _) => {
            let longest =
                labels.list.iter().max_by_key(|label| label.name.len().max(label.value.len()));
            longest.map_or(b"", |label| label.name)
        }
        (Kind::Utf8, _) => {
            let valid =
                std::str::from_utf8(line).err().map_or(line.len(), |error| error.valid_up_to());
            word(&line[valid..])
        }
        _ => b"",
    }
}

/// What stands up to the next blank.
fn word(text: &[u8]) -> &[u8] {
    text.split(|&byte| is_blank(byte)).next().unwrap_or_default()
}

/// The first escape that is not known.
fn bad_escape(text: &[u8]) -> &[u8] {
    let mut at = 0;
    while at < text.len() {
        at += match text[at..] {
            [b'\\', b'\\' | b'"' | b'n', ..] => 2,
            [b'\\', ..] => return text.get(at..at + 2).unwrap_or(&text[at..]),
            _ => 1,
        };
    }
    b""
}

fn bound<'a>(labels: &Labels<'a>, name: &[u8]) -> &'a [u8] {
    labels.list.iter().find(|label| label.name == name).map_or(b"", |label| label.value)
}

#[cfg(test)]
mod tests {
    use crate::exposition::NameRules;
    use crate::push::{GroupingKey, Rejected, Rules, decode};

    #[test]
    fn an_error_quotes_what_cannot_be_read_and_says_what_to_do() {
        let key = GroupingKey::parse(b"/j", NameRules::Legacy).expect("a valid path");
        let rules = Rules { label_bytes_max: 40, labels_max: 4, ..NameRules::Legacy.into() };
        for (line, found, advice) in [
            ("m 45%", r#""45%""#, "without a unit"),
            ("m 0x10", r#""0x10""#, "decimal number"),
            ("m yes", r#""yes""#, "write 1 or 0"),
            ("m 0,5", r#""0,5""#, "decimal point"),
            ("m{a=\"b c\"} null 7", r#""null""#, "NaN"),
            ("m", "", "the line has no value"),
            ("m-x 1", r#""-x""#, ""),
            ("45% m", r#""45%""#, ""),
            ("m 1 x", r#""x""#, ""),
            ("m 1 # {a=\"b\"} 1", r##""#""##, "application/openmetrics-text"),
            ("m 1 2 3 4", r#""3 4""#, ""),
            ("m{a=b} 1", r#""b} 1""#, ""),
            ("m{1a=\"b\"} 1", r#""1a=\"b\"}""#, ""),
            ("m{a=\"b\" c} 1", r#""c} 1""#, ""),
            ("m{a=\"b} 1", r#""b} 1""#, ""),
            ("m{a=\"b\\x\"} 1", r#""\\x""#, ""),
            ("m{a=\"1\",a=\"2\"} 1", r#""a""#, ""),
            (&format!("m{{a=\"\",b=\"{}\"}} 1", "x".repeat(41)), r#""b""#, ""),
            ("# TYPE m gaugem", r#""gaugem""#, "known are counter"),
            ("# HELP m a\\b", r#""\\b""#, ""),
            ("# HELP 1m a", r#""1m""#, ""),
            ("# TYPE m gauge\n# TYPE m gauge", r#""m""#, ""),
            ("# HELP m a\n# HELP m b", r#""m""#, ""),
            ("# TYPE s summary\ns{quantile=\"x\"} 1", r#""x""#, ""),
            ("# TYPE h histogram\nh_bucket{le=\"1,5\"} 1", r#""1,5""#, ""),
            ("# TYPE h histogram\nh_count -3 ", r#""-3""#, ""),
        ] {
            let said = match decode(&key, format!("{line}\n").as_bytes(), rules) {
                Err(Rejected::Syntax(error)) => error.to_string(),
                other => panic!("{line}: {other:?}"),
            };
            assert!(said.contains(&format!(": {found}")) || found.is_empty(), "{line}: {said}");
            assert!(said.contains(advice) && said.lines().count() == 1, "{line}: {said}");
        }
        let said =
            decode(&key, b"m{a=\"\xff\xfe\"} 1\n", rules).map(|_| ()).expect_err("not UTF-8");
        assert!(
            matches!(said, Rejected::Syntax(error) if error.to_string().contains(r#""\xff\xfe"#))
        );
    }
}
