//! One message as a line, in logfmt or JSON, with the reference's keys `ts`, `level`, `caller` and `msg`.

use std::fmt;
use std::time::SystemTime;

use tracing::Event;
use tracing::field::{Field, Visit};

use serde_json::Value;

use crate::config::LogFormat;

/// How much of a value is shown; it may be all of a path.
pub const VALUE_BYTES_MAX: usize = 1024;

/// What stands in the place of the rest.
const CUT: &str = "...";

/// The line of an event, with its line feed.
pub(super) fn line(event: &Event<'_>, format: LogFormat) -> String {
    let metadata = event.metadata();
    let mut fields = Fields::default();
    event.record(&mut fields);
    let caller = caller(metadata.file().unwrap_or_default(), metadata.line().unwrap_or_default());
    let level = metadata.level().as_str().to_ascii_lowercase();
    of(&level, &caller, fields.message, fields.others, format)
}

/// Where in the sources a message comes from.
pub(super) fn caller(file: &str, line: u32) -> String {
    let file = file.rsplit_once("src/").map_or(file, |(_, file)| file);
    format!("{file}:{line}")
}

/// The line of a message with these fields, with its line feed.
pub(super) fn of(
    level: &str,
    caller: &str,
    message: String,
    fields: impl IntoIterator<Item = (&'static str, Value)>,
    format: LogFormat,
) -> String {
    let head = [
        ("ts", humantime::format_rfc3339_millis(SystemTime::now()).to_string().into()),
        ("level", level.into()),
        ("caller", caller.into()),
        ("msg", message.into()),
    ];
    let pairs = head.into_iter().chain(fields);
    match format {
        LogFormat::Logfmt => logfmt(pairs),
        LogFormat::Json => json(pairs),
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = cut(format!("{value:?}"));
        match field.name() {
            "message" => self.message = value,
            name => self.others.push((name, value.into())),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.others.push((field.name(), cut(value.to_owned()).into()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.others.push((field.name(), value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.others.push((field.name(), value.into()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.others.push((field.name(), value.into()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.others.push((field.name(), value.into()));
    }
}

pub(super) fn cut(mut value: String) -> String {
    if value.len() > VALUE_BYTES_MAX {
        let end = (0..=VALUE_BYTES_MAX).rev().find(|at| value.is_char_boundary(*at));
        value.truncate(end.unwrap_or_default());
        value += CUT;
    }
    value
}

fn logfmt(pairs: impl Iterator<Item = (&'static str, Value)>) -> String {
    let mut line = String::new();
    for (key, value) in pairs {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(key);
        line.push('=');
        let plain = |char: char| !char.is_control() && !matches!(char, ' ' | '"' | '=' | '\\');
        match value {
            Value::String(text) if !text.is_empty() && text.chars().all(plain) => {
                line.push_str(&text);
            }
            value => line.push_str(&value.to_string()),
        }
    }
    line + "\n"
}

fn json(pairs: impl Iterator<Item = (&'static str, Value)>) -> String {
    let object: serde_json::Map<String, Value> =
        pairs.map(|(key, value)| (key.to_owned(), value)).collect();
    Value::Object(object).to_string() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_forge_a_line_or_a_pair() {
        let pairs = [("msg", Value::from("hello")), ("job", "a\nlevel=error \"b\"".into())];
        assert_eq!(
            logfmt(pairs.clone().into_iter()),
            "msg=hello job=\"a\\nlevel=error \\\"b\\\"\"\n"
        );
        let line = json(pairs.into_iter());
        assert_eq!(line.matches('\n').count(), 1);
        assert!(serde_json::from_str::<Value>(&line).is_ok_and(|json| json["msg"] == "hello"));
    }

    #[test]
    fn a_number_is_a_number_in_both_formats() {
        let pairs = [("msg", Value::from("5")), ("count", 5.into()), ("share", 0.5.into())];
        assert_eq!(logfmt(pairs.clone().into_iter()), "msg=5 count=5 share=0.5\n");
        assert_eq!(json(pairs.into_iter()), "{\"count\":5,\"msg\":\"5\",\"share\":0.5}\n");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let longest = "x".repeat(VALUE_BYTES_MAX);
        assert_eq!(cut(longest.clone()), longest);
        let value = cut(format!("x{}", "é".repeat(VALUE_BYTES_MAX)));
        assert!(value.ends_with("é..."));
        assert_eq!(value.len(), VALUE_BYTES_MAX - 1 + CUT.len(), "the last one has two bytes");
    }
}
