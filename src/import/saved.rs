//! Makes a group for the target from a group of the Pushgateway's persistence file.

use prost::encoding::encode_varint;

use super::family::Unclear;
use super::group::{Lost, SourceGroup};
use crate::exposition::protobuf::{family, fields, metric, value};
use crate::import::gob::Group;
use crate::push::{GroupingKey, PUSH_FAILURE_TIME, PUSH_TIME};
use crate::shard::Timestamp;

impl SourceGroup {
    /// The group that stands in a file.
    ///
    /// # Errors
    /// Why it cannot be copied.
    pub(super) fn from_file(group: &Group) -> Result<SourceGroup, Lost> {
        let Some(key) = GroupingKey::from_labels(&group.labels) else {
            return Err(Lost::Nameless(format!("{:?}", group.labels), Unclear::NoJob));
        };
        let (mut pushed, mut failed, mut body) = (None, None, Vec::new());
        for family in &group.families {
            match &*family.name {
                PUSH_TIME => pushed = time(&family.metrics),
                PUSH_FAILURE_TIME => failed = time(&family.metrics),
                _ => {
                    encode_varint(family.metrics.len() as u64, &mut body);
                    body.extend_from_slice(&family.metrics);
                }
            }
        }
        match (pushed, failed) {
            (Some(pushed), Some(failed)) => Ok(SourceGroup { key, pushed, failed, body, cut: 0 }),
            (None, _) => Err(Lost::Named(key.into(), Unclear::Time(PUSH_TIME))),
            (_, None) => Err(Lost::Named(key.into(), Unclear::Time(PUSH_FAILURE_TIME))),
        }
    }
}

/// The value of the one gauge in a family.
fn time(message: &[u8]) -> Option<Timestamp> {
    let metric = fields(message).find(|field| field.number == family::METRIC)?;
    let gauge = fields(metric.bytes).find(|field| field.number == metric::GAUGE)?;
    let value = fields(gauge.bytes).find(|field| field.number == value::VALUE);
    // A value of 0 may be left out.
    let Some(value) = value else { return Some(Timestamp::NEVER) };
    let (_, double) = value.whole.split_last_chunk()?;
    Timestamp::from_seconds(f64::from_le_bytes(*double))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::protobuf::{write_double, write_message};
    use crate::import::gob::Family;

    fn gauge(name: &str, write: impl FnOnce(&mut Vec<u8>)) -> Family {
        let mut metrics = Vec::new();
        write_message(&mut metrics, family::METRIC, |out| write_message(out, metric::GAUGE, write));
        Family { name: name.to_owned(), pushed: None, metrics }
    }

    #[test]
    fn the_times_are_taken_out_of_what_is_pushed() {
        let labels =
            vec![("instance".to_owned(), String::new()), ("job".to_owned(), "a/b".to_owned())];
        let pushed = gauge(PUSH_TIME, |out| write_double(out, value::VALUE, 1.75e9));
        let families = vec![gauge("m", |_| {}), gauge(PUSH_FAILURE_TIME, |_| {}), pushed];
        let group = SourceGroup::from_file(&Group { labels: labels.clone(), families });
        let group = group.expect("nothing is missing");
        assert_eq!(group.key.path(), "/job@base64/YS9i/instance@base64/=");
        assert_eq!((group.pushed.seconds(), group.failed.seconds()), (1.75e9, 0.0));
        assert_eq!(group.body, b"\x04\x22\x02\x12\x00");
        let missing = SourceGroup::from_file(&Group { labels, families: Vec::new() });
        assert!(matches!(missing, Err(Lost::Named(_, Unclear::Time(PUSH_TIME)))));
        let no_job = SourceGroup::from_file(&Group { labels: Vec::new(), families: Vec::new() });
        assert!(matches!(no_job, Err(Lost::Nameless(_, Unclear::NoJob))));
    }
}
