//! Pushes whose body is `MetricFamily` messages, each behind its length as a varint.
//!
//! The messages are walked where they lie: nothing is copied but label values and help texts that need
//! escapes. What they say goes the way that text goes, through [`Decoder`], so
//! that the same content is spelled the same whichever way it was pushed.
//!
//! First all messages are checked against [`schema`], which finds whatever is malformed and touches
//! nothing; then [`family`] says them, which can only be refused, or have labels beyond the bounds. [`assembled`] and [`native`] know
//! histograms, and [`kept`] writes the protobuf form of what text cannot say.
//!
//! **Invariant:** a family of a name replaces an earlier one of that name in the same body, as in the
//! reference: of the earlier one, only that it is well-formed matters.

mod assembled;
mod family;
mod kept;
mod labels;
mod native;
mod schema;
#[cfg(test)]
mod tests;
pub(super) mod wire;

use std::cell::OnceCell;

use self::family::Family;
use crate::push::allowance::Allowance;
use crate::push::batch::Batch;
use crate::push::error::Rejected;
use crate::push::key::GroupingKey;
use crate::push::place::Place;
use crate::push::rules::Rules;
use crate::push::samples::Decoder;
use crate::push::samples::labels::Labels;

/// Decodes a body of delimited protobuf of which nothing is known.
pub(super) fn decode_protobuf_anew(
    key: &GroupingKey,
    body: &[u8],
    rules: Rules,
    allowance: Allowance<'_>,
) -> Result<Batch, Rejected> {
    let names = OnceCell::new();
    let expected = (body.len() + body.len() / 2, 0);
    let mut decoder = Decoder::new(key, expected, rules, allowance, &names);
    let families = read(body, &mut decoder)?;
    let (mut labels, mut kept) = (Labels::default(), None);
    for (position, family) in families.iter().enumerate() {
        family.say(position, &mut decoder, &mut labels, &mut kept)?;
    }
    decoder.finish(Place::Family(families.len() as u32))
}

/// Reads all messages, and answers those that count, in the order in which the decoder has their names.
fn read<'a>(body: &'a [u8], decoder: &mut Decoder<'a, '_>) -> Result<Vec<Family<'a>>, Rejected> {
    let mut families: Vec<Family<'a>> = Vec::new();
    let (mut rest, mut number) = (body, 0);
    while !rest.is_empty() {
        number += 1;
        let at = Place::Family(number);
        let family = wire::delimited(&mut rest)
            .and_then(|message| Family::read(at, message))
            .map_err(|kind| kind.in_message(at))?;
        match families.get_mut(decoder.families.exact(family.name)) {
            Some(earlier) => *earlier = family,
            None => families.push(family),
        }
        decoder.check_size(at)?;
    }
    Ok(families)
}
