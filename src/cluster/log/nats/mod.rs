//! A stream in NATS JetStream. The only folder that knows async-nats.
//!
//! `connect` keeps a connection, `settings` are those of the stream, `reader` reads it, and `give_up` removes its old messages.

mod connect;
mod errors;
mod give_up;
mod reader;
mod settings;

use std::sync::Arc;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::context::{Context, GetStreamErrorKind, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use self::connect::{ANSWER_WAIT, RECONNECT_WAIT, connect};
use self::errors::{STREAM_NOT_FOUND, away, is_without_jetstream, no_jetstream, unavailable};
use self::settings::{check, create};
use super::{Acknowledgement, AppendError, Found, Log, LogError, READ_AHEAD_LEN, Reader};
use crate::cluster::Options;
use crate::cluster::membership::Membership;
use crate::cluster::role::Ends;

/// A stream. Clones share one connection.
#[derive(Debug, Clone)]
pub(in crate::cluster) struct NatsLog {
    client: Client,
    context: Context,
    stream: Arc<Stream<()>>,
    subject: String,
    members_subject: String,
}

impl NatsLog {
    /// Connects, and makes the stream if it is not there.
    ///
    /// # Errors
    /// When NATS cannot be reached now, or never as it is.
    pub(in crate::cluster) async fn connect(
        options: &Options,
        membership: &Arc<Membership>,
    ) -> Result<NatsLog, LogError> {
        NatsLog::new(options, membership, true).await
    }

    /// Connects to a stream that is there.
    ///
    /// # Errors
    /// As [`NatsLog::connect`].
    pub(in crate::cluster) async fn open(
        options: &Options,
        membership: &Arc<Membership>,
    ) -> Result<NatsLog, LogError> {
        NatsLog::new(options, membership, false).await
    }

    async fn new(
        options: &Options,
        membership: &Arc<Membership>,
        makes: bool,
    ) -> Result<NatsLog, LogError> {
        let client = connect(options, membership).await?;
        let mut context = async_nats::jetstream::new(client.clone());
        context.set_timeout(ANSWER_WAIT);
        let name = options.stream();
        let found = context.get_stream(&name).await;
        let stream = match found {
            Ok(stream) => stream,
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(error) if error.code() != 404 => {
                    return Err(unavailable(error.error_code().0, &error.to_string()));
                }
                GetStreamErrorKind::JetStream(error)
                    if error.error_code().0 == STREAM_NOT_FOUND && makes =>
                {
                    create(&context, options).await?
                }
                _ if is_without_jetstream(&error) => return Err(no_jetstream()),
                _ => return Err(away(&error)),
            },
        };
        if makes {
            check(&stream.cached_info().config, options)?;
        }
        let stream = context.get_stream_no_info(&name).await.map_err(|error| away(&error))?;
        Ok(NatsLog {
            client,
            context,
            stream: Arc::new(stream),
            subject: options.subject(),
            members_subject: format!("{}.members", options.subject()),
        })
    }
}

impl Log for NatsLog {
    async fn ends(&self) -> Result<Ends, LogError> {
        let info = self.stream.get_info().await.map_err(|error| away(&error))?;
        Ok(Ends { first: info.state.first_sequence, last: info.state.last_sequence })
    }

    async fn append(&self, sequence: u64, message: Bytes) -> Acknowledgement {
        if !self.is_connected() {
            // It would be sent once the connection is back, when nobody waits for it any more.
            let away = AppendError::InDoubt("the connection to NATS is lost".to_owned());
            return Box::pin(std::future::ready(Err(away)));
        }
        let message = PublishMessage::build().payload(message).expected_last_sequence(sequence - 1);
        let sent = self.context.send_publish(self.subject.clone(), message).await;
        Box::pin(async move {
            let in_doubt = |error: &dyn std::fmt::Display| AppendError::InDoubt(error.to_string());
            let acknowledged = sent.map_err(|error| in_doubt(&error))?.await;
            match acknowledged {
                Ok(acknowledged) if acknowledged.sequence == sequence => Ok(()),
                Ok(_) => Err(AppendError::InDoubt("taken elsewhere in the stream".to_owned())),
                Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
                    Err(AppendError::Refused)
                }
                Err(error) => Err(in_doubt(&error)),
            }
        })
    }

    async fn look(&self, sequence: u64) -> Result<Found, LogError> {
        if let Some(message) = self.found(sequence).await? {
            return Ok(Found::Message(message));
        }
        let Ends { first, last } = self.ends().await?;
        if last + 1 == sequence {
            Ok(Found::End)
        } else if last + 1 < sequence {
            Ok(Found::Shrunk)
        } else if first > sequence {
            Ok(Found::Purged)
        } else {
            Err(LogError::Away("the message was added just now".to_owned()))
        }
    }

    fn read(&self, after: u64) -> Reader {
        let (send, reader) = mpsc::channel(READ_AHEAD_LEN);
        let (log, lost) = (self.clone(), send.clone());
        tokio::spawn(async move {
            let reading = log.read_into(after, send);
            tokio::select! {
                Err(error) = reading => drop(lost.send(Err(error)).await),
                () = lost.closed() => {}
                else => {}
            }
        });
        reader
    }

    async fn purge(&self, up_to: u64) -> Result<(), LogError> {
        self.give_up(up_to).await
    }

    async fn announce(&self, member: Bytes) {
        if !self.is_connected() {
            return;
        }
        let subject = self.members_subject.clone();
        drop(tokio::time::timeout(RECONNECT_WAIT, self.client.publish(subject, member)).await);
    }

    fn announcements(&self) -> mpsc::Receiver<Bytes> {
        let (send, announcements) = mpsc::channel(READ_AHEAD_LEN);
        let (client, subject) = (self.client.clone(), self.members_subject.clone());
        tokio::spawn(async move {
            let Ok(mut subscribed) = client.subscribe(subject).await else { return };
            while let Some(message) = subscribed.next().await {
                if send.send(message.payload).await.is_err() {
                    return;
                }
            }
        });
        announcements
    }
}

impl NatsLog {
    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// The message of this sequence, if there is one.
    async fn found(&self, sequence: u64) -> Result<Option<Bytes>, LogError> {
        match self.stream.get_raw_message(sequence).await {
            Ok(message) => Ok(Some(message.payload)),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(away(&error)),
        }
    }
}
