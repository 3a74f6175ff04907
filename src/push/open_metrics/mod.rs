//! Pushes in the text format of OpenMetrics, as `Content-Type: application/openmetrics-text` announces them.
//!
//! Such a body says more than the text format: exemplars, and when a counter or histogram was created. Protobuf has a place for
//! both, so a body is made into `MetricFamily` messages, and these are decoded like any others. What both formats say is
//! therefore stored and shown alike. Start at [`decode_open_metrics`].
//!
//! - [`line`] is the grammar of a sample, which is that of the text format with an exemplar behind it.
//! - [`families`] gathers the samples of each family.
//! - [`write`] makes messages of them.
//!
//! The reader is as lenient as that of the text format: blanks, other comments, the order of lines and families do not matter.
//! Strict are the names of samples, since they decide what a sample means, and the end: a body without `# EOF` has been cut.

mod families;
mod line;
#[cfg(test)]
mod tests;
mod write;

use std::cell::OnceCell;

use memchr::{memchr, memchr_iter};

use self::families::Families;
use self::line::Line;
use crate::push::allowance::Allowance;
use crate::push::batch::Batch;
use crate::push::error::{Refusal, Rejected, SyntaxErrorKind};
use crate::push::key::GroupingKey;
use crate::push::place::Place;
use crate::push::rules::Rules;
use crate::push::samples::labels::Labels;
use crate::push::samples::names::Names;
use crate::push::shapes::decode_protobuf_within;
use crate::push::text::line::Grammar;
use crate::push::text::line_ends::without_mark;
use crate::push::text::offender::offender;

/// More than a line takes while it is gathered, whatever it says,
const LINE_BYTES: usize = 512;
/// and more than one of its labels takes.
const LABEL_BYTES: usize = 192;

/// Decodes a body of OpenMetrics, pushed to the group `key`.
///
/// # Errors
/// Those of [`crate::push::decode`].
pub fn decode_open_metrics(
    key: &GroupingKey,
    body: &[u8],
    rules: impl Into<Rules>,
) -> Result<Batch, Rejected> {
    decode_open_metrics_within(key, body, rules.into(), Allowance::unlimited())
}

/// The same within an allowance.
///
/// # Errors
/// Those of [`decode_open_metrics`], and [`Rejected::TooLarge`] and [`Rejected::NoRoom`] where the allowance does not suffice.
pub fn decode_open_metrics_within(
    key: &GroupingKey,
    body: &[u8],
    rules: Rules,
    mut allowance: Allowance<'_>,
) -> Result<Batch, Rejected> {
    let count = |byte| memchr_iter(byte, body).count();
    // Every label has such a sign. What is written is smaller than what is read, and there twice while it grows.
    let gathered = (count(b'\n') + 1) * LINE_BYTES + count(b'=') * LABEL_BYTES + 2 * body.len();
    if !allowance.holds(gathered) {
        return Err(Rejected::NoRoom);
    }
    let (messages, lines) = read(key, body, rules)?;
    let rendered_bytes_max = allowance.rendered_bytes_max;
    let mut hold = |bytes: usize| allowance.holds(bytes.saturating_add(messages.capacity()));
    let within = Allowance::new(rendered_bytes_max, &mut hold);
    let decoded = decode_protobuf_within(key, &messages, rules, within);
    decoded.map_err(|rejected| in_lines(rejected, &lines))
}

/// Reads a body into delimited messages, and says in which line each of their families begins.
fn read(key: &GroupingKey, body: &[u8], rules: Rules) -> Result<(Vec<u8>, Vec<u32>), Rejected> {
    let kept = OnceCell::new();
    let names = Names::new(rules.names, &kept);
    let grammar = Grammar { names, key, labels_max: rules.labels_max };
    let (mut families, mut refusal) = (Families::default(), None);
    let (mut labels, mut of_exemplar) = (Labels::default(), Labels::default());
    let (mut rest, mut number, mut has_ended) = (body, 0, false);
    while !rest.is_empty() {
        number += 1;
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = without_mark(&rest[..end]);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        rest = rest.get(end + 1..).unwrap_or_default();
        let mut take = || {
            if std::str::from_utf8(line).is_err() {
                return Err(SyntaxErrorKind::Utf8);
            }
            match line::read(grammar, line, &mut labels, &mut of_exemplar)? {
                Line::Nothing => {}
                _ if has_ended => return Err(SyntaxErrorKind::BehindEof),
                Line::Eof => has_ended = true,
                Line::Help { name, text } => families.help(name, text, number)?,
                Line::Type { name, kind } => families.kind(name, kind, number)?,
                Line::Sample(sample) => {
                    if sample.has_timestamp {
                        refusal.get_or_insert(Refusal::Timestamp { line: number });
                    }
                    families.sample(&sample, &labels.list, number)?;
                }
            }
            Ok(())
        };
        take().map_err(|kind| kind.of(number, offender(grammar, line, kind)))?;
    }
    if !has_ended {
        return Err(SyntaxErrorKind::NoEof.in_line(number.max(1)));
    }
    if let Some(refusal) = refusal {
        return Err(refusal.into());
    }
    families.write().map_err(Rejected::Refused)
}

/// Names the line in which a family begins in the place of its message.
fn in_lines(rejected: Rejected, lines: &[u32]) -> Rejected {
    let in_line = |place| match place {
        Place::Family(family) => {
            let line = (family as usize).checked_sub(1).and_then(|at| lines.get(at));
            Place::Line(line.copied().unwrap_or(1))
        }
        line => line,
    };
    match rejected {
        Rejected::Syntax(mut error) => {
            error.at = in_line(error.at);
            Rejected::Syntax(error)
        }
        Rejected::Refused(Refusal::Message { family, name, problem }) => {
            Refusal::Message { family: in_line(family), name, problem }.into()
        }
        Rejected::TooLarge(mut error) => {
            error.at = error.at.map(in_line);
            Rejected::TooLarge(error)
        }
        other => other,
    }
}
