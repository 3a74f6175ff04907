//! Reads the groups of a file, whose types `layout` has found.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::error::{Error, Reason};
use super::input::Input;
use super::layout::{Layout, Struct};
use super::skip::{field_of, skip};
use super::types::Types;
use super::{Family, Group, time};

/// What a family holds beside its name.
#[derive(Default)]
struct FamilyParts {
    pushed: Option<f64>,
    metrics: Option<Vec<u8>>,
}

/// Reads groups of a layout.
pub(super) struct Groups<'a> {
    types: &'a Types,
    layout: &'a Layout<'a>,
}

impl<'a> Groups<'a> {
    pub(super) fn new(types: &'a Types, layout: &'a Layout<'a>) -> Groups<'a> {
        Groups { types, layout }
    }

    pub(super) fn read(&self, input: &mut Input<'_>) -> Result<Vec<Group>, Error> {
        let mut groups = BTreeMap::new();
        for _ in 0..input.count()? {
            let offset = input.offset();
            // The key is the labels again, put together with bytes that are not UTF-8.
            input.bytes()?;
            let Group { labels, families } = self.group(input)?;
            insert(&mut groups, offset, "a group with the labels", labels, families)?;
        }
        let group = |(labels, families)| Group { labels, families };
        Ok(groups.into_iter().map(group).collect())
    }

    fn group(&self, input: &mut Input<'_>) -> Result<Group, Error> {
        let mut group = Group { labels: Vec::new(), families: Vec::new() };
        self.fields(&self.layout.group, input, |input, wanted| {
            match wanted {
                0 => group.labels = self.labels(input)?,
                _ => group.families = self.families(input)?,
            }
            Ok(())
        })?;
        Ok(group)
    }

    fn labels(&self, input: &mut Input<'_>) -> Result<Vec<(String, String)>, Error> {
        let mut labels = BTreeMap::new();
        for _ in 0..input.count()? {
            let offset = input.offset();
            let name = input.text()?.to_owned();
            insert(&mut labels, offset, "a label", name, input.text()?.to_owned())?;
        }
        Ok(labels.into_iter().collect())
    }

    fn families(&self, input: &mut Input<'_>) -> Result<Vec<Family>, Error> {
        let mut families = BTreeMap::new();
        for _ in 0..input.count()? {
            let offset = input.offset();
            let name = input.text()?.to_owned();
            insert(&mut families, offset, "a family", name, self.family(input)?)?;
        }
        // One without metrics the Pushgateway takes for corrupted, and does not show.
        let family = |(name, FamilyParts { pushed, metrics })| {
            Some(Family { name, pushed, metrics: metrics? })
        };
        Ok(families.into_iter().filter_map(family).collect())
    }

    fn family(&self, input: &mut Input<'_>) -> Result<FamilyParts, Error> {
        let mut parts = FamilyParts::default();
        self.fields(&self.layout.family, input, |input, wanted| {
            let offset = input.offset();
            let bytes = input.bytes()?;
            match wanted {
                0 => {
                    let pushed = time::read(bytes);
                    parts.pushed = pushed.ok_or(Error { offset, reason: Reason::Time })?;
                }
                _ => parts.metrics = Some(bytes.to_owned()),
            }
            Ok(())
        })?;
        Ok(parts)
    }

    /// The fields of a struct: `read` is given those that are wanted, by which of them it is; the others are passed by.
    fn fields<'i>(
        &self,
        Struct { fields, wanted }: &Struct<'_>,
        input: &mut Input<'i>,
        mut read: impl FnMut(&mut Input<'i>, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        input.fields(|input, number| {
            let id = field_of(input, fields, number)?;
            match wanted.iter().position(|&place| place as u64 == number) {
                Some(which) => read(input, which),
                None => skip(self.types, input, id),
            }
        })
    }
}

/// Puts something into a map, in which it is not yet.
fn insert<K: Ord + std::fmt::Debug, V>(
    map: &mut BTreeMap<K, V>,
    offset: usize,
    what: &'static str,
    key: K,
    value: V,
) -> Result<(), Error> {
    match map.entry(key) {
        Entry::Vacant(place) => {
            place.insert(value);
            Ok(())
        }
        Entry::Occupied(place) => {
            let name = format!("{:?}", place.key());
            Err(Error { offset, reason: Reason::Twice(what, name) })
        }
    }
}
