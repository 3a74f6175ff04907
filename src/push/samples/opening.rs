//! How the samples of a family begin.
//!
//! A legacy name stands before the braces, any other one in quotes inside them:
//! `name{job="j"} 1`, `{"a.b",job="j"} 1`. Either way it may get a suffix, and labels follow: every
//! sample has some, since every group has a job.

use crate::exposition::{is_metric_name, write_label_value};
use crate::push::batch::series::{Series, SeriesHasher};
use crate::push::samples::names::Names;

/// What stands around the suffix of a family's name, up to where the labels follow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening<'a> {
    /// The name, or the name with what opens its quotes.
    pub(crate) before: &'a [u8],
    pub(crate) is_quoted: bool,
}

impl<'a> Opening<'a> {
    /// The opening of the family called `name`, which is allowed.
    pub(crate) fn new(name: &'a [u8], names: Names<'a>) -> Opening<'a> {
        match names {
            Names::Utf8(kept) if !is_metric_name(name) => {
                let mut before = b"{\"".to_vec();
                write_label_value(&mut before, name);
                Opening { before: kept.keep(before.into()), is_quoted: true }
            }
            _ => Opening { before: name, is_quoted: false },
        }
    }

    /// What the name adds to the fingerprint of each series.
    pub(crate) fn fingerprint(self) -> Series {
        let hasher = SeriesHasher::get();
        match self.before.strip_prefix(b"{") {
            Some(open) if self.is_quoted => hasher.part(&[open, b"\""].concat()),
            _ => hasher.part(self.before),
        }
    }

    pub(crate) fn behind(self) -> &'static [u8] {
        if self.is_quoted { b"\"," } else { b"{" }
    }

    /// Appends what is behind; quicker than to copy from elsewhere.
    pub(crate) fn write_behind(self, out: &mut Vec<u8>) {
        if self.is_quoted {
            out.extend_from_slice(b"\",");
        } else {
            out.push(b'{');
        }
    }
}
