//! One `MetricFamily` message.

use super::assembled::Assembled;
use super::kept::Kept;
use super::labels;
use super::schema::{self, Message, Notes};
use crate::exposition::protobuf::{family, kind_of, metric, value, value_field};
use crate::exposition::{Kind, escape_help};
use crate::push::samples::Decoder;
use crate::push::samples::families::Role;
use crate::push::samples::finish::{is_push_time, lossy};
use crate::push::samples::labels::{Label, Labels};
use crate::push::samples::number::Number;
use crate::push::{Place, Problem, Refusal, Rejected, SyntaxErrorKind};

/// A family that is well-formed.
#[derive(Debug)]
pub(super) struct Family<'a> {
    at: Place,
    pub(super) name: &'a [u8],
    help: &'a [u8],
    /// An enum; a counter unless it is set.
    kind: i32,
    message: Message<'a>,
    notes: Notes,
}

impl<'a> Family<'a> {
    /// Reads the message that is the body's `at`th.
    pub(super) fn read(at: Place, bytes: &'a [u8]) -> Result<Family<'a>, SyntaxErrorKind> {
        let mut notes = Notes::default();
        let (mut name, mut help): (&[u8], &[u8]) = (b"", b"");
        let (mut kind, mut rest) = (0, bytes);
        while !rest.is_empty() {
            let field = schema::family_field(&mut rest, &mut notes)?;
            match field.number {
                family::NAME => name = field.bytes(),
                family::HELP => help = field.bytes(),
                family::TYPE => kind = field.varint() as i32,
                _ => {}
            }
        }
        Ok(Family { at, name, help, kind, message: Message::family(bytes), notes })
    }

    /// Hands all of it to the decoder, where the family is at `position`. `kept` is made for the first
    /// metric of the push that needs it, since that copies the grouping key, which may be long.
    pub(super) fn say(
        &self,
        position: usize,
        decoder: &mut Decoder<'a, '_>,
        labels: &mut Labels<'a>,
        kept: &mut Option<Kept<'a>>,
    ) -> Result<(), Rejected> {
        let refused = |problem| Rejected::Refused(self.refusal(problem));
        if self.notes.has_timestamp {
            return Err(refused(Problem::Timestamp));
        }
        if is_push_time(self.name) {
            return Ok(()); // The gateway puts its own in the place of it.
        }
        if !decoder.names.rules().allow_metric_name(self.name) {
            return Err(refused(Problem::Name));
        }
        let kind = kind_of(self.kind).ok_or_else(|| refused(Problem::Type))?;
        let in_progress = &mut decoder.families.list[position];
        in_progress.kind = Some(kind);
        let help = self.help;
        if decoder.has_help_room(help.len()) {
            decoder.families.list[position].help = Some(escape_help(help));
        }
        let mut metrics = self.message.messages(family::METRIC);
        if let Some(label) = kind.part_label()
            && decoder.key.names(label)
            && metrics.clone().next().is_some()
        {
            let family = lossy(self.name);
            return Err(Refusal::PartLabelInKey { family, label }.into());
        }
        let kept_start = decoder.native.len() as u32;
        metrics.try_for_each(|metric| {
            let value = read_metric(metric, kind, decoder, labels).map_err(refused)?;
            // No label is longer than its metric.
            if labels.has_new_names() || metric.bytes() > decoder.rules.label_bytes_max {
                let is_within = decoder.rules.check(decoder.key, &labels.list);
                is_within.map_err(|kind| kind.in_message(self.at))?;
            }
            if kind.part_label().is_some() {
                let is_classic = !self.notes.are_hidden;
                let assembled = Assembled::read(metric, kind, is_classic).map_err(refused)?;
                say_assembled(self.at, position, &assembled, &labels.list, decoder)?;
            } else {
                decoder.plain_sample(position, labels, Number::of(value));
            }
            if self.notes.are_hidden {
                let kept = kept.get_or_insert_with(|| Kept::new(decoder.key));
                if decoder.has_native_room(kept.bytes_max(metric)) {
                    kept.write(&mut decoder.native, metric, &labels.list);
                }
            }
            decoder.check_size(self.at)
        })?;
        decoder.families.list[position].native = [kept_start, decoder.native.len() as u32];
        Ok(())
    }

    fn refusal(&self, problem: Problem) -> Refusal {
        Refusal::Message { family: self.at, name: lossy(self.name), problem }
    }
}

fn say_assembled(
    at: Place,
    position: usize,
    assembled: &Assembled<'_>,
    own: &[Label<'_>],
    decoder: &mut Decoder<'_, '_>,
) -> Result<(), Rejected> {
    let before = decoder.families.list[position].opening.before;
    let series = decoder.assembly.insert(before, position, decoder.group, own);
    for (bound, value) in assembled.parts() {
        decoder.assembly.add(series, Role::Part, Some(Number::of(bound)), Number::of(value));
        decoder.check_size(at)?; // A part takes more memory than it has bytes on the wire.
    }
    decoder.assembly.add(series, Role::Sum, None, Number::of(assembled.sum));
    decoder.assembly.add(series, Role::Count, None, Number::of(assembled.count));
    Ok(())
}

/// Reads the labels of a metric, and its value where that is a number.
fn read_metric<'a>(
    metric: Message<'a>,
    kind: Kind,
    decoder: &Decoder<'a, '_>,
    labels: &mut Labels<'a>,
) -> Result<f64, Problem> {
    let value_field = value_field(kind);
    let (mut value, mut more_labels) = (None, Ok(true));
    labels.begin();
    for field in metric.fields() {
        if field.number == metric::LABEL {
            if more_labels == Ok(true) {
                more_labels = labels::read(field, kind, &decoder.rules, labels);
            }
        } else if field.number == value_field {
            let number = value.get_or_insert(0.0);
            if kind.part_label().is_some() {
                continue;
            }
            for field in field.message().fields() {
                if field.number == value::VALUE {
                    *number = field.double();
                }
            }
        }
    }
    let value = value.ok_or(Problem::OtherValue)?;
    more_labels?;
    if labels.end(decoder.key) { Ok(value) } else { Err(Problem::DuplicateLabelName) }
}
