//! Finds the types of groups and families among the types of a file, by the names of their fields.

use super::error::{Error, Reason};
use super::types::{Field, Id, Type, Types};

/// The structs that the groups are made of, with what is wanted of them.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    pub(super) group: Struct<'a>,
    pub(super) family: Struct<'a>,
}

/// A struct with two fields that are wanted, by their places; there may be more.
#[derive(Debug)]
pub(super) struct Struct<'a> {
    pub(super) fields: &'a [Field],
    pub(super) wanted: [usize; 2],
}

impl<'a> Layout<'a> {
    /// Of a value of the type `id`, which was read before `offset`.
    ///
    /// # Errors
    /// When such a value is not the groups of a Pushgateway.
    pub(super) fn find(types: &'a Types, offset: usize, id: Id) -> Result<Layout<'a>, Error> {
        let seeker = Seeker { types, offset };
        let groups = "a map of grouping keys to groups";
        let (key, group) = seeker.map(id, "the value in the file", groups)?;
        if *types.get(offset, key)? == Type::Number {
            return Err(Error { offset, reason: Reason::Old });
        }
        seeker.is(key, &Type::Text, "a grouping key", "text")?;
        let (group, [labels, metrics]) =
            seeker.structure(group, ["Labels", "Metrics"], "a group", "labels and metrics")?;

        let names = "a map of names to values";
        let (name, value) = seeker.map(labels, "the labels of a group", names)?;
        seeker.is(name, &Type::Text, "the name of a label", "text")?;
        seeker.is(value, &Type::Text, "the value of a label", "text")?;

        let families = "a map of names to families";
        let (name, family) = seeker.map(metrics, "the metrics of a group", families)?;
        seeker.is(name, &Type::Text, "the name of a family", "text")?;
        let wanted = ["Timestamp", "GobbableMetricFamily"];
        let (family, [time, message]) =
            seeker.structure(family, wanted, "a family", "a time and metrics")?;
        seeker.is(time, &Type::Own, "the time of a family", "as Go writes times")?;
        seeker.is(message, &Type::Own, "what a family holds", "a message of protobuf")?;
        Ok(Layout { group, family })
    }
}

struct Seeker<'a> {
    types: &'a Types,
    offset: usize,
}

impl<'a> Seeker<'a> {
    fn unlike(&self, what: &'static str, expected: &'static str) -> Error {
        Error { offset: self.offset, reason: Reason::Unlike(what, expected) }
    }

    fn is(
        &self,
        id: Id,
        wanted: &Type,
        what: &'static str,
        expected: &'static str,
    ) -> Result<(), Error> {
        let is_so = self.types.get(self.offset, id)? == wanted;
        is_so.then_some(()).ok_or_else(|| self.unlike(what, expected))
    }

    /// The types of keys and elements of a map.
    fn map(&self, id: Id, what: &'static str, expected: &'static str) -> Result<(Id, Id), Error> {
        match *self.types.get(self.offset, id)? {
            Type::Map { key, element } => Ok((key, element)),
            _ => Err(self.unlike(what, expected)),
        }
    }

    /// A struct, and the types of the fields that are wanted.
    fn structure(
        &self,
        id: Id,
        names: [&str; 2],
        what: &'static str,
        expected: &'static str,
    ) -> Result<(Struct<'a>, [Id; 2]), Error> {
        let Type::Struct(fields) = self.types.get(self.offset, id)? else {
            return Err(self.unlike(what, expected));
        };
        let place = |name: &str| fields.iter().position(|field| field.name == name);
        let [Some(first), Some(second)] = names.map(place) else {
            return Err(self.unlike(what, expected));
        };
        let wanted = [first, second];
        Ok((Struct { fields, wanted }, wanted.map(|place| fields[place].id)))
    }
}
