//! Pushes in the text format, read line by line.

pub(super) mod cursor;
pub(crate) mod line;
pub(super) mod line_ends;
pub(crate) mod offender;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::OnceCell;

use memchr::memchr;

use self::line::{Grammar, Line};
use crate::exposition::Kind;
use crate::push::allowance::{Allowance, expected};
use crate::push::batch::Batch;
use crate::push::error::{Refusal, Rejected, SyntaxErrorKind};
use crate::push::key::GroupingKey;
use crate::push::place::Place;
use crate::push::rules::Rules;
use crate::push::samples::Decoder;
use crate::push::samples::labels::Labels;

/// Decodes a body in the text format 0.0.4 of which nothing is known.
pub(super) fn decode_anew(
    key: &GroupingKey,
    body: &[u8],
    rules: Rules,
    allowance: Allowance<'_>,
) -> Result<Batch, Rejected> {
    let kept = OnceCell::new();
    let mut decoder = Decoder::new(key, expected(key, body), rules, allowance, &kept);
    decoder.check_utf8 = !body.is_ascii() && !is_utf8(body);
    decoder.decode(body)
}

impl<'a> Decoder<'a, '_> {
    fn decode(mut self, body: &'a [u8]) -> Result<Batch, Rejected> {
        let grammar =
            Grammar { names: self.names, key: self.key, labels_max: self.rules.labels_max };
        let mut labels = Labels::default();
        let mut rest = body;
        let mut number = 0;
        while !rest.is_empty() {
            self.check_size(Place::Line(number))?;
            number += 1;
            let line_end = memchr(b'\n', rest);
            let end = line_end.unwrap_or(rest.len());
            let line = line_ends::without_mark(&rest[..end]);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line_end.is_none() && !line_ends::may_end_open(line) {
                return Err(SyntaxErrorKind::LineEnds.in_line(number));
            }
            rest = rest.get(end + 1..).unwrap_or_default();
            self.line(grammar, line, number, &mut labels).map_err(|kind| {
                if line_ends::is_joined(line.trim_ascii()) {
                    return SyntaxErrorKind::LineEnds.in_line(number);
                }
                kind.of(number, offender::offender(grammar, line, kind))
            })?;
        }
        if self.series.is_empty()
            && self.assembly.is_empty()
            && let Some(joined) = line_ends::joined_line(body)
        {
            return Err(SyntaxErrorKind::LineEnds.in_line(joined));
        }
        self.finish(Place::Line(number))
    }

    #[inline]
    fn line(
        &mut self,
        grammar: Grammar<'a>,
        line: &'a [u8],
        number: u32,
        labels: &mut Labels<'a>,
    ) -> Result<(), SyntaxErrorKind> {
        match grammar.split(line, self.families.last_name(), labels)? {
            Line::Nothing => {}
            Line::Mention { name } => {
                self.families.resolve(name);
            }
            Line::Help { name, text } => self.help(name, text)?,
            Line::Type { name, kind } => self.kind(name, kind)?,
            Line::Sample(sample) => {
                // No label is longer than its line.
                if labels.has_new_names() || line.len() > self.rules.label_bytes_max {
                    self.rules.check(self.key, &labels.list)?;
                }
                if self.check_utf8 && !labels.are_utf8() {
                    return Err(SyntaxErrorKind::Utf8);
                }
                let (family, role) = self.families.resolve(sample.name);
                if sample.has_timestamp {
                    self.refusal.get_or_insert(Refusal::Timestamp { line: number });
                }
                if labels.has_reserved() {
                    self.refuse(family, |_| Refusal::ReservedLabel { line: number });
                }
                let kind = *self.families.list[family].kind.get_or_insert(Kind::Untyped);
                if kind.part_label().is_some() {
                    self.sample_with_parts(family, kind, role, labels, sample.value)?;
                } else if sample.canonical.is_empty() {
                    self.plain_sample(family, labels, sample.value);
                } else {
                    self.canonical_sample(family, labels, &sample);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn kind(&mut self, name: &'a [u8], word: &[u8]) -> Result<(), SyntaxErrorKind> {
        let family = self.families.resolve(name).0;
        let family = &mut self.families.list[family];
        if family.kind.is_some() {
            return Err(SyntaxErrorKind::SecondType);
        }
        family.kind = Some(Kind::parse(word).ok_or(SyntaxErrorKind::UnknownType)?);
        Ok(())
    }

    pub(crate) fn help(&mut self, name: &'a [u8], text: &'a [u8]) -> Result<(), SyntaxErrorKind> {
        let family = self.families.resolve(name).0;
        let family = &mut self.families.list[family];
        if family.help.is_some() {
            return Err(SyntaxErrorKind::SecondHelp);
        }
        family.help_has_escapes = has_escapes(text)?;
        if self.check_utf8 && !is_utf8(text) {
            return Err(SyntaxErrorKind::Utf8);
        }
        family.help = Some(Cow::Borrowed(text));
        Ok(())
    }
}

/// Whether a help text has escapes, all of which must be valid.
pub(super) fn has_escapes(mut text: &[u8]) -> Result<bool, SyntaxErrorKind> {
    let mut has_some = false;
    while let Some(at) = memchr(b'\\', text) {
        has_some = true;
        match text.get(at + 1) {
            Some(b'\\' | b'"' | b'n') => text = &text[at + 2..],
            _ => return Err(SyntaxErrorKind::HelpEscape),
        }
    }
    Ok(has_some)
}

fn is_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}
