//! The gateway's refusals in the oracle's words.

use shardgate::push::Refusal;

use crate::oracle::body::Reason;

pub(crate) fn reason(refusal: &Refusal) -> Reason {
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
    }
}
