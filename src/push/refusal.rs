//! Why a push that can be read cannot be stored.

use std::fmt;

use crate::exposition::shown_series;
use crate::push::place::Place;

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
        /// Whether the gateway itself shows it.
        is_own: bool,
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
        /// The series, with the labels of the group; empty where it is not known.
        series: String,
    },
    /// Several conflicts with what is stored, of which none is this one.
    Several(Vec<Refusal>),
    /// The group would be larger than a group may become.
    GroupTooLarge {
        /// What it would count for, its help texts included, in bytes.
        bytes: u64,
        /// What it may count for.
        bytes_max: u64,
    },
    /// Series of a family cannot be merged, because only some of them have a protobuf form that text cannot express.
    MixedFormats {
        /// The family.
        family: String,
    },
    /// The group is stored under a key that differs only in labels with an empty value.
    OtherSpelling,
    /// A histogram has other buckets than the sum of the sources that were pushed before.
    BucketsDiffer {
        /// The family.
        family: String,
        /// The bounds in the sum.
        stored: String,
        /// The bounds in the push.
        pushed: String,
    },
    /// A push of increments has nothing that tells it from a retry.
    NoPushId,
    /// What is pushed as an increment is negative or no number.
    NoIncrement {
        /// The family.
        family: String,
        /// The value.
        value: String,
    },
    /// The group is a sum, and what is pushed is no source of it; or a group has the key that a sum would have.
    KeyOfSum,
    /// The totals of a sum that were stored do not fit what it showed.
    Totals,
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

/// How many conflicts with what is stored are named at once.
const CONFLICTS_MAX: usize = 10;

impl Refusal {
    /// Adds a conflict to those that are named, once. Answers whether there may be more.
    pub(crate) fn note(conflicts: &mut Vec<Refusal>, conflict: Refusal) -> bool {
        if conflicts.len() < CONFLICTS_MAX && !conflicts.contains(&conflict) {
            conflicts.push(conflict);
        }
        conflicts.len() < CONFLICTS_MAX
    }

    /// All of these conflicts; none where there are none.
    pub(crate) fn all(mut conflicts: Vec<Refusal>) -> Result<(), Refusal> {
        match conflicts.pop() {
            None => Ok(()),
            Some(only) if conflicts.is_empty() => Err(only),
            Some(last) => {
                conflicts.push(last);
                Err(Refusal::Several(conflicts))
            }
        }
    }

    /// Changes each of the conflicts.
    pub(crate) fn each(&mut self, mut change: impl FnMut(&mut Refusal)) {
        match self {
            Refusal::Several(conflicts) => conflicts.iter_mut().for_each(change),
            one => change(one),
        }
    }

    /// Whether a name is that of a family, and of a part of a histogram or summary.
    pub(crate) fn is_about_an_occupied_name(&self) -> bool {
        match self {
            Refusal::Several(conflicts) => conflicts.iter().any(Refusal::is_about_an_occupied_name),
            one => matches!(one, Refusal::NameOccupied { .. }),
        }
    }

    /// The first family that another group holds with another type.
    pub fn held_elsewhere(&self) -> Option<&str> {
        match self {
            Refusal::TypeConflict { family, is_own: false, .. } => Some(family),
            Refusal::Several(conflicts) => conflicts.iter().find_map(Refusal::held_elsewhere),
            _ => None,
        }
    }

    /// The first series that another group holds already.
    pub fn series_elsewhere(&self) -> Option<&str> {
        match self {
            Refusal::SeriesElsewhere { series, .. } if !series.is_empty() => Some(series),
            Refusal::Several(conflicts) => conflicts.iter().find_map(Refusal::series_elsewhere),
            _ => None,
        }
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
            Refusal::TypeConflict { family, stored, is_own: true } => {
                write!(
                    f,
                    "family {family:?} is a metric of the gateway itself, with the type {stored}: push it under another name"
                )
            }
            Refusal::TypeConflict { family, stored, is_own: false } => {
                write!(f, "family {family:?} is stored with the type {stored} already")
            }
            Refusal::Several(conflicts) => {
                for (at, conflict) in conflicts.iter().enumerate() {
                    let separator = if at > 0 { "; " } else { "" };
                    write!(f, "{separator}{conflict}")?;
                }
                Ok(())
            }
            Refusal::NameOccupied { name } => {
                write!(
                    f,
                    "the name {name:?} would be both a family of its own and part of a histogram or summary"
                )
            }
            Refusal::SeriesElsewhere { family, series } => {
                write!(
                    f,
                    "a series of family {family:?} exists in another group already (a label with an empty value is the same as no label)"
                )?;
                if series.is_empty() { Ok(()) } else { write!(f, ": {}", shown_series(series)) }
            }
            Refusal::GroupTooLarge { bytes, bytes_max } => {
                write!(
                    f,
                    "the group would count for {bytes} bytes, --storage.max-group-bytes allows {bytes_max}: push to several groups, or raise the flag"
                )
            }
            Refusal::MixedFormats { family } => {
                write!(
                    f,
                    "the series of family {family:?} cannot be merged: some were pushed as protobuf with what text cannot express, the others were not; push all series of the family in one format, or replace the family"
                )
            }
            Refusal::BucketsDiffer { family, stored, pushed } => {
                write!(
                    f,
                    "family {family:?} has the buckets {pushed}, but the sum of its sources has {stored}: push the same buckets from all sources, or delete the sum (its sources go too) before the buckets change"
                )
            }
            Refusal::NoPushId => {
                write!(
                    f,
                    "the rule of this group counts increments, so each push needs a key that tells it from a retry: send the header Idempotency-Key with a new random value for each push, and the same value with each retry (Shardgate-Push-Id means the same)"
                )
            }
            Refusal::NoIncrement { family, value } => {
                write!(
                    f,
                    "family {family:?} has the value {value}, which cannot be added to a total: push finite increments from 0 on"
                )
            }
            Refusal::Totals => write!(f, "the totals of the sum do not fit its families"),
            Refusal::KeyOfSum => {
                write!(
                    f,
                    "the group is a sum of sources, and no aggregate rule makes this push a source of it: push with the labels of a source, change the rule, or delete the group first"
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
