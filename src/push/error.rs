//! Why a push body is not taken.

use std::fmt;

use crate::exposition::Quoted;
use crate::push::allowance::TooLarge;
use crate::push::place::Place;
pub use crate::push::refusal::{Problem, Refusal};

/// What is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected {
    /// It cannot be read: the push touches no group.
    Syntax(SyntaxError),
    /// It reads, but cannot be stored: the group keeps what it has, and notes the failure.
    Refused(Refusal),
    /// Its samples would be larger than the bound, once rendered: the push touches no group.
    TooLarge(TooLarge),
    /// There is no memory for it beside other pushes: the push touches no group.
    NoRoom,
}

/// A part of a body that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where it is.
    pub at: Place,
    /// What is wrong with it.
    pub kind: SyntaxErrorKind,
    /// The offending piece of a line, cut where it is long; empty where there is none in particular.
    pub found: Box<[u8]>,
}

/// What can be wrong with a line, or with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the messages below say what each means")]
pub enum SyntaxErrorKind {
    MetricName,
    CommentName,
    SecondHelp,
    HelpEscape,
    SecondType,
    UnknownType,
    LineEnds,
    LabelName,
    ReservedLabelName,
    DuplicateLabelName,
    LabelEquals,
    LabelQuote,
    LabelUnclosed,
    LabelEscape,
    LabelEnd,
    Utf8,
    Value,
    Timestamp,
    AfterTimestamp,
    Quantile,
    BucketBound,
    Count,
    SampleName,
    Exemplar,
    BehindEof,
    NoEof,
    TooManyLabels,
    LongLabel,
    Truncated,
    Varint,
    FieldKey,
    Group,
    WireType,
}

/// How much of an offending piece is kept.
const FOUND_BYTES_MAX: usize = 1 << 10;

impl SyntaxErrorKind {
    /// That this is wrong with a line of text, counted from 1.
    pub(crate) fn in_line(self, line: u32) -> Rejected {
        self.of(line, b"")
    }

    /// That this piece is wrong with a line of text, counted from 1.
    pub(crate) fn of(self, line: u32, found: &[u8]) -> Rejected {
        // More of it would never be quoted.
        let found = found[..found.len().min(FOUND_BYTES_MAX)].into();
        Rejected::Syntax(SyntaxError { at: Place::Line(line), kind: self, found })
    }

    /// That this is wrong with a message of protobuf.
    pub(crate) fn in_message(self, at: Place) -> Rejected {
        Rejected::Syntax(SyntaxError { at, kind: self, found: Box::default() })
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use SyntaxErrorKind as Kind;
        let reason = match self.kind {
            Kind::MetricName => "invalid metric name",
            Kind::CommentName => "invalid metric name in a HELP or TYPE comment",
            Kind::SecondHelp => "second HELP line for this metric name",
            Kind::HelpEscape => r#"invalid escape in the help text (known: \\, \", \n)"#,
            Kind::SecondType => "second TYPE line for this metric name, or TYPE after its samples",
            Kind::UnknownType => "unknown metric type",
            Kind::LineEnds => {
                "line ends are missing: send with --data-binary, since curl -d removes them, and end each line"
            }
            Kind::LabelName => "invalid label name",
            Kind::ReservedLabelName => "the label name __name__ is reserved",
            Kind::DuplicateLabelName => "the same label name twice",
            Kind::LabelEquals => "expected '=' after the label name",
            Kind::LabelQuote => "expected '\"' at the start of the label value",
            Kind::LabelUnclosed => "label value or name without closing '\"'",
            Kind::LabelEscape => r#"invalid escape in a label value or name (known: \\, \", \n)"#,
            Kind::LabelEnd => "expected ',' or '}' after a label or the metric name",
            Kind::Utf8 => "not valid UTF-8",
            Kind::Value => "expected a number as the value",
            Kind::Timestamp => "expected an integer as the timestamp",
            Kind::AfterTimestamp => "unexpected text after the timestamp",
            Kind::Quantile => "expected a number as the value of the label quantile",
            Kind::BucketBound => "expected a number as the value of the label le",
            Kind::Count => "a count that is negative or not a number",
            Kind::SampleName => {
                "the name of the sample does not fit the type of its family: in OpenMetrics a counter's sample ends in _total, that of an info in _info"
            }
            Kind::Exemplar => {
                "expected an exemplar behind the #: labels in braces, a number, perhaps a timestamp"
            }
            Kind::BehindEof => "unexpected text behind # EOF",
            Kind::NoEof => {
                "a body of OpenMetrics ends with the line # EOF: this one is cut, or has lost its line ends (send it with --data-binary)"
            }
            Kind::TooManyLabels => "more labels than --push.max-labels allows",
            Kind::LongLabel => "a label whose name or value is longer than --push.max-label-bytes",
            Kind::Truncated => "a field is longer than what is left",
            Kind::Varint => "a number is cut, or longer than 64 bits",
            Kind::FieldKey => "expected a field number and a wire type",
            Kind::Group => "a group of fields without its end, or too deep",
            Kind::WireType => "a field has the wire type of another",
        };
        let format = match self.at {
            Place::Line(_) => "text format",
            Place::Family(_) => "protobuf",
        };
        write!(f, "{format} parsing error in {}: {reason}", self.at)?;
        if !self.found.is_empty() {
            write!(f, ": {}", Quoted(&self.found))?;
        }
        match advice(self.kind, &self.found) {
            "" => Ok(()),
            advice => write!(f, "; {advice}"),
        }
    }
}

/// What to do about it, if the offender tells.
fn advice(kind: SyntaxErrorKind, found: &[u8]) -> &'static str {
    use SyntaxErrorKind as Kind;
    let is_one_of =
        |words: &[&str]| words.iter().any(|word| found.eq_ignore_ascii_case(word.as_bytes()));
    let begins_number =
        found.iter().find(|byte| !b"+-.".contains(byte)).is_some_and(u8::is_ascii_digit);
    match kind {
        Kind::Value if found.contains(&b',') => "write a decimal point, not a comma",
        Kind::Value if is_one_of(&["yes", "no", "true", "false", "on", "off", "ok"]) => {
            "write 1 or 0"
        }
        Kind::Value if is_one_of(&["null", "none", "nil", "undefined", "-"]) => {
            "leave the sample out, or write NaN"
        }
        Kind::Value if begins_number => "write a decimal number alone, without a unit",
        Kind::Value if found.is_empty() => "the line has no value",
        Kind::Timestamp if found.starts_with(b"#") => {
            "exemplars need Content-Type: application/openmetrics-text"
        }
        Kind::UnknownType => {
            "known are counter, gauge, histogram, summary, untyped, gaugehistogram, and of OpenMetrics unknown, info, stateset"
        }
        _ => "",
    }
}

impl From<Refusal> for Rejected {
    fn from(refusal: Refusal) -> Rejected {
        Rejected::Refused(refusal)
    }
}
