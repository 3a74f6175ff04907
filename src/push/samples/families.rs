//! The families of a push while it is read. Start with [`Families::resolve`], which finds the family of a line.

use std::borrow::Cow;

use hashbrown::HashTable;
use smallvec::SmallVec;

use crate::exposition::Kind;
use crate::push::batch::series::{Series, SeriesHasher};
use crate::push::samples::names::Names;
use crate::push::samples::opening::Opening;

/// A stretch of the push's rendered text, and the fingerprints of the series in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) text: [u32; 2],
    pub(crate) series: [u32; 2],
}

/// A family of which some lines have been read.
#[derive(Debug)]
pub(crate) struct FamilyInProgress<'a> {
    /// As it is meant, without quotes and escapes.
    pub(crate) name: &'a [u8],
    pub(crate) opening: Opening<'a>,
    /// What the name adds to the fingerprint of each series.
    pub(crate) fingerprint: Series,
    pub(crate) help: Option<Cow<'a, [u8]>>,
    pub(crate) help_has_escapes: bool,
    pub(crate) kind: Option<Kind>,
    pub(crate) samples: u32,
    /// Its rendered samples, in order; adjacent stretches are one.
    pub(crate) segments: SmallVec<[Segment; 1]>,
    /// Where its protobuf form stands among those kept; empty when none is.
    pub(crate) native: [u32; 2],
}

impl FamilyInProgress<'_> {
    /// Adds samples, and answers whether they stand apart from those before.
    pub(crate) fn extend(&mut self, segment: Segment, samples: u32) -> bool {
        self.samples += samples;
        match self.segments.last_mut() {
            Some(last)
                if last.text[1] == segment.text[0] && last.series[1] == segment.series[0] =>
            {
                last.text[1] = segment.text[1];
                last.series[1] = segment.series[1];
                false
            }
            _ => {
                self.segments.push(segment);
                true
            }
        }
    }
}

/// What a sample's name says about its place in a histogram or summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A bucket or quantile; in any other family, the sample itself.
    Part,
    Sum,
    Count,
}

/// Room for as many families as most pushes have.
const FAMILIES_EXPECTED: usize = 24;

/// Up to this many families, looking at each is quicker than hashing.
const SEARCHED_MAX: usize = 16;

/// All families of a push, in order of appearance, found by name.
#[derive(Debug)]
pub(crate) struct Families<'a> {
    names: Names<'a>,
    pub(crate) list: Vec<FamilyInProgress<'a>>,
    /// Empty while there are few.
    by_name: HashTable<u32>,
    /// The last name looked up and its answer, which stays right: a name that once led to a family
    /// leads there for the rest of the push. Empty in place of a name that needs quotes.
    last: (&'a [u8], usize, Role),
}

impl<'a> Families<'a> {
    pub(crate) fn new(names: Names<'a>) -> Self {
        Families {
            names,
            list: Vec::with_capacity(FAMILIES_EXPECTED),
            by_name: HashTable::new(),
            last: (b"", 0, Role::Part),
        }
    }

    /// The family of that very name.
    pub(crate) fn position(&self, name: &[u8]) -> Option<usize> {
        if self.list.len() <= SEARCHED_MAX {
            return self.list.iter().position(|family| family.name == name);
        }
        let found =
            self.by_name.find(hash(name), |&position| self.list[position as usize].name == name);
        found.map(|&position| position as usize)
    }

    /// The name looked up last, if it can stand without quotes; else empty, as at first.
    pub(crate) fn last_name(&self) -> &'a [u8] {
        self.last.0
    }

    /// The family that a line about `name` belongs to, made when there is none: the one of that name,
    /// else the summary or histogram of which it is the sum, the count or a bucket.
    pub(crate) fn resolve(&mut self, name: &'a [u8]) -> (usize, Role) {
        if std::ptr::eq(self.last.0, name) {
            return (self.last.1, self.last.2);
        }
        self.find_or_insert(name)
    }

    /// The family of that very name, made when there is none.
    pub(crate) fn exact(&mut self, name: &'a [u8]) -> usize {
        self.position(name).unwrap_or_else(|| self.insert(name))
    }

    fn find_or_insert(&mut self, name: &'a [u8]) -> (usize, Role) {
        let (position, role) = match self.position(name) {
            Some(position) => (position, Role::Part),
            None => self.owner(name).unwrap_or_else(|| (self.insert(name), Role::Part)),
        };
        let needs_quotes = self.list[position].opening.is_quoted;
        self.last = (if needs_quotes { b"" } else { name }, position, role);
        (position, role)
    }

    /// The histogram or summary that exposes samples under `name`, or that OpenMetrics has expose them so.
    fn owner(&self, name: &[u8]) -> Option<(usize, Role)> {
        const SUFFIXES: [(&[u8], Role); 5] = [
            (b"_count", Role::Count),
            (b"_sum", Role::Sum),
            (b"_bucket", Role::Part),
            (b"_gcount", Role::Count),
            (b"_gsum", Role::Sum),
        ];
        let (base, suffix, role) = SUFFIXES.iter().find_map(|(suffix, role)| {
            let base = name.strip_suffix(*suffix).filter(|base| !base.is_empty())?;
            Some((base, *suffix, *role))
        })?;
        let position = self.position(base)?;
        let kind = self.list[position].kind?;
        let is_owner = match suffix {
            b"_gcount" | b"_gsum" => kind == Kind::GaugeHistogram,
            _ => kind.occupied_suffixes().iter().any(|occupied| occupied.as_bytes() == suffix),
        };
        is_owner.then_some((position, role))
    }

    fn insert(&mut self, name: &'a [u8]) -> usize {
        let Families { names, list, by_name, .. } = self;
        let opening = Opening::new(name, *names);
        list.push(FamilyInProgress {
            name,
            opening,
            fingerprint: opening.fingerprint(),
            help: None,
            help_has_escapes: false,
            kind: None,
            samples: 0,
            segments: SmallVec::new(),
            native: [0, 0],
        });
        let position = list.len() - 1;
        let hash = |position: &u32| hash(list[*position as usize].name);
        if position >= SEARCHED_MAX {
            let unhashed = if position == SEARCHED_MAX { 0 } else { position };
            for position in unhashed as u32..=position as u32 {
                by_name.insert_unique(hash(&position), position, hash);
            }
        }
        position
    }
}

/// A hash with a secret: a push cannot make its names collide.
fn hash(name: &[u8]) -> u64 {
    SeriesHasher::get().part(name).bits()
}
