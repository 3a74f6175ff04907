//! A push that has been read to its end: what only the whole of it can show, and the batch.

use smallvec::SmallVec;

use crate::exposition::{Kind, NameRules, has_quoted_names, write_help};
use crate::push::allowance::{Allowance, TooLarge};
use crate::push::batch::empty_labels::duplicate;
use crate::push::batch::series::{Series, has_duplicate};
use crate::push::batch::strings::Strings;
use crate::push::batch::{Batch, BatchFamily};
use crate::push::error::{Refusal, Rejected};
use crate::push::samples::families::{FamilyInProgress, Segment};
use crate::push::{PUSH_FAILURE_TIME, PUSH_TIME};

/// Makes the batch from the families read, whose segments lie in `text` and `series`, and whose
/// protobuf forms, where they are kept, in `native`.
///
/// Families without samples say nothing, and the two that the gateway sets itself are left out. Offsets fit
/// 32 bits, since neither text nor strings are larger than [`RENDERED_BYTES_MAX`](super::RENDERED_BYTES_MAX); joined
/// segments at most double the text. `room` has the bound, and is asked for what is more than `held` bytes.
pub(crate) fn finish(
    families: &[FamilyInProgress<'_>],
    rules: NameRules,
    mut text: Vec<u8>,
    mut series: Vec<Series>,
    native: Vec<u8>,
    room: &mut Room<'_>,
) -> Result<Batch, Rejected> {
    let is_exposed =
        |family: &&FamilyInProgress<'_>| family.samples > 0 && !is_push_time(family.name);
    let mut sorted: SmallVec<[(u128, &FamilyInProgress<'_>); 24]> =
        families.iter().filter(is_exposed).map(|family| (prefix(family.name), family)).collect();
    // Most names differ in what is compared at once.
    sorted.sort_unstable_by_key(|(prefix, family)| (*prefix, family.name));
    let sorted: SmallVec<[&FamilyInProgress<'_>; 24]> =
        sorted.into_iter().map(|(_, family)| family).collect();
    let strings_bytes = |family: &&FamilyInProgress<'_>| {
        family.name.len() + family.help.as_deref().map_or(0, <[u8]>::len)
    };
    let strings_bytes: usize = sorted.iter().map(strings_bytes).sum();
    if text.len() + native.len() + strings_bytes > room.allowance.rendered_bytes_max {
        return Err(Rejected::TooLarge(TooLarge {
            bytes_max: room.allowance.rendered_bytes_max,
            at: None,
            key_bytes: room.key_bytes,
        }));
    }
    let has_escapes = sorted.iter().any(|family| family.help_has_escapes);
    room.take(if has_escapes { 2 * strings_bytes } else { strings_bytes })?;
    reserve_joined(&sorted, &mut text, &mut series, room)?;
    let mut strings = Vec::with_capacity(strings_bytes);
    let mut batch_families = Vec::with_capacity(sorted.len());
    for (at, family) in sorted.iter().enumerate() {
        check_name(family, &sorted[at + 1..])?;
        let segment = joined(&family.segments, &mut text, &mut series);
        let [from, to] = segment.series;
        let of_family = &mut series[from as usize..to as usize];
        if has_duplicate(of_family) {
            let kind = family.kind.unwrap_or(Kind::Untyped);
            let text = &text[segment.text[0] as usize..segment.text[1] as usize];
            return Err(duplicate(&lossy(family.name), kind, text, of_family).into());
        }
        batch_families.push(BatchFamily {
            kind: family.kind.unwrap_or(Kind::Untyped),
            samples: family.samples,
            has_quoted_names: rules == NameRules::Utf8
                && has_quoted_names(&text[segment.text[0] as usize..segment.text[1] as usize]),
            strings: push_strings(&mut strings, family),
            series: segment.series,
            text: segment.text,
            native: family.native,
        });
    }
    let strings = String::from_utf8(strings).expect("names and help texts have been checked");
    let strings = Strings::Own(strings);
    Ok(Batch { families: batch_families, strings, series, text, native, likeness: None })
}

/// How a name begins, as a number that has the order of the names.
fn prefix(name: &[u8]) -> u128 {
    let mut bytes = [0; size_of::<u128>()];
    let len = name.len().min(bytes.len());
    bytes[..len].copy_from_slice(&name[..len]);
    u128::from_be_bytes(bytes)
}

/// Refuses a family when its samples would carry the name of another of the push.
fn check_name(
    family: &FamilyInProgress<'_>,
    following: &[&FamilyInProgress<'_>],
) -> Result<(), Refusal> {
    let suffixes = family.kind.map_or(&[][..], Kind::occupied_suffixes);
    if suffixes.is_empty() {
        return Ok(());
    }
    // In the order of names, those that begin with this one stand right behind it.
    let names = following.iter().map(|family| family.name);
    for (name, rest) in names.map_while(|name| Some((name, name.strip_prefix(family.name)?))) {
        if suffixes.iter().any(|suffix| suffix.as_bytes() == rest) {
            return Err(Refusal::NameOccupied { name: lossy(name) });
        }
    }
    Ok(())
}

/// What is left to take memory from, once a push has been read.
pub(crate) struct Room<'r> {
    pub(crate) allowance: Allowance<'r>,
    /// How many bytes are taken.
    pub(crate) held: usize,
    /// How many bytes the grouping labels have.
    pub(crate) key_bytes: usize,
}

impl Room<'_> {
    fn take(&mut self, bytes: usize) -> Result<(), Rejected> {
        self.held += bytes;
        if self.allowance.holds(self.held) { Ok(()) } else { Err(Rejected::NoRoom) }
    }
}

/// Makes room for the copies of segments that are joined, and for those of which the order is looked at.
fn reserve_joined(
    families: &[&FamilyInProgress<'_>],
    text: &mut Vec<u8>,
    series: &mut Vec<Series>,
    room: &mut Room<'_>,
) -> Result<(), Rejected> {
    let len = |[start, end]: [u32; 2]| (end - start) as usize;
    let (mut text_bytes, mut series_len, mut series_max) = (0, 0, 0);
    for family in families {
        let mut own = 0;
        for segment in &family.segments {
            own += len(segment.series);
            if family.segments.len() > 1 {
                text_bytes += len(segment.text);
                series_len += len(segment.series);
            }
        }
        series_max = own.max(series_max);
    }
    // What grows is there twice meanwhile.
    let grown = if series_len > 0 { 2 * text_bytes + text.len() } else { 0 };
    room.take(grown + (2 * series_len + series_max) * size_of::<Series>())?;
    text.reserve_exact(text_bytes);
    series.reserve_exact(series_len);
    Ok(())
}

/// The segments as one. Most often they are, since the samples of a family stand together; where they
/// do not, copies of them are put together behind all others.
fn joined(segments: &[Segment], text: &mut Vec<u8>, series: &mut Vec<Series>) -> Segment {
    if let [segment] = segments {
        return *segment;
    }
    let (text_start, series_start) = (text.len() as u32, series.len() as u32);
    for segment in segments {
        text.extend_from_within(segment.text[0] as usize..segment.text[1] as usize);
        series.extend_from_within(segment.series[0] as usize..segment.series[1] as usize);
    }
    Segment { text: [text_start, text.len() as u32], series: [series_start, series.len() as u32] }
}

fn push_strings(strings: &mut Vec<u8>, family: &FamilyInProgress<'_>) -> [u32; 3] {
    let name_start = strings.len() as u32;
    strings.extend_from_slice(family.name);
    let name_end = strings.len() as u32;
    let help = family.help.as_deref().unwrap_or_default();
    if family.help_has_escapes {
        write_help(strings, help);
    } else {
        strings.extend_from_slice(help);
    }
    [name_start, name_end, strings.len() as u32]
}

/// Whether the gateway sets the family of that name itself.
pub(crate) fn is_push_time(name: &[u8]) -> bool {
    name == PUSH_TIME.as_bytes() || name == PUSH_FAILURE_TIME.as_bytes()
}

pub(crate) fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::cell::OnceCell;

    use super::*;
    use crate::exposition::NameRules;
    use crate::push::RENDERED_BYTES_MAX;
    use crate::push::samples::families::Families;
    use crate::push::samples::names::Names;

    #[test]
    fn help_texts_are_bounded() {
        let kept = OnceCell::new();
        let finished = |help_bytes: usize| {
            let mut families = Families::new(Names::new(NameRules::Legacy, &kept));
            let family = families.exact(b"m");
            families.list[family].samples = 1;
            families.list[family].help = Some(Cow::Owned(vec![b'x'; help_bytes]));
            let allowance = Allowance::unlimited();
            let mut room = Room { allowance, held: 0, key_bytes: 0 };
            let (text, native) = (Vec::new(), Vec::new());
            finish(&families.list, NameRules::Legacy, text, Vec::new(), native, &mut room)
        };
        assert!(finished(100).is_ok());
        assert!(matches!(finished(RENDERED_BYTES_MAX), Err(Rejected::TooLarge(_))));
    }
}
