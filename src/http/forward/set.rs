//! Where a request that changes groups is answered: here, or at the leader.

use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request as HttpRequest;
use hyper::header::HeaderValue;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::headers::{IN_DOUBT, LEADER, Meaning, POSITION, meaning, of_answer, of_request};
use super::signature::{FORWARDED, Sent, Signer, Vouched};
use crate::client::{Endpoint as Gateway, Pool, SendError};
use crate::cluster::{HOLD_WAIT, Leader, Membership, NotReady, Place, Role};
use crate::config::Config;
use crate::http::body::chunks::Chunks;
use crate::http::body::in_flight::{InFlight, Room};
use crate::http::body::read::{collect, discard};
use crate::http::failure::{Cause, Failure};
use crate::http::reply::{Deposed, Reply, with, with_text};
use crate::http::request::admission::Request;
use crate::own_metrics::{Forwarded, OwnMetrics};

/// How many requests may wait for a leader at a time.
pub(crate) const HELD_MAX: usize = 4096;
/// How many connections to the leader there are.
pub(crate) const FORWARD_CONNECTIONS_MAX: usize = 256;
/// How long the leader may take to answer. It waits for NATS, and for a large body to be decoded.
pub(crate) const FORWARD_ANSWER_WAIT: Duration = Duration::from_secs(30);
/// How often a request that waits for its answer looks whether another replica leads by now.
const LOOK_WAIT: Duration = Duration::from_millis(250);
/// When a request is sent again to a leader that could not be reached.
const AGAIN_WAIT: Duration = Duration::from_millis(50);

/// A replica set, as one of its replicas sees it.
#[derive(Debug)]
pub(crate) struct ReplicaSet {
    pub(crate) membership: Arc<Membership>,
    config: Arc<Config>,
    own: Arc<OwnMetrics>,
    in_flight: Arc<InFlight>,
    signer: Signer,
    hold_wait: Duration,
    /// One permit for each request that may wait for a leader.
    held: Semaphore,
    /// The connections to the replica that was last sent to, with its URL.
    pool: Mutex<Option<(String, Arc<Pool>)>>,
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

/// A replica to send to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    id: String,
    url: String,
    term: u64,
}

impl From<Leader> for Target {
    fn from(leader: Leader) -> Target {
        Target { id: leader.id, url: leader.url, term: leader.term }
    }
}

/// Why a request has no answer of the leader, and how that is counted.
struct Failed(Forwarded, Failure);

/// What has become of one attempt.
enum Outcome {
    Answer(Reply, u64),
    /// Nothing was done, for this reason.
    NotDone(String),
    /// It may have been done. This is what went wrong.
    InDoubt(String),
    NotVouched,
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
    pub(crate) async fn leads(&self, term: Option<u64>) -> bool {
        matches!(at_once(self.membership.place()).await, Some(Ok(Place::Here)))
            && term.is_none_or(|term| self.term() == term)
    }

    /// The term of this replica as the leader; 0 while another one leads.
    fn term(&self) -> u64 {
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

    /// Where changes go. Holds the request while nobody leads.
    async fn place(&self) -> Result<Place, Failed> {
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

    /// Sends a request to the leader, and again to the next one where that is safe.
    async fn forward(
        &self,
        change: Change,
        request: &mut Request<'_>,
        mut to: Target,
    ) -> Result<Reply, Failed> {
        let mut room = Room::of(&*self.in_flight).sent_by(request.client().source.host());
        let body = self.body(change, request, &mut room).await;
        let body = body.map_err(|failure| Failed(Forwarded::Refused, failure))?;
        let (until, mut doubt) = (Instant::now() + self.hold_wait, None);
        loop {
            let reason = match self.send(request, &to, body.clone()).await {
                Outcome::Answer(reply, position) => return Ok(self.applied(reply, position).await),
                Outcome::NotVouched => return Err(not_vouched(&to)),
                Outcome::InDoubt(reason) => doubt.insert(reason).clone(),
                Outcome::NotDone(reason) => reason,
            };
            // The client still waits, so a second copy is not older than anything that it has sent since.
            let is_over = doubt.is_some() && !change.is_idempotent;
            let next = if is_over { Ok(None) } else { self.next(&to, until).await };
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

    /// Sends a request once, and waits for the answer as long as that replica may lead.
    async fn send(&self, request: &Request<'_>, to: &Target, body: Bytes) -> Outcome {
        let head = request.head;
        let Some(target) = head.uri.path_and_query() else {
            return Outcome::NotDone("the request has no path".to_owned());
        };
        let pool = match self.pool(&to.url) {
            Ok(pool) => pool,
            Err(reason) => return Outcome::NotDone(reason),
        };
        let (sender, proof) = (request.client(), request.sender.caller.proof());
        let sent = Sent { client: sender.clone(), proof, term: to.term };
        let signed = (head.method.as_str(), target.as_str());
        let mut forwarded = HttpRequest::new(Full::new(body));
        *forwarded.method_mut() = head.method.clone();
        *forwarded.uri_mut() = target.clone().into();
        *forwarded.headers_mut() = of_request(head);
        let header = self.signer.sign(signed, &to.id, &sent, SystemTime::now());
        forwarded.headers_mut().insert(FORWARDED, header);
        let (mut answering, since) = (pin!(pool.send(forwarded)), Instant::now());
        let answer = loop {
            match timeout(LOOK_WAIT, answering.as_mut()).await {
                Ok(answer) => break answer,
                Err(_) if self.leads_no_more(to) => {
                    return Outcome::InDoubt("another replica leads by now".to_owned());
                }
                Err(_) if since.elapsed() >= FORWARD_ANSWER_WAIT => {
                    let seconds = FORWARD_ANSWER_WAIT.as_secs();
                    return Outcome::InDoubt(format!("no answer within {seconds} s"));
                }
                Err(_) => {}
            }
        };
        let (head, body) = match answer {
            Ok(answer) => answer.into_parts(),
            Err(SendError::NotSent(error)) => return Outcome::NotDone(error.to_string()),
            Err(SendError::InDoubt(error)) => return Outcome::InDoubt(error.to_string()),
        };
        match meaning(head.status, &head.headers) {
            Meaning::Answer(position) => {
                let mut reply = Reply::new(Chunks::from(body));
                *reply.status_mut() = head.status;
                *reply.headers_mut() = of_answer(head.headers);
                Outcome::Answer(reply, position)
            }
            Meaning::NotLeading => Outcome::NotDone("it does not lead any more".to_owned()),
            Meaning::InDoubt => Outcome::InDoubt("it was deposed meanwhile".to_owned()),
            Meaning::NotVouched => Outcome::NotVouched,
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
    async fn next(&self, failed: &Target, until: Instant) -> Result<Option<Target>, Failed> {
        loop {
            let Ok(place) = timeout_at(until, self.place()).await else { return Ok(None) };
            match place? {
                // Its own listener takes the request like that of any leader.
                Place::Here => return Ok(Some(self.this())),
                Place::At(leader) if leader.id != failed.id => return Ok(Some(leader.into())),
                _ if Instant::now() >= until => return Ok(None),
                // It is still thought to lead: it may be starting again, or not be missed yet.
                Place::At(leader) => {
                    sleep(AGAIN_WAIT).await;
                    if let Some(now) = self.membership.leader().filter(|now| now.id == leader.id) {
                        return Ok(Some(now.into()));
                    }
                }
            }
        }
    }

    fn this(&self) -> Target {
        let membership = &self.membership;
        let (id, url) = (membership.id().to_owned(), membership.url().to_owned());
        Target { id, url, term: self.term() }
    }

    fn leads_no_more(&self, to: &Target) -> bool {
        let is_this = to.id == self.membership.id();
        match self.membership.role() {
            Role::Leading => !is_this,
            _ => is_this || self.membership.leader().is_some_and(|now| Target::from(now) != *to),
        }
    }

    /// The connections to a replica. Those to the last one are given up when there is another.
    fn pool(&self, url: &str) -> Result<Arc<Pool>, String> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, pool)) = &*pool
            && known == url
        {
            return Ok(Arc::clone(pool));
        }
        let ca: Option<&PathBuf> = self.config.replica_ca.as_ref();
        let ca = ca.filter(|_| url.starts_with("https://"));
        let gateway = Gateway::new(url, ca.map(PathBuf::as_path));
        let gateway = gateway.map_err(|error| error.to_string())?;
        let new = Arc::new(Pool::new(gateway, FORWARD_CONNECTIONS_MAX));
        *pool = Some((url.to_owned(), Arc::clone(&new)));
        Ok(new)
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
         --cluster.secret-file, and clocks that agree",
        to.url
    ));
    tracing::error!(err = %failure, "the leader does not know this replica");
    Failed(Forwarded::NotVouched, failure)
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
