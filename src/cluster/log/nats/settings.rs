//! How the stream of a set is made, and what of it is checked.

use async_nats::jetstream::context::Context;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};

use super::errors::{away, is_without_jetstream, no_jetstream};
use crate::cluster::Options;
use crate::cluster::log::LogError;

pub(super) async fn create(context: &Context, options: &Options) -> Result<Stream, LogError> {
    let created = context.create_stream(config(options)).await;
    let stream = created.map_err(|error| {
        if is_without_jetstream(&error) { no_jetstream() } else { away(&error) }
    })?;
    tracing::info!(
        stream = options.stream(),
        replicas = options.replicas,
        "made the stream of the set"
    );
    Ok(stream)
}

/// How the stream of a set is made.
fn config(options: &Options) -> Config {
    Config {
        name: options.stream(),
        subjects: vec![options.subject()],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        num_replicas: options.replicas.into(),
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: -1,
        description: Some("the groups of a replica set of shardgate".to_owned()),
        ..Config::default()
    }
}

/// Checks that the stream loses nothing by itself and takes nothing else.
pub(super) fn check(found: &Config, options: &Options) -> Result<(), LogError> {
    let wanted = config(options);
    let unlimited = |limit: i64| limit <= 0;
    let wrong = if found.subjects != wanted.subjects {
        format!("its subjects are {:?}, not {:?}", found.subjects, wanted.subjects)
    } else if found.storage != StorageType::File {
        "it is kept in memory, not in files".to_owned()
    } else if found.retention != RetentionPolicy::Limits {
        format!("its retention is {:?}, not limits", found.retention)
    } else if !found.max_age.is_zero() {
        format!("it drops messages after {:?}", found.max_age)
    } else if found.discard != DiscardPolicy::New
        && !(unlimited(found.max_messages)
            && unlimited(found.max_bytes)
            && unlimited(found.max_messages_per_subject))
    {
        "it drops old messages when it is full".to_owned()
    } else if found.max_messages_per_subject > 0 {
        "it has a limit of messages per subject".to_owned()
    } else if found.deny_purge || found.sealed || found.no_ack {
        "it must not be sealed, must allow purges and must acknowledge".to_owned()
    } else if found.num_replicas != wanted.num_replicas {
        format!(
            "{} servers keep it, and --cluster.replicas is {}",
            found.num_replicas, wanted.num_replicas
        )
    } else {
        return Ok(());
    };
    Err(LogError::Unusable(format!(
        "the stream {} is not as a replica set needs it: {wrong}; change it with `nats stream edit`, or choose another \
         --cluster.name",
        wanted.name
    )))
}
