//! The endpoints of a group: push and delete.

use std::sync::Arc;
use std::time::Instant;

use hyper::StatusCode;

use crate::access::Right;
use crate::exposition::{NameRules, unescape};
use crate::http::body::read::discard;
use crate::http::failure::{Cause, Failure};
use crate::http::push::prologue::{Prologue, Received};
use crate::http::reply::{Reply, empty};
use crate::http::request::admission::{Request, deny};
use crate::http::request::request_id::RequestId;
use crate::http::ui::watch::Watch;
use crate::own_metrics::{OwnMetrics, Verb};
use crate::push::GroupingKey;
use crate::shard::{How, Mode, PushError};

/// What pushes and deletes need.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(crate) prologue: Arc<Prologue>,
    pub(crate) own: Arc<OwnMetrics>,
    pub(crate) watch: Arc<Watch>,
    /// Whether a push is answered before its shard has checked it.
    pub(crate) answer_unchecked: bool,
    pub(crate) name_rules: NameRules,
}

impl Groups {
    pub(crate) async fn push(&self, mode: Mode, request: Request<'_>) -> Reply {
        let since = Instant::now();
        let (headers, sender, tail) = (&request.head.headers, request.sender, request.tail);
        let mut body_bytes = 0;
        let received =
            self.prologue.receive(tail, headers, request.body, sender, &mut body_bytes).await;
        let result = match received {
            Ok(received) => self.apply(mode, received, &request).await,
            Err(failure) => Err(failure),
        };
        let verb = if mode == Mode::Replace { Verb::Put } else { Verb::Post };
        self.own.pushed(verb, body_bytes, since);
        match result {
            Ok(status) => empty(status),
            Err(failure) => {
                let failure = self.prologue.explained(failure, &sender.caller);
                if let Some(shed) = failure.shed() {
                    self.own.shed(shed);
                }
                let (job, source, id) =
                    (job_of(tail), sender.client.source, RequestId::of(headers));
                let (method, path) = (&request.head.method, request.head.uri.path());
                tracing::info!(job, %source, %method, path, request_id = id.text(), err = %failure, "push rejected");
                id.on(Reply::from(&failure))
            }
        }
    }

    /// Has the shard of the group apply a push, or note that it was inconsistent.
    async fn apply(
        &self,
        mode: Mode,
        received: Received<'_>,
        request: &Request<'_>,
    ) -> Result<StatusCode, Failure> {
        let Received { key, batch, room: _until_applied } = received;
        let how = How { mode, asked: self.prologue.asked(&key, mode, &request.head.headers)? };
        let (shards, owner) = (&self.prologue.storage.shards, request.sender.caller.owner());
        // In a box, so that pushes to groups that nobody looks at do not carry the room for it.
        let before = match self.watch.watched(&key).filter(|_| batch.is_ok()) {
            Some(group) => Box::pin(self.watch.before(shards, &key, group)).await,
            None => None,
        };
        match batch {
            Ok(batch) if self.answer_unchecked => {
                shards.push_unchecked(key, how, batch, owner).await?;
                before.into_iter().for_each(|before| self.watch.keep(before));
                Ok(StatusCode::ACCEPTED)
            }
            Ok(batch) => match shards.push(key, how, batch, owner).await {
                Ok(()) => {
                    before.into_iter().for_each(|before| self.watch.keep(before));
                    Ok(StatusCode::OK)
                }
                Err(error) => Err(Box::pin(self.rejected(error, request)).await),
            },
            Err(failure) if failure.cause() == Cause::Inconsistent => {
                let job = key.job().to_owned();
                shards.fail(key, owner).await?;
                if !self.answer_unchecked {
                    return Err(failure);
                }
                self.own.dropped();
                let source = request.sender.client.source;
                tracing::warn!(job, %source, err = %failure, "push dropped");
                Ok(StatusCode::ACCEPTED)
            }
            Err(failure) => Err(failure),
        }
    }

    /// The failure of a push that its shard has rejected. It shows other groups only to a client that may read.
    async fn rejected(&self, error: PushError, request: &Request<'_>) -> Failure {
        match (self.prologue.key(request.tail), request.sender.caller.may(Right::Read)) {
            (Ok(own), Ok(())) => self.prologue.rejected(error, &own).await,
            _ => error.into(),
        }
    }

    pub(crate) async fn delete(&self, request: Request<'_>) -> Reply {
        let sender = request.sender;
        let deleted = async {
            let key = GroupingKey::parse(request.tail, self.name_rules)?;
            sender.caller.may_push(&unescape(key.job()))?;
            // A body has no meaning here, but what cannot be read to its end is not applied.
            let (bytes_max, wait) = (self.prologue.body_bytes_max(), self.prologue.body_wait());
            match discard(request.body, bytes_max, wait).await {
                Err(failure) if failure.cause() != Cause::TooLarge => return Err(failure),
                _ => {}
            }
            self.prologue.storage.writable().await?;
            Ok(self.prologue.storage.shards.delete(key).await?)
        };
        match deleted.await {
            Ok(()) => empty(StatusCode::ACCEPTED),
            Err(failure) => {
                let failure = self.prologue.explained(failure, &sender.caller);
                match failure.cause() {
                    Cause::Forbidden | Cause::Denied => deny(&failure, request.head, sender.client),
                    _ => Reply::from(&failure),
                }
            }
        }
    }
}

/// The job that a path names, for the log; all of a path that names none.
fn job_of(tail: &[u8]) -> String {
    match GroupingKey::parse(tail, NameRules::Utf8) {
        Ok(key) => unescape(key.job()).into_owned(),
        Err(_) => String::from_utf8_lossy(tail).into_owned(),
    }
}
