//! Reads numbers, bytes and messages from the front of a file.

use super::error::{Error, Reason};

/// What is unread of the file, or of one message in it.
#[derive(Debug)]
pub(super) struct Input<'a> {
    rest: &'a [u8],
    /// The byte of the file that `rest` begins at.
    offset: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(file: &'a [u8]) -> Input<'a> {
        Input { rest: file, offset: 0 }
    }

    /// The byte of the file that is read next.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Error> {
        let cut = Error { offset: self.offset + self.rest.len(), reason: Reason::Cut };
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(cut)?;
        self.rest = rest;
        self.offset += bytes;
        Ok(taken)
    }

    /// An unsigned number: one byte below 128, or how many follow as a negative one, high ones first.
    pub(super) fn uint(&mut self) -> Result<u64, Error> {
        let offset = self.offset;
        let first = self.take(1)?[0];
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        let length = first.wrapping_neg();
        if length > 8 {
            return Err(Error { offset, reason: Reason::Number });
        }
        let bytes = self.take(usize::from(length))?;
        Ok(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// A signed number: its lowest bit says whether the others are complemented.
    pub(super) fn int(&mut self) -> Result<i64, Error> {
        let number = self.uint()?;
        let magnitude = (number >> 1) as i64;
        Ok(if number & 1 == 1 { !magnitude } else { magnitude })
    }

    /// How many elements follow. Each takes a byte at least, so that there cannot be more of them than bytes.
    pub(super) fn count(&mut self) -> Result<usize, Error> {
        let offset = self.offset;
        let count = self.uint()?;
        match usize::try_from(count) {
            Ok(fitting) if fitting <= self.rest.len() => Ok(fitting),
            _ => Err(Error { offset, reason: Reason::Length(count, self.rest.len()) }),
        }
    }

    /// Bytes behind their length.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let length = self.count()?;
        self.take(length)
    }

    /// Text behind its length.
    pub(super) fn text(&mut self) -> Result<&'a str, Error> {
        let offset = self.offset;
        std::str::from_utf8(self.bytes()?).map_err(|_| Error { offset, reason: Reason::Text })
    }

    /// A message behind its length, to be read by itself.
    pub(super) fn message(&mut self) -> Result<Input<'a>, Error> {
        let rest = self.bytes()?;
        Ok(Input { rest, offset: self.offset - rest.len() })
    }

    /// The fields of a struct: `read` is given the number of each, from 0 on, and reads its value.
    pub(super) fn fields(
        &mut self,
        mut read: impl FnMut(&mut Input<'a>, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut next: u64 = 0;
        loop {
            let offset = self.offset;
            // How many fields it is further than the one before.
            let delta = self.uint()?;
            if delta == 0 {
                return Ok(());
            }
            let behind = next.checked_add(delta);
            next = behind.ok_or(Error { offset, reason: Reason::Field(u64::MAX) })?;
            read(self, next - 1)?;
        }
    }

    /// The mark before a value that is no struct.
    pub(super) fn expect_zero(&mut self) -> Result<(), Error> {
        let offset = self.offset;
        match self.uint()? {
            0 => Ok(()),
            number => Err(Error { offset, reason: Reason::Field(number) }),
        }
    }

    /// Nothing more may be there.
    pub(super) fn end(&self) -> Result<(), Error> {
        let more = Error { offset: self.offset, reason: Reason::More };
        if self.rest.is_empty() { Ok(()) } else { Err(more) }
    }
}
