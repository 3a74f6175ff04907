//! The push times that the target already has, so that the report can tell unchanged groups from copied ones.

use std::collections::HashMap;

use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use tokio::time::timeout;

use super::answer::Pairs;
use crate::client::{ANSWER_WAIT, Connection, Endpoint};
use crate::push::GroupingKey;
use crate::shard::Timestamp;

/// How much of the list is read, in bytes: that of two million groups. Of a longer one nothing is known.
const LIST_BYTES_MAX: usize = 1 << 30;

/// When each group was last pushed to, and when a push to it was last rejected, by its path.
pub(super) type Times = HashMap<String, (Timestamp, Timestamp)>;

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    labels: Pairs,
    push_time: Option<String>,
    push_failure_time: Option<String>,
}

/// Asks a shardgate for the times of its groups. Nothing depends on them but the report: a target that does not tell
/// them, as to a user without the right to read, counts as one without groups.
pub(super) async fn times(target: &Endpoint) -> Times {
    let answer = Connection::new(target.clone()).stream("/api/v1/groups").await;
    let Ok(Ok(body)) = answer else { return Times::default() };
    let body = timeout(ANSWER_WAIT, Limited::new(body, LIST_BYTES_MAX).collect()).await;
    let Ok(Ok(body)) = body else { return Times::default() };
    read(&body.to_bytes()).unwrap_or_default()
}

fn read(answer: &[u8]) -> Option<Times> {
    let answer: Answer = serde_json::from_slice(answer).ok()?;
    let groups = answer.data.groups.into_iter().map(|group| {
        let times = (time(group.push_time.as_deref())?, time(group.push_failure_time.as_deref())?);
        Some((GroupingKey::from_labels(&group.labels.0)?.path(), times))
    });
    Some(groups.flatten().collect())
}

/// A time as the API shows it; none stands for never.
fn time(text: Option<&str>) -> Option<Timestamp> {
    let Some(text) = text else { return Some(Timestamp::NEVER) };
    let since = humantime::parse_rfc3339(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok().map(Timestamp::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_an_answer_are_read() {
        let answer = br#"{"status":"success","data":{"groups":[
            {"labels":{"job":"a","x":"1"},"push_time":"1970-01-01T00:00:01.000000002Z","push_failure_time":null,"series":3},
            {"labels":{"x":"no job"},"push_time":null,"push_failure_time":null}],"total":2}}"#;
        let times = read(answer).expect("it is an answer");
        let at = (Timestamp::from_nanos(1_000_000_002), Timestamp::NEVER);
        assert_eq!(times, Times::from([("/job/a/x/1".to_owned(), at)]));
        assert!(read(b"{}").is_none() && read(b"404 page not found").is_none());
    }
}
