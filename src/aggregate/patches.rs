//! New values for some lines of a text.

use crate::aggregate::series::ValuePlace;
use crate::exposition::write_number;

/// What changes of a text: pieces that do not overlap, in their order.
#[derive(Debug, Default)]
pub struct Patches {
    list: Vec<Patch>,
    /// Whether some are not in their order yet.
    is_mixed: bool,
    /// The new values, one after the other.
    bytes: Vec<u8>,
}

/// A piece of the text, and what is there from now on.
#[derive(Debug, Clone, Copy)]
struct Patch {
    at: u32,
    len: u32,
    new: [u32; 2],
}

impl Patch {
    fn grows(&self) -> i64 {
        i64::from(self.new[1] - self.new[0]) - i64::from(self.len)
    }
}

impl Patches {
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.is_mixed = false;
        self.bytes.clear();
    }

    /// Notes the new value that stands at a place from now on, unless it is the same. Answers how long it is.
    pub(super) fn value(&mut self, text: &[u8], place: ValuePlace, value: f64) -> u32 {
        let ValuePlace { at, mut len } = place;
        let start = self.bytes.len() as u32;
        write_number(&mut self.bytes, value);
        let end = self.bytes.len() as u32;
        self.is_mixed |= self.list.last().is_some_and(|last| last.at >= at);
        if self.is_mixed {
            // It may be another new value for the same place, which has the length of the first one.
            let behind = &text[at as usize..];
            len = behind.iter().position(|byte| *byte == b'\n').unwrap_or(behind.len()) as u32;
        } else if end - start == len
            && self.bytes[start as usize..] == text[at as usize..][..len as usize]
        {
            self.bytes.truncate(start as usize);
            return len;
        }
        self.list.push(Patch { at, len, new: [start, end] });
        end - start
    }

    /// Brings them in their order. Of two for one value, the later one counts.
    pub(super) fn order(&mut self) {
        if !std::mem::take(&mut self.is_mixed) {
            return;
        }
        self.list.sort_by_key(|patch| patch.at);
        self.list.reverse();
        self.list.dedup_by_key(|patch| patch.at);
        self.list.reverse();
    }

    /// Moves the starts of pieces of the text, which are in order, to where they are behind the change.
    pub(super) fn shift<'s>(&self, starts: impl Iterator<Item = &'s mut u32>) {
        let (mut patches, mut by) = (self.list.iter().peekable(), 0);
        for start in starts {
            while let Some(patch) = patches.next_if(|patch| patch.at < *start) {
                by += patch.grows();
            }
            *start = (i64::from(*start) + by) as u32;
        }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether the rest of the text stays where it is.
    pub fn keep_lengths(&self) -> bool {
        self.list.iter().all(|patch| patch.grows() == 0)
    }

    /// By how much the text grows.
    pub fn growth(&self) -> i64 {
        self.list.iter().map(Patch::grows).sum()
    }

    /// Changes a text whose length stays.
    pub fn overwrite(&self, text: &mut [u8]) {
        for Patch { at, len, new } in &self.list {
            text[*at as usize..][..*len as usize]
                .copy_from_slice(&self.bytes[new[0] as usize..new[1] as usize]);
        }
    }

    /// Appends the changed text.
    pub fn splice(&self, text: &[u8], out: &mut Vec<u8>) {
        let mut end = 0;
        for Patch { at, len, new } in &self.list {
            out.extend_from_slice(&text[end..*at as usize]);
            out.extend_from_slice(&self.bytes[new[0] as usize..new[1] as usize]);
            end = (*at + *len) as usize;
        }
        out.extend_from_slice(&text[end..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_change_wherever_they_stand_and_starts_move_with_them() {
        let text = b"a 1\nb 22\nc 3\nd 4\n";
        let lines = [0_u32, 4, 9, 13];
        for (values, expected) in [
            (vec![(2, 1.0)], "a 1\nb 22\nc 1\nd 4\n"),
            (vec![(0, 100.0), (3, 0.5)], "a 100\nb 22\nc 3\nd 0.5\n"),
            (vec![(3, 5.0), (1, 7.0), (3, 44.0)], "a 1\nb 7\nc 3\nd 44\n"),
            (vec![(3, 5.0), (1, 7.0), (3, 4.0)], "a 1\nb 7\nc 3\nd 4\n"),
            (vec![(1, 9.0), (1, 22.0)], "a 1\nb 22\nc 3\nd 4\n"),
            (vec![(1, 22.0)], "a 1\nb 22\nc 3\nd 4\n"),
        ] {
            let mut patches = Patches::default();
            for (line, value) in &values {
                let (at, len) = (lines[*line] + 2, if *line == 1 { 2 } else { 1 });
                patches.value(text, ValuePlace { at, len }, *value);
            }
            patches.order();
            let (mut out, mut starts) = (Vec::new(), lines);
            patches.splice(text, &mut out);
            patches.shift(starts.iter_mut());
            assert_eq!(String::from_utf8_lossy(&out), expected);
            let names: Vec<u8> = starts.iter().map(|start| out[*start as usize]).collect();
            assert_eq!(names, b"abcd");
            if patches.keep_lengths() {
                let mut same = *text;
                patches.overwrite(&mut same);
                assert_eq!(same[..], out[..]);
            }
        }
    }
}
