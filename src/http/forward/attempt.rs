//! One attempt to have the leader answer a request.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request as HttpRequest;
use tokio::time::{Instant, timeout};

use super::headers::{Meaning, meaning, of_answer, of_request};
use super::set::ReplicaSet;
use super::signature::{FORWARDED, Sent};
use crate::client::{Endpoint as Gateway, Pool, SendError};
use crate::cluster::{Leader, Role};
use crate::http::body::chunks::Chunks;
use crate::http::failure::Failure;
use crate::http::reply::Reply;
use crate::http::request::admission::Request;
use crate::own_metrics::Forwarded;

/// How many connections to the leader there are.
pub(crate) const FORWARD_CONNECTIONS_MAX: usize = 256;
/// How long the leader may take to answer. It waits for NATS, and for a large body to be decoded.
pub(crate) const FORWARD_ANSWER_WAIT: Duration = Duration::from_secs(30);
/// How often a request that waits for its answer looks whether another replica leads by now.
const LOOK_WAIT: Duration = Duration::from_millis(250);

/// A replica to send to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) term: u64,
}

impl From<Leader> for Target {
    fn from(leader: Leader) -> Target {
        Target { id: leader.id, url: leader.url, term: leader.term }
    }
}

/// Why a request has no answer of the leader, and how that is counted.
pub(super) struct Failed(pub(super) Forwarded, pub(super) Failure);

/// What has become of one attempt.
pub(super) enum Outcome {
    Answer(Reply, u64),
    /// Nothing was done, for this reason.
    NotDone(String),
    /// Nothing was done: it was on its way for so many milliseconds, or the clocks differ by them.
    Late(u64),
    /// It may have been done. This is what went wrong.
    InDoubt(String),
    NotVouched,
}

impl ReplicaSet {
    /// Sends a request once, and waits for the answer as long as that replica may lead.
    pub(super) async fn send(&self, request: &Request<'_>, to: &Target, body: Bytes) -> Outcome {
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
        // Signed when it is sent, since the leader counts from then on how long it was on its way.
        let answering = async {
            let turn = pool.turn().await;
            let header = self.signer.sign(signed, &to.id, &sent, SystemTime::now());
            forwarded.headers_mut().insert(FORWARDED, header);
            match self.membership.awake() {
                Ok(()) => pool.send(turn, forwarded).await.map_err(Some),
                Err(_paused) => Err(None),
            }
        };
        let (mut answering, since) = (pin!(answering), Instant::now());
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
            Err(None) => return Outcome::NotDone("it was not sent".to_owned()),
            Err(Some(SendError::NotSent(error))) => return Outcome::NotDone(error.to_string()),
            Err(Some(SendError::InDoubt(error))) => return Outcome::InDoubt(error.to_string()),
        };
        match meaning(head.status, &head.headers) {
            Meaning::Answer(position) => {
                let mut reply = Reply::new(Chunks::from(body));
                *reply.status_mut() = head.status;
                *reply.headers_mut() = of_answer(head.headers);
                Outcome::Answer(reply, position)
            }
            Meaning::Late(apart) => Outcome::Late(apart),
            Meaning::NotLeading => Outcome::NotDone("it does not lead any more".to_owned()),
            Meaning::InDoubt => Outcome::InDoubt("it was deposed meanwhile".to_owned()),
            Meaning::NotVouched => Outcome::NotVouched,
        }
    }

    pub(super) fn this(&self) -> Target {
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
