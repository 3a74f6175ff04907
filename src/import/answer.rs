//! The answer of a gateway to `GET /api/v1/metrics`, read one group at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// A group as the answer has it.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// `None` where a family of the name `labels` stands in their place.
    pub(super) labels: Option<Pairs>,
    pub(super) families: Vec<(String, Family)>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Family {
    pub(super) r#type: String,
    #[serde(default)]
    pub(super) help: String,
    pub(super) metrics: Vec<Metric>,
}

/// A metric; numbers are texts.
#[derive(Debug, Deserialize)]
pub(super) struct Metric {
    pub(super) labels: Pairs,
    pub(super) value: Option<String>,
    pub(super) count: Option<String>,
    pub(super) sum: Option<String>,
    pub(super) buckets: Option<Buckets>,
    pub(super) quantiles: Option<Pairs>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Buckets {
    Classic(Pairs),
    /// Those of a native histogram: bounds and counts, which do not tell its schema.
    Native(IgnoredAny),
}

/// An object of texts.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
pub(super) struct Pairs(pub(super) Vec<(String, String)>);

/// Reads a whole answer, and hands each of its groups on; goes no further once that answers false.
pub(super) fn read(
    answer: impl Read,
    each: &mut dyn FnMut(Group) -> bool,
) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_reader(answer);
    Answer(each).deserialize(&mut json)?;
    json.end()
}

struct Answer<'f>(&'f mut dyn FnMut(Group) -> bool);

impl<'de> DeserializeSeed<'de> for Answer<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Answer<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer of a gateway to /api/v1/metrics")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_data = false;
        while let Some(key) = map.next_key::<String>()? {
            match &*key {
                "data" => {
                    has_data = true;
                    map.next_value_seed(Groups(&mut *self.0))?;
                }
                "error" => return Err(A::Error::custom(map.next_value::<String>()?)),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if has_data { Ok(()) } else { Err(A::Error::missing_field("data")) }
    }
}

struct Groups<'f>(&'f mut dyn FnMut(Group) -> bool);

impl<'de> DeserializeSeed<'de> for Groups<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Groups<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of groups")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut groups: A) -> Result<(), A::Error> {
        while let Some(group) = groups.next_element()? {
            if !self.0(group) {
                return Err(A::Error::custom("given up"));
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Group, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Group;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a group")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Group, A::Error> {
                let mut group = Group::default();
                while let Some(key) = map.next_key::<String>()? {
                    match &*key {
                        "labels" => group.labels = map.next_value::<Labels>()?.known(),
                        "last_push_successful" => {
                            match map.next_value()? {
                                // The times say as much.
                                Successful::Known(IgnoredAny) => {}
                                Successful::Family(family) => group.families.push((key, family)),
                            }
                        }
                        _ => group.families.push((key, map.next_value()?)),
                    }
                }
                Ok(group)
            }
        }

        json.deserialize_map(Entries)
    }
}

/// What stands under `labels`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Labels {
    Known(Pairs),
    Family(IgnoredAny),
}

impl Labels {
    fn known(self) -> Option<Pairs> {
        match self {
            Labels::Known(labels) => Some(labels),
            Labels::Family(IgnoredAny) => None,
        }
    }
}

/// What stands under `last_push_successful`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Successful {
    Family(Family),
    Known(IgnoredAny),
}

impl From<BTreeMap<String, String>> for Pairs {
    fn from(entries: BTreeMap<String, String>) -> Pairs {
        Pairs(entries.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(answer: &str) -> Result<Vec<Group>, String> {
        let mut groups = Vec::new();
        let mut keep = |group| {
            groups.push(group);
            true
        };
        read(answer.as_bytes(), &mut keep).map_err(|error| error.to_string())?;
        Ok(groups)
    }

    #[test]
    fn keys_come_in_any_order_and_unknown_ones_mean_nothing() {
        let family = r#"{"metrics":[{"value":"1","labels":{"job":"a"}}],"type":"GAUGE","x":[1]}"#;
        let group =
            format!(r#"{{"m":{family},"last_push_successful":true,"labels":{{"job":"a"}}}}"#);
        let found = groups(&format!(r#"{{"x":{{}},"data":[{group},{group}],"status":"success"}}"#));
        let found = found.expect("it is an answer");
        assert_eq!(found.len(), 2);
        let (name, family) = &found[0].families[0];
        assert_eq!((&**name, &*family.r#type, family.metrics.len()), ("m", "GAUGE", 1));
        assert_eq!(family.metrics[0].value.as_deref(), Some("1"));
        let labels = found[1].labels.as_ref().expect("they are there");
        assert_eq!(labels.0, [("job".to_owned(), "a".to_owned())]);
    }

    #[test]
    fn a_family_may_stand_where_a_group_says_something_of_itself() {
        let family = r#"{"type":"UNTYPED","metrics":[{"labels":{},"value":"1"}]}"#;
        let found =
            format!(r#"{{"data":[{{"labels":{family},"last_push_successful":{family}}}]}}"#);
        let found = groups(&found).expect("it is an answer");
        assert!(found[0].labels.is_none());
        assert_eq!(found[0].families[0].0, "last_push_successful");
    }

    #[test]
    fn what_is_no_answer_or_is_cut_is_an_error() {
        let whole = r#"{"data":[{"labels":{"job":"a"}}],"status":"success"}"#;
        assert!(groups(whole).is_ok_and(|groups| groups.len() == 1));
        for end in 0..whole.len() {
            assert!(groups(&whole[..end]).is_err(), "{end}");
        }
        for nonsense in
            ["[]", "<html>", r#"{"data":1}"#, r#"{"data":[1]}"#, r#"{"status":"success"}"#]
        {
            assert!(groups(nonsense).is_err(), "{nonsense}");
        }
        let refused = groups(r#"{"status":"error","error":"no such thing"}"#);
        assert!(refused.is_err_and(|error| error.contains("no such thing")));
    }
}
