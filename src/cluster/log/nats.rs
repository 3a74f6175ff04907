//! A stream in NATS JetStream. The only file that knows async-nats.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy, push};
use async_nats::jetstream::context::{Context, GetStreamErrorKind, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, RawMessageErrorKind, RetentionPolicy, StorageType, Stream,
};
use async_nats::{Client, ConnectOptions, Event};
use bytes::Bytes;
use futures_util::{Stream as Streaming, StreamExt, TryFutureExt};
use tokio::sync::mpsc;

use super::{Acknowledgement, AppendError, Found, Log, LogError, READ_AHEAD_LEN, Reader};
use crate::cluster::Options;
use crate::cluster::membership::Membership;
use crate::cluster::role::Ends;

/// How long an answer of the server is waited for.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// How long at most until a connection that was lost is tried again.
const RECONNECT_WAIT: Duration = Duration::from_millis(500);
/// How long a consumer may show nothing until the stream is asked for the next message.
const SILENCE_WAIT: Duration = Duration::from_secs(2);
/// The code of the error for a stream that there is not.
const STREAM_NOT_FOUND: u64 = 10059;
/// The codes of the errors for a server or an account without JetStream.
const NO_JETSTREAM: [u64; 2] = [10076, 10039];

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

async fn connect(options: &Options, membership: &Arc<Membership>) -> Result<Client, LogError> {
    let mut connecting = ConnectOptions::new()
        .name("shardgate")
        .connection_timeout(ANSWER_WAIT)
        .request_timeout(Some(ANSWER_WAIT))
        .ping_interval(Duration::from_secs(5))
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| {
            RECONNECT_WAIT.min(Duration::from_millis(20 * attempts as u64))
        });
    if let Some(file) = &options.credentials {
        let unusable = |error: io::Error| {
            LogError::Unusable(format!("--cluster.nats-credentials={}: {error}", file.display()))
        };
        let credentials = std::fs::read_to_string(file).map_err(unusable)?;
        connecting = connecting.credentials(&credentials).map_err(unusable)?;
    }
    if let Some(file) = &options.ca {
        connecting = connecting.add_root_certificates(file.clone());
    }
    let shown = Arc::downgrade(membership);
    connecting = connecting.event_callback(move |event| {
        let shown = shown.upgrade();
        async move {
            let Some(membership) = shown else { return };
            match event {
                Event::Connected => {
                    tracing::info!("connected to NATS");
                    membership.nats_fails(None);
                }
                Event::Disconnected => {
                    tracing::warn!("the connection to NATS is lost; trying again");
                    membership.nats_fails(Some("the connection is lost".to_owned()));
                }
                Event::ServerError(error) => tracing::warn!(err = %error, "NATS says"),
                other => tracing::debug!(event = %other, "NATS"),
            }
        }
    });
    connecting.connect(options.nats.clone()).await.map_err(|error| away(&error))
}

async fn create(context: &Context, options: &Options) -> Result<Stream, LogError> {
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
fn check(found: &Config, options: &Options) -> Result<(), LogError> {
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
        self.stream.purge().sequence(up_to + 1).await.map(drop).map_err(|error| away(&error))
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

    /// Reads by a consumer, and what that does not show, message by message: to make a consumer takes a NATS server that
    /// leads all of them, which is missing for long after some faults while the stream itself is there.
    async fn read_into(
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

    /// The message of this sequence, if there is one.
    async fn found(&self, sequence: u64) -> Result<Option<Bytes>, LogError> {
        match self.stream.get_raw_message(sequence).await {
            Ok(message) => Ok(Some(message.payload)),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(away(&error)),
        }
    }
}

fn away(error: &dyn std::error::Error) -> LogError {
    let (mut reason, mut source) = (error.to_string(), error.source());
    while let Some(error) = source {
        let inner = error.to_string();
        if !reason.contains(&inner) {
            reason = format!("{reason}: {inner}");
        }
        source = error.source();
    }
    LogError::Away(reason)
}

fn unavailable(code: u64, reason: &str) -> LogError {
    if NO_JETSTREAM.contains(&code) { no_jetstream() } else { LogError::Away(reason.to_owned()) }
}

fn no_jetstream() -> LogError {
    LogError::Unusable(
        "the NATS server has no JetStream, which a replica set needs; start it with `-js`, or give it a `jetstream` block"
            .to_owned(),
    )
}

/// Whether nothing answers to requests to JetStream.
fn is_without_jetstream(error: &dyn std::error::Error) -> bool {
    let mut source = Some(error);
    while let Some(error) = source {
        let text = error.to_string();
        if text.contains("no responders") || text.contains("resource does not exist") {
            return true;
        }
        source = error.source();
    }
    false
}
