//! One `MetricFamily` message.

use smallvec::SmallVec;

use super::folded::Folded;
use super::kept::Kept;
use super::labels::{self, OwnLabel};
use super::schema::Message;
use super::wire::Field;
use crate::exposition::escape_help;
use crate::exposition::protobuf::{family, kind_of, metric, value, value_field};
use crate::push::decode::Decoder;
use crate::push::families::Role;
use crate::push::finish::{is_push_time, lossy};
use crate::push::line::Label;
use crate::push::number::Number;
use crate::push::{Place, Problem, Refusal, Rejected, SyntaxError, SyntaxErrorKind};

/// A family that is well-formed.
#[derive(Debug)]
pub(super) struct Family<'a> {
    at: Place,
    pub(super) name: &'a [u8],
    help: &'a [u8],
    /// An enum; a counter unless it is set.
    kind: i32,
    message: Message<'a>,
    /// Whether the text format shows all that it says.
    is_all_shown: bool,
}

impl<'a> Family<'a> {
    /// Reads the message that is the body's `at`th.
    pub(super) fn read(at: Place, bytes: &'a [u8]) -> Result<Family<'a>, SyntaxErrorKind> {
        let (message, is_all_shown) = Message::family(bytes)?;
        let mut family = Family { at, name: b"", help: b"", kind: 0, message, is_all_shown };
        for field in message.fields() {
            match field.number {
                family::NAME => family.name = field.bytes(),
                family::HELP => family.help = field.bytes(),
                family::TYPE => family.kind = field.varint() as i32,
                _ => {}
            }
        }
        Ok(family)
    }

    /// Hands all of it to the decoder, where the family is at `position`. `kept` is made for the first
    /// metric of the push that needs it, since that copies the grouping key, which may be long.
    pub(super) fn say(
        &self,
        position: usize,
        decoder: &mut Decoder<'a, '_>,
        kept: &mut Option<Kept<'a>>,
    ) -> Result<(), Rejected> {
        let refused = |problem| Rejected::Refused(self.refusal(problem));
        let mut metrics = self.message.messages(family::METRIC);
        let has_timestamp =
            |metric: Message<'_>| metric.fields().any(|field| field.number == metric::TIMESTAMP);
        if metrics.clone().any(has_timestamp) {
            return Err(refused(Problem::Timestamp));
        }
        if is_push_time(self.name) {
            return Ok(()); // The gateway puts its own in the place of it.
        }
        if !decoder.names.rules().allow_metric_name(self.name) {
            return Err(refused(Problem::Name));
        }
        let kind = kind_of(self.kind).ok_or_else(|| refused(Problem::Type))?;
        let field = value_field(kind);
        let in_progress = &mut decoder.families.list[position];
        in_progress.kind = Some(kind);
        let help = self.help;
        if decoder.has_help_room(help.len()) {
            decoder.families.list[position].help = Some(escape_help(help));
        }
        if let Some(label) = kind.part_label()
            && decoder.key.names(label)
            && metrics.clone().next().is_some()
        {
            let family = lossy(self.name);
            return Err(Refusal::PartLabelInKey { family, label }.into());
        }
        let kept_start = decoder.native.len() as u32;
        metrics.try_for_each(|metric| {
            if !metric.fields().any(|one| one.number == field) {
                return Err(refused(Problem::OtherValue));
            }
            let own = labels::read(metric, kind, &decoder.rules).map_err(refused)?;
            let own_text = as_text(&own);
            let is_within = decoder.rules.check(decoder.key, &own_text);
            is_within.map_err(|kind| Rejected::Syntax(SyntaxError { at: self.at, kind }))?;
            if kind.part_label().is_some() {
                let folded = Folded::read(metric, kind).map_err(refused)?;
                say_folded(self.at, position, &folded, &own_text, decoder)?;
            } else {
                decoder.plain_sample(position, &own_text, value(metric, field));
            }
            if !self.is_all_shown {
                let kept = kept.get_or_insert_with(|| Kept::new(decoder.key));
                if decoder.has_native_room(kept.bytes_max(metric)) {
                    kept.write(&mut decoder.native, metric, &own);
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

fn say_folded(
    at: Place,
    position: usize,
    folded: &Folded<'_>,
    own: &[Label<'_>],
    decoder: &mut Decoder<'_, '_>,
) -> Result<(), Rejected> {
    let before = decoder.families.list[position].opening.before;
    let series = decoder.fold.insert(before, position, decoder.key, own);
    for (bound, value) in folded.parts() {
        decoder.fold.add(series, Role::Part, Some(Number::of(bound)), Number::of(value));
        decoder.check_size(at)?; // A part takes more memory than it has bytes on the wire.
    }
    decoder.fold.add(series, Role::Sum, None, Number::of(folded.sum));
    decoder.fold.add(series, Role::Count, None, Number::of(folded.count));
    Ok(())
}

fn as_text<'l>(own: &'l [OwnLabel<'_>]) -> SmallVec<[Label<'l>; 8]> {
    own.iter().map(OwnLabel::as_text).collect()
}

/// The value of a metric that has no parts.
fn value(metric: Message<'_>, field: u32) -> Number<'static> {
    let values = metric.messages(field).flat_map(Message::fields);
    let last = values.filter(|field| field.number == value::VALUE).last();
    Number::of(last.map_or(0.0, Field::double))
}
