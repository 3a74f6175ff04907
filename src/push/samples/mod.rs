//! What both readers have in common: the samples of a push, taken one by one and rendered.
//!
//! A reader (`text` or `protobuf`) tells the [`Decoder`] of families and samples, and [`Decoder::finish`] makes the batch.
//!
//! - `families` finds the family of a sample; `opening` is how its lines begin, `names` what its name may be.
//! - `labels` merges the labels of a sample with those of the group; `number` is its value.
//! - `take` renders samples; `assemble` puts the lines of a histogram or summary together.
//! - `memory` asks for memory before the decoder takes it.
//! - `finish` checks what only the whole push can show.

pub(crate) mod assemble;
pub(crate) mod families;
pub(crate) mod finish;
pub(crate) mod labels;
mod memory;
pub(crate) mod names;
pub(crate) mod number;
mod opening;
mod take;

use std::cell::OnceCell;

use self::assemble::Assembly;
use self::families::Families;
use self::finish::{Room, finish, is_push_time, lossy};
use self::labels::GroupLabels;
use self::memory::Stopped;
use self::names::{KeptNames, Names};
use crate::push::allowance::Allowance;
use crate::push::batch::Batch;
use crate::push::batch::series::Series;
use crate::push::error::{Refusal, Rejected};
use crate::push::key::GroupingKey;
use crate::push::place::Place;
use crate::push::rules::Rules;

/// Room for as many series as most pushes have.
const SERIES_EXPECTED: usize = 32;

pub(crate) struct Decoder<'a, 's> {
    pub(crate) key: &'a GroupingKey,
    pub(crate) group: GroupLabels<'a>,
    pub(crate) rules: Rules,
    pub(crate) names: Names<'a>,
    pub(crate) families: Families<'a>,
    pub(crate) assembly: Assembly<'a>,
    text: Vec<u8>,
    /// The protobuf forms that are kept.
    pub(crate) native: Vec<u8>,
    pub(crate) series: Vec<Series>,
    /// Set when the body is not UTF-8 somewhere: then each label value and help text is looked at.
    /// (Names in quotes always are; what stands in other comments does not matter.)
    pub(crate) check_utf8: bool,
    /// The first reason to refuse. Reading goes on, since a line that cannot be read counts for more.
    pub(crate) refusal: Option<Refusal>,
    allowance: Allowance<'s>,
    /// Set when what comes next is more than the allowance; then it has been left out.
    stopped: Option<Stopped>,
    /// How often the size has been looked at.
    looks: u32,
    /// How many stretches of text stand apart from others of their family.
    segments: usize,
    /// How many bytes help texts take that had to be written anew.
    help_bytes: usize,
}

impl<'a, 's> Decoder<'a, 's> {
    /// A decoder that has read nothing yet, of a body that is expected to come to so many bytes and samples.
    pub(crate) fn new(
        key: &'a GroupingKey,
        (bytes, samples): (usize, usize),
        rules: Rules,
        mut allowance: Allowance<'s>,
        kept: &'a OnceCell<KeptNames>,
    ) -> Self {
        let names = Names::new(rules.names, kept);
        let mut bytes = bytes.min(allowance.rendered_bytes_max);
        let mut series = samples.max(SERIES_EXPECTED);
        if !allowance.holds(bytes + series * size_of::<Series>()) {
            (bytes, series) = (0, 0); // It may come to less.
        }
        Decoder {
            key,
            group: GroupLabels::new(key),
            rules,
            names,
            families: Families::new(names),
            assembly: Assembly::default(),
            text: Vec::with_capacity(bytes),
            native: Vec::new(),
            series: Vec::with_capacity(series),
            check_utf8: false,
            refusal: None,
            allowance,
            stopped: None,
            looks: 0,
            segments: 0,
            help_bytes: 0,
        }
    }

    /// Notes what is wrong with a family, unless the push is refused for something else already, or
    /// the family is one that the gateway puts its own in the place of.
    pub(crate) fn refuse(&mut self, family: usize, refusal: impl FnOnce(String) -> Refusal) {
        let name = self.families.list[family].name;
        if !is_push_time(name) {
            self.refusal.get_or_insert_with(|| refusal(lossy(name)));
        }
    }

    /// Makes the batch, once all has been taken.
    pub(crate) fn finish(mut self, at: Place) -> Result<Batch, Rejected> {
        self.check_size(at)?;
        self.render_assembled();
        self.go_on(at)?;
        let (held, key_bytes) = (self.memory_bytes(), self.key.text().len());
        if let Some(refusal) = self.refusal {
            return Err(Rejected::Refused(refusal));
        }
        let rules = self.names.rules();
        let Decoder { families, text, series, native, allowance, .. } = self;
        let mut room = Room { allowance, held, key_bytes };
        finish(&families.list, rules, text, series, native, &mut room)
    }
}
