//! A body taken apart at its values: what stands before each of them, and behind the last.

use super::format::Format;
use super::protobuf;
use crate::push::protobuf::wire;
use crate::push::samples::number::Number;

/// The first marker. All of them are integers of six digits, which come out as they are spelled.
pub(super) const MARKER: usize = 100_000;

/// How a value is spelled.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// In decimal, up to the end of the line.
    Text,
    /// As eight bytes of protobuf.
    Double,
    /// As a varint of protobuf.
    Varint,
}

/// All of a body but its values.
#[derive(Debug, Default)]
pub(super) struct Apart {
    /// All of it, in one piece, since each push reads it.
    text: Vec<u8>,
    /// Where the text before each value ends.
    before: Vec<(u32, Form)>,
}

impl Apart {
    /// Takes a body apart, and answers it also with a marker in the place of each value. `None` where this cannot be told
    /// by looking at the ends of its lines, or at the fields of its messages.
    pub(super) fn of(format: Format, body: &[u8]) -> Option<(Apart, Vec<u8>)> {
        match format {
            Format::Text => of_text(body),
            Format::Protobuf => protobuf::apart(body),
        }
    }

    /// Adds a value: the body from `from` to `at` stands before it. Answers the marker that it gets.
    pub(super) fn push(&mut self, before: &[u8], form: Form) -> usize {
        self.text.extend_from_slice(before);
        self.before.push((self.text.len() as u32, form));
        MARKER + self.before.len() - 1
    }

    pub(super) fn end(&mut self, behind: &[u8]) {
        self.text.extend_from_slice(behind);
        self.text.shrink_to_fit();
        self.before.shrink_to_fit();
    }

    pub(super) fn values_len(&self) -> usize {
        self.before.len()
    }

    /// How many bytes of memory it takes, about.
    pub(super) fn memory_bytes(&self) -> usize {
        self.text.len() + size_of_val(&self.before[..])
    }

    /// Reads the values of a body, as long as `take` wants more. Answers whether the body differs in nothing else.
    #[inline]
    pub(super) fn read<'a>(
        &self,
        body: &'a [u8],
        mut take: impl FnMut(Number<'a>) -> bool,
    ) -> bool {
        let (mut rest, mut start) = (body, 0);
        for (end, form) in &self.before {
            let before = &self.text[start..*end as usize];
            start = *end as usize;
            let value = rest.strip_prefix(before).and_then(|from| {
                rest = from;
                value(&mut rest, *form)
            });
            if !value.is_some_and(&mut take) {
                return false;
            }
        }
        *rest == self.text[start..]
    }
}

/// Takes a value that is spelled so.
#[inline]
fn value<'a>(rest: &mut &'a [u8], form: Form) -> Option<Number<'a>> {
    match form {
        Form::Text => {
            let (value, behind) = rest.split_at(rest.iter().position(|&byte| byte == b'\n')?);
            *rest = behind;
            Number::parse(value)
        }
        Form::Double => {
            let (bytes, behind) = rest.split_first_chunk()?;
            *rest = behind;
            Some(Number::of(f64::from_le_bytes(*bytes)))
        }
        Form::Varint => wire::varint(rest).ok().map(|value| Number::of(value as f64)),
    }
}

fn of_text(body: &[u8]) -> Option<(Apart, Vec<u8>)> {
    let (mut apart, mut marked) = (Apart::default(), Vec::new());
    let (mut from, mut at) = (0, 0);
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        let is_sample = !matches!(line.trim_ascii_start(), [] | [b'#', ..]);
        if is_sample {
            let value_start = line.iter().rposition(|&byte| byte == b' ')? + 1;
            Number::parse(line[value_start..].strip_suffix(b"\n")?)?;
            let before = &body[from..at + value_start];
            let marker = apart.push(before, Form::Text);
            marked.extend_from_slice(before);
            marked.extend_from_slice(marker.to_string().as_bytes());
            from = at + line.len() - 1;
        }
        at += line.len();
    }
    apart.end(&body[from..]);
    marked.extend_from_slice(&body[from..]);
    Some((apart, marked))
}
