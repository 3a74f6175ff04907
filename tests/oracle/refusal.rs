//! What became of a push, there and in the oracle.

use shardgate::push::{Place, Refusal, Rejected};

use crate::oracle::body::{Reason, Rejected as Expected};

/// How a push came out on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Taken,
    Refused(Reason),
    Unreadable,
}

/// Compares two results; of those that were taken, not what they brought.
pub(crate) fn compare<T, U>(
    result: &Result<T, Rejected>,
    expected: &Result<U, Expected>,
) -> Result<Outcome, String> {
    match (result, expected) {
        (Ok(_), Ok(_)) => Ok(Outcome::Taken),
        (Err(Rejected::Syntax(error)), Err(Expected::Syntax { line }))
            if error.at == Place::Line(*line as u32) =>
        {
            Ok(Outcome::Unreadable)
        }
        (Err(Rejected::Refused(refusal)), Err(Expected::Refused(reasons)))
            if reasons.contains(&reason(refusal)) =>
        {
            Ok(Outcome::Refused(reason(refusal)))
        }
        (result, expected) => {
            Err(format!("{:?}, but expected {:?}", result.as_ref().err(), expected.as_ref().err()))
        }
    }
}

fn reason(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::Timestamp { .. } => Reason::Timestamp,
        Refusal::ReservedLabel { .. } => Reason::ReservedLabel,
        Refusal::PartLabelInKey { .. } => Reason::PartLabelInKey,
        Refusal::DuplicatePart { .. } => Reason::DuplicatePart,
        Refusal::DuplicateSeries { .. } => Reason::DuplicateSeries,
        Refusal::NameOccupied { .. } => Reason::NameOccupied,
        Refusal::TypeConflict { .. } => Reason::TypeConflict,
        Refusal::SeriesElsewhere { .. } => Reason::SeriesElsewhere,
        Refusal::OtherSpelling => Reason::OtherSpelling,
        Refusal::Message { .. } | Refusal::MixedFormats { .. } => {
            unreachable!("the bodies are text")
        }
        Refusal::Several(conflicts) => reason(&conflicts[0]),
        Refusal::GroupTooLarge { .. } => unreachable!("no group is that large"),
        Refusal::BucketsDiffer { .. }
        | Refusal::NoPushId
        | Refusal::NoIncrement { .. }
        | Refusal::KeyOfSum
        | Refusal::Totals => unreachable!("there are no rules"),
    }
}
