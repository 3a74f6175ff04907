//! Where a request that changes groups is answered: here, or at the leader.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use hyper::header::HeaderValue;
use tokio::sync::Semaphore;

use super::attempt::Failed;
use super::headers::{IN_DOUBT, LATE, LEADER, POSITION};
use super::signature::{FORWARDED, Signer, Vouched};
use crate::client::Pool;
use crate::cluster::{HOLD_WAIT, Membership, NotReady, Place};
use crate::config::Config;
use crate::http::body::in_flight::InFlight;
use crate::http::failure::{Cause, Failure};
use crate::http::reply::{Deposed, Reply, with, with_text};
use crate::http::request::admission::Request;
use crate::own_metrics::{Forwarded, OwnMetrics};

/// How many requests may wait for a leader at a time.
pub(crate) const HELD_MAX: usize = 4096;

/// A replica set, as one of its replicas sees it.
#[derive(Debug)]
pub(crate) struct ReplicaSet {
    pub(crate) membership: Arc<Membership>,
    pub(super) config: Arc<Config>,
    pub(super) own: Arc<OwnMetrics>,
    pub(super) in_flight: Arc<InFlight>,
    pub(super) signer: Signer,
    pub(super) hold_wait: Duration,
    /// One permit for each request that may wait for a leader.
    held: Semaphore,
    /// The connections to the replica that was last sent to, with its URL.
    pub(super) pool: Mutex<Option<(String, Arc<Pool>)>>,
}

/// A request that changes groups.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    /// Whether its body has no meaning.
    pub(crate) is_delete: bool,
    /// Whether a second copy of it changes nothing more.
    pub(crate) is_idempotent: bool,
}

/// Where a request is answered.
pub(crate) enum Taken {
    /// Here: this replica leads.
    Here,
    /// By the leader, which has counted it. Or by nobody, since another replica has passed it on and tries again.
    Answered(Reply),
    /// Not at all.
    Failed(Failure),
}

impl ReplicaSet {
    pub(crate) fn new(
        membership: Arc<Membership>,
        config: Arc<Config>,
        own: Arc<OwnMetrics>,
        in_flight: Arc<InFlight>,
    ) -> ReplicaSet {
        let options = config.cluster.as_ref();
        let lease = options.map(|options| options.lease).unwrap_or_default();
        let signer = Signer::new(options.map(|options| &*options.secret).unwrap_or_default());
        ReplicaSet {
            membership,
            own,
            in_flight,
            signer,
            // Long enough for a follower to notice that the leader is gone, and to take over.
            hold_wait: HOLD_WAIT.max(3 * lease),
            held: Semaphore::new(HELD_MAX),
            pool: Mutex::default(),
            config,
        }
    }

    /// Whether another replica has passed this request on, and from which client.
    pub(crate) fn vouched(&self, head: &hyper::http::request::Parts) -> Vouched {
        let (Some(header), Some(target)) = (head.headers.get(FORWARDED), head.uri.path_and_query())
        else {
            return Vouched::No;
        };
        let request = (head.method.as_str(), target.as_str());
        self.signer.check(request, self.membership.id(), header, SystemTime::now())
    }

    /// The answer to a request that another replica has passed on, with what that replica has to know.
    pub(crate) fn to_replica(&self, mut reply: Reply) -> Reply {
        let deposed = reply.extensions_mut().remove::<Deposed>();
        let reply = with(reply, POSITION, self.membership.position().into());
        match deposed {
            Some(Deposed::InDoubt) => with(reply, IN_DOUBT, HeaderValue::from_static("true")),
            Some(Deposed::Before) => {
                let leader = self.membership.leader();
                let leader = leader.filter(|leader| leader.id != self.membership.id());
                with_text(reply, LEADER, leader.as_ref().map_or("", |leader| &leader.url))
            }
            None => reply,
        }
    }

    /// How many requests wait for a leader.
    pub(crate) fn held(&self) -> usize {
        HELD_MAX - self.held.available_permits()
    }

    /// Whether this replica leads, and can have changes appended now. `term` is the one that a request was passed on for.
    pub(crate) fn leads(&self, term: Option<u64>) -> bool {
        self.membership.leads().is_ok() && term.is_none_or(|term| self.term() == term)
    }

    /// The term of this replica as the leader; 0 while another one leads.
    pub(super) fn term(&self) -> u64 {
        let leader = self.membership.leader();
        leader.filter(|leader| leader.id == self.membership.id()).map_or(0, |leader| leader.term)
    }

    /// Decides where a request is answered, and has the leader answer it where it is not this replica. `is_sent` is whether
    /// another replica has passed it on.
    pub(crate) async fn take(
        &self,
        change: Change,
        request: &mut Request<'_>,
        is_sent: bool,
    ) -> Taken {
        if is_sent {
            return Taken::Answered(ReplicaSet::not_leading());
        }
        let taken = match self.place().await {
            Ok(Place::Here) => return Taken::Here,
            // Whoever has signed it, this is not the replica that it was for.
            Ok(Place::At(_)) if request.headers().contains_key(FORWARDED) => {
                let reason = "the header shardgate-forwarded has no valid signature for this replica: the \
                              request is not passed on";
                Err(Failed(Forwarded::Refused, Failure::unavailable(reason)))
            }
            Ok(Place::At(leader)) => self.forward(change, request, leader.into()).await,
            Err(failed) => Err(failed),
        };
        match taken {
            Ok(reply) => Taken::Answered(reply),
            Err(Failed(result, failure)) => {
                self.own.forwarded(result);
                let (source, method) = (request.client().source, &request.head.method);
                let path = request.head.uri.path();
                tracing::info!(%source, %method, path, err = %failure, "request not passed on to the leader");
                Taken::Failed(failure)
            }
        }
    }

    /// The answer to a request that was passed on to a replica that does not lead.
    pub(crate) fn not_leading() -> Reply {
        let failure = Failure::unavailable("this replica does not lead its set; try again");
        Reply::from(&failure.caused(Cause::NotLeading))
    }

    /// The answer to a request that was passed on at another time than now: so many milliseconds apart.
    pub(crate) fn late(apart: u64) -> Reply {
        let failure = Failure::unavailable("it was passed on a while ago; nothing was changed");
        with(Reply::from(&failure), LATE, apart.into())
    }

    /// Where changes go. Holds the request while nobody leads.
    pub(super) async fn place(&self) -> Result<Place, Failed> {
        let no_leader = |reason: NotReady| Failed(Forwarded::NoLeader, reason.into());
        if let Some(place) = at_once(self.membership.place()).await {
            return place.map_err(no_leader);
        }
        let _until_known = self.held.try_acquire().map_err(|_| {
            let reason = format!(
                "no replica leads the set, and {HELD_MAX} requests wait for one; try again"
            );
            Failed(Forwarded::Refused, Failure::unavailable(reason))
        })?;
        self.membership.place().await.map_err(no_leader)
    }
}

/// What a future comes to, if it needs no waiting.
async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
    match polled {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
