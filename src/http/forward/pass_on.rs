//! Passes a request on to the leader, and to the next one where that is safe.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout_at};

use super::attempt::{Failed, Outcome, Target};
use super::set::{Change, ReplicaSet};
use crate::cluster::Place;
use crate::http::body::in_flight::{InFlight, Room};
use crate::http::body::read::{collect, discard};
use crate::http::failure::{Cause, Failure};
use crate::http::reply::Reply;
use crate::http::request::admission::Request;
use crate::own_metrics::Forwarded;

/// When a request is sent again to a leader that could not be reached. Twice as late each time.
const AGAIN_WAIT: Duration = Duration::from_millis(50);
/// And at most so late: a leader that is cut off from NATS must not drown in requests that it cannot take.
const AGAIN_WAIT_MAX: Duration = Duration::from_millis(400);

impl ReplicaSet {
    /// Sends a request to the leader, and again to the next one where that is safe.
    pub(super) async fn forward(
        &self,
        change: Change,
        request: &mut Request<'_>,
        mut to: Target,
    ) -> Result<Reply, Failed> {
        let mut room = Room::of(&*self.in_flight).sent_by(request.client().source.host());
        let body = self.body(change, request, &mut room).await;
        let body = body.map_err(|failure| Failed(Forwarded::Refused, failure))?;
        let (until, mut again) = (Instant::now() + self.hold_wait, AGAIN_WAIT);
        let (mut doubt, mut is_late) = (None::<String>, false);
        loop {
            if let Err(paused) = self.membership.awake() {
                return Err(match doubt {
                    None => Failed(Forwarded::Refused, paused.into()),
                    Some(doubt) => in_doubt(&to, &doubt),
                });
            }
            let reason = match self.send(request, &to, body.clone()).await {
                Outcome::Answer(reply, position) => return Ok(self.applied(reply, position).await),
                Outcome::NotVouched => return Err(not_vouched(&to)),
                Outcome::InDoubt(reason) => doubt.insert(reason).clone(),
                Outcome::NotDone(reason) => reason,
                Outcome::Late(apart) if is_late && doubt.is_none() => {
                    return Err(clocks(&to, apart));
                }
                Outcome::Late(_) => {
                    is_late = true;
                    "it was too long on its way".to_owned()
                }
            };
            // The client still waits, so a second copy is not older than anything that it has sent since.
            let is_over = doubt.is_some() && !change.is_idempotent;
            let next = if is_over { Ok(None) } else { self.next(&to, until, &mut again).await };
            match (next, &doubt) {
                (Ok(Some(next)), _) => to = next,
                (_, Some(doubt)) => return Err(in_doubt(&to, doubt)),
                (Ok(None), None) => return Err(unreachable(&to, &reason)),
                (Err(failed), None) => return Err(failed),
            }
        }
    }

    /// Reads the body within the bounds of a push.
    async fn body(
        &self,
        change: Change,
        request: &mut Request<'_>,
        room: &mut Room<&InFlight>,
    ) -> Result<Bytes, Failure> {
        let (bytes_max, wait) = (self.config.bounds.body_bytes_max, self.config.web.body_wait);
        if !change.is_delete {
            return collect(request.body, bytes_max, room, wait).await;
        }
        // The body of a DELETE has no meaning.
        match discard(request.body, bytes_max, wait).await {
            Err(failure) if failure.cause() != Cause::TooLarge => Err(failure),
            _ => Ok(Bytes::new()),
        }
    }

    /// Waits until this replica shows what the answer is about. If that takes too long, the answer counts all the same: the
    /// set has what was pushed.
    async fn applied(&self, reply: Reply, position: u64) -> Reply {
        let result = match self.membership.applied(position).await {
            Ok(()) => Forwarded::Answered,
            Err(reason) => {
                tracing::warn!(err = %reason, "a client is answered before its change is shown here");
                Forwarded::Late
            }
        };
        self.own.forwarded(result);
        reply
    }

    /// The replica to send to after an attempt has failed; `None` if there is none in time.
    async fn next(
        &self,
        failed: &Target,
        until: Instant,
        again: &mut Duration,
    ) -> Result<Option<Target>, Failed> {
        loop {
            let Ok(place) = timeout_at(until, self.place()).await else { return Ok(None) };
            match place? {
                // Its own listener takes the request like that of any leader.
                Place::Here => return Ok(Some(self.this())),
                Place::At(leader) if leader.id != failed.id => return Ok(Some(leader.into())),
                _ if Instant::now() >= until => return Ok(None),
                // It is still thought to lead: it may be starting again, or not be missed yet.
                Place::At(leader) => {
                    sleep(*again).await;
                    *again = (2 * *again).min(AGAIN_WAIT_MAX);
                    if let Some(now) = self.membership.leader().filter(|now| now.id == leader.id) {
                        return Ok(Some(now.into()));
                    }
                }
            }
        }
    }
}

fn in_doubt(to: &Target, doubt: &str) -> Failed {
    let failure = Failure::unavailable(format_args!(
        "in doubt: sent to the leader {}, and then {doubt}: it may or may not count; try again",
        to.url
    ));
    Failed(Forwarded::InDoubt, failure)
}

fn unreachable(to: &Target, reason: &str) -> Failed {
    let url = &to.url;
    let failure = format_args!("the leader {url} cannot be reached: {reason}; try again");
    Failed(Forwarded::NoLeader, Failure::unavailable(failure))
}

fn not_vouched(to: &Target) -> Failed {
    let failure = Failure::unavailable(format_args!(
        "in doubt: the leader {} does not accept the signature of this replica: all replicas need the same \
         --cluster.secret-file",
        to.url
    ));
    tracing::error!(err = %failure, "the leader does not know this replica");
    Failed(Forwarded::NotVouched, failure)
}

fn clocks(to: &Target, apart: u64) -> Failed {
    let failure = Failure::unavailable(format_args!(
        "the clock of the leader {} differs from that of this replica by {} s: let NTP set both; nothing was changed",
        to.url,
        apart / 1000
    ));
    tracing::error!(err = %failure, "request not passed on");
    Failed(Forwarded::NotVouched, failure)
}
