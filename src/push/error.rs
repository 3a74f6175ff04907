//! Why a push body is not taken.

use std::fmt;

use crate::push::allowance::TooLarge;

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

/// A part of a body, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line of text.
    Line(u32),
    /// A `MetricFamily` message of protobuf.
    Family(u32),
}

/// A part of a body that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where it is.
    pub at: Place,
    /// What is wrong with it.
    pub kind: SyntaxErrorKind,
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
    TooManyLabels,
    LongLabel,
    Truncated,
    Varint,
    FieldKey,
    Group,
    WireType,
}

impl SyntaxErrorKind {
    /// That this is wrong with a line of text, counted from 1.
    pub(crate) fn in_line(self, line: u32) -> Rejected {
        Rejected::Syntax(SyntaxError { at: Place::Line(line), kind: self })
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
        write!(f, "{format} parsing error in {}: {reason}", self.at)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Family(family) => write!(f, "metric family {family}"),
        }
    }
}

/// Why a push that reads well cannot be stored, in itself or beside other groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A sample carries a timestamp.
    Timestamp {
        /// Where the first such sample stands.
        line: u32,
    },
    /// Two samples of the push are the same series once the grouping labels are merged in.
    DuplicateSeries {
        /// The family they are in.
        family: String,
        /// The label that only one of them has, with an empty value, if nothing else tells them apart.
        empty_label: Option<String>,
    },
    /// A histogram has the same bucket twice, or a summary the same quantile.
    DuplicatePart {
        /// The family it is in.
        family: String,
    },
    /// The grouping key names the label that tells the samples of this family apart.
    PartLabelInKey {
        /// The family.
        family: String,
        /// `le` or `quantile`.
        label: &'static str,
    },
    /// A sample has a label whose name is reserved.
    ReservedLabel {
        /// Where the first such sample stands.
        line: u32,
    },
    /// A message of protobuf reads, but what it says could not be exposed, or contradicts itself.
    Message {
        /// The message.
        family: Place,
        /// The name it gives, right or wrong.
        name: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// The name has another type elsewhere.
    TypeConflict {
        /// The family.
        family: String,
        /// The type it has there.
        stored: &'static str,
    },
    /// A histogram or summary exposes samples under the name of another family.
    NameOccupied {
        /// The name both want.
        name: String,
    },
    /// A series is in another group already.
    SeriesElsewhere {
        /// The family it is in.
        family: String,
    },
    /// The group would be larger than a group may become.
    GroupTooLarge {
        /// What it would count for, its help texts included, in bytes.
        bytes: u64,
        /// What it may count for.
        bytes_max: u64,
    },
    /// The group is stored under a key that differs only in labels with an empty value.
    OtherSpelling,
}

/// What can be wrong with a `MetricFamily` message that reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the messages below say what each means")]
pub enum Problem {
    Name,
    Type,
    Timestamp,
    OtherValue,
    TooManyLabels,
    LabelName,
    ReservedLabelName,
    DuplicateLabelName,
    PartLabel(&'static str),
    Quantile,
    BucketBound,
    NegativeCount,
    Schema,
    ZeroThreshold,
    MixedCounts,
    Spans,
    BucketsAndSpans,
    NegativeBucket,
    BucketsAndCount,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Problem::Name => "no name, or an invalid one",
            Problem::Type => "unknown metric type",
            Problem::Timestamp => "pushed metrics must not have timestamps",
            Problem::TooManyLabels => "a metric with too many labels",
            Problem::OtherValue => "a metric without a value of the family's type",
            Problem::LabelName => "a label without a name, or with an invalid one",
            Problem::ReservedLabelName => "label names that begin with __ are reserved",
            Problem::DuplicateLabelName => "the same label name twice in one metric",
            Problem::PartLabel(name) => {
                return write!(
                    f,
                    "a metric has the label {name:?}, which its type needs for itself"
                );
            }
            Problem::Quantile => "a quantile that is not a number",
            Problem::BucketBound => "a bucket bound that is not a number",
            Problem::NegativeCount => "a negative count",
            Problem::Schema => "a native histogram with a schema outside of -4 to 8",
            Problem::ZeroThreshold => {
                "a native histogram with a zero threshold that is negative or not a number"
            }
            Problem::MixedCounts => "a native histogram with both integers and floats as counts",
            Problem::Spans => "a native histogram whose bucket spans overlap or lead too far",
            Problem::BucketsAndSpans => {
                "a native histogram with more or fewer buckets than its spans say"
            }
            Problem::NegativeBucket => "a native histogram with a negative bucket",
            Problem::BucketsAndCount => {
                "a native histogram whose buckets do not sum up to its count"
            }
        })
    }
}

impl From<Refusal> for Rejected {
    fn from(refusal: Refusal) -> Rejected {
        Rejected::Refused(refusal)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Timestamp { line } => {
                write!(f, "pushed metrics must not have timestamps (line {line})")
            }
            Refusal::ReservedLabel { line } => {
                write!(f, "label names that begin with __ are reserved (line {line})")
            }
            Refusal::Message { family, name, problem } => {
                write!(f, "{family} ({name:?}): {problem}")
            }
            Refusal::DuplicateSeries { family, empty_label: Some(label) } => {
                write!(
                    f,
                    "family {family:?} has the same series twice: the label {label:?} has an empty value in one of them, and a label with an empty value is the same as no label; push one of the two, or give the label a value"
                )
            }
            Refusal::DuplicateSeries { family, empty_label: None } => {
                write!(
                    f,
                    "family {family:?} has the same series twice, once the grouping labels are merged in"
                )
            }
            Refusal::DuplicatePart { family } => {
                write!(f, "family {family:?} has the same bucket or quantile twice in one series")
            }
            Refusal::PartLabelInKey { family, label } => {
                write!(
                    f,
                    "the grouping key names the label {label:?}, which family {family:?} needs for itself"
                )
            }
            Refusal::TypeConflict { family, stored } => {
                write!(f, "family {family:?} is stored with the type {stored} already")
            }
            Refusal::NameOccupied { name } => {
                write!(
                    f,
                    "the name {name:?} would be both a family of its own and part of a histogram or summary"
                )
            }
            Refusal::SeriesElsewhere { family } => {
                write!(
                    f,
                    "a series of family {family:?} exists in another group already (a label with an empty value is the same as no label)"
                )
            }
            Refusal::GroupTooLarge { bytes, bytes_max } => {
                write!(
                    f,
                    "the group would count for {bytes} bytes, --storage.max-group-bytes allows {bytes_max}: push to several groups, or raise the flag"
                )
            }
            Refusal::OtherSpelling => {
                write!(
                    f,
                    "the group exists with a key that differs only in labels with an empty value (a label with an empty value is the same as no label): push with the key that exists, or delete its group first"
                )
            }
        }
    }
}
