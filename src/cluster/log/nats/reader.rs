//! Reads the stream on and on.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy, push};
use bytes::Bytes;
use futures_util::{Stream as Streaming, StreamExt, TryFutureExt};
use tokio::sync::mpsc;

use super::NatsLog;
use super::connect::RECONNECT_WAIT;
use super::errors::away;
use crate::cluster::log::LogError;

/// How long a consumer may show nothing until the stream is asked for the next message.
const SILENCE_WAIT: Duration = Duration::from_secs(2);

impl NatsLog {
    /// Reads by a consumer, and what that does not show, message by message: to make a consumer takes a NATS server that
    /// leads all of them, which is missing for long after some faults while the stream itself is there.
    pub(super) async fn read_into(
        &self,
        after: u64,
        send: mpsc::Sender<Result<(u64, Bytes), LogError>>,
    ) -> Result<(), LogError> {
        let (mut next, mut is_behind) = (after + 1, false);
        let mut shown = Box::pin(self.consume(next).try_flatten_stream());
        loop {
            let wait = if is_behind { Duration::ZERO } else { SILENCE_WAIT };
            let (sequence, message) = match tokio::time::timeout(wait, shown.next()).await {
                Ok(Some(Ok(message))) => message,
                silent => {
                    let is_ended = silent.is_ok();
                    if is_ended {
                        shown.set(self.consume(next).try_flatten_stream());
                    }
                    let found = self.found(next).await?;
                    is_behind = found.is_some();
                    let Some(message) = found else {
                        if is_ended {
                            tokio::time::sleep(RECONNECT_WAIT).await;
                        }
                        continue;
                    };
                    (next, message)
                }
            };
            if sequence < next {
                continue; // It was found before the consumer has shown it.
            }
            next = sequence + 1;
            if send.send(Ok((sequence, message))).await.is_err() {
                return Ok(());
            }
        }
    }

    /// What a consumer shows, beginning with this message.
    async fn consume(
        &self,
        from: u64,
    ) -> Result<impl Streaming<Item = Result<(u64, Bytes), LogError>>, LogError> {
        let config = push::OrderedConfig {
            deliver_subject: self.client.new_inbox(),
            replay_policy: ReplayPolicy::Instant,
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
            ..push::OrderedConfig::default()
        };
        let consumer = self.stream.create_consumer(config).await.map_err(|error| away(&error))?;
        let messages = consumer.messages().await.map_err(|error| away(&error))?;
        Ok(messages.map(|message| {
            let message = message.map_err(|error| away(&error))?;
            let sequence = message.info().map_err(|error| away(&*error))?.stream_sequence;
            Ok((sequence, message.message.payload))
        }))
    }
}
