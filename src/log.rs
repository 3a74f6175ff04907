//! The log: one line a message on standard error, in logfmt or JSON, with the reference's keys
//! `ts`, `level`, `caller` and `msg`.

use std::fmt;
use std::io::Write;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::config::{LogFormat, LogLevel};

/// Starts logging, for the whole process.
pub fn init(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Info => Level::INFO,
        LogLevel::Warn => Level::WARN,
        LogLevel::Error => Level::ERROR,
    };
    let subscriber = tracing_subscriber::registry().with(Lines { level, format });
    // A second call, as tests in one process make it, keeps the first.
    let _already = tracing::subscriber::set_global_default(subscriber);
}

/// Writes each event as one line.
struct Lines {
    level: Level,
    format: LogFormat,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level && metadata.target().starts_with("shardgate")
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let file = metadata.file().unwrap_or_default();
        let file = file.rsplit_once("src/").map_or(file, |(_, file)| file);
        let head = [
            ("ts", humantime::format_rfc3339_millis(SystemTime::now()).to_string()),
            ("level", metadata.level().as_str().to_ascii_lowercase()),
            ("caller", format!("{file}:{}", metadata.line().unwrap_or_default())),
            ("msg", fields.message),
        ];
        let pairs = head.into_iter().chain(fields.others);
        let line = match self.format {
            LogFormat::Logfmt => logfmt(pairs),
            LogFormat::Json => json(pairs),
        };
        // There is nobody to tell that the log cannot be written.
        let _lost = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.others.push((name, format!("{value:?}"))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.others.push((field.name(), value.to_owned()));
    }
}

fn logfmt(pairs: impl Iterator<Item = (&'static str, String)>) -> String {
    let mut line = String::new();
    for (key, value) in pairs {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(key);
        line.push('=');
        let plain = |char: char| !char.is_control() && !matches!(char, ' ' | '"' | '=' | '\\');
        if !value.is_empty() && value.chars().all(plain) {
            line.push_str(&value);
        } else {
            line.push_str(&serde_json::Value::from(value).to_string());
        }
    }
    line + "\n"
}

fn json(pairs: impl Iterator<Item = (&'static str, String)>) -> String {
    let object: serde_json::Map<String, serde_json::Value> =
        pairs.map(|(key, value)| (key.to_owned(), value.into())).collect();
    serde_json::Value::Object(object).to_string() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_forge_a_line_or_a_pair() {
        let pairs = [("msg", "hello".to_owned()), ("job", "a\nlevel=error \"b\"".to_owned())];
        assert_eq!(
            logfmt(pairs.clone().into_iter()),
            "msg=hello job=\"a\\nlevel=error \\\"b\\\"\"\n"
        );
        let line = json(pairs.into_iter());
        assert_eq!(line.matches('\n').count(), 1);
        assert!(
            serde_json::from_str::<serde_json::Value>(&line)
                .is_ok_and(|json| json["msg"] == "hello")
        );
    }
}
