//! From a request to its endpoint, and the count of the answer.

use hyper::body::Incoming;
use hyper::header::ACCEPT;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::access::Right;
use crate::http::api::cors::with_cors;
use crate::http::body::unread_answers::uncounted_bytes_max;
use crate::http::endpoints::{Call, Endpoint};
use crate::http::forward::set::{ReplicaSet, Taken};
use crate::http::forward::signature::Vouched;
use crate::http::push::cors::readable_by;
use crate::http::reply::{
    Reply, and_close, error, method_not_allowed, options, redirect, without_body,
};
use crate::http::request::admission::{Request, Sender};
use crate::http::request::request_id::RequestId;
use crate::http::request::route::Route;
use crate::http::request::{framing, hint};
use crate::http::server::Http;
use crate::listen::Client;

impl Http {
    /// Answers one request. The caller reads what the answer has left of the body: see [`crate::http::connection`].
    pub(crate) async fn answer(&self, head: &Parts, body: &mut Incoming, client: &Client) -> Reply {
        if let Err((status, reason)) = framing::check(head) {
            let reply = and_close(error(status, reason));
            let reply = self.note_if_rejected(reply, head, client, String::new);
            return self.admission.with_headers(reply);
        }
        if let Some(reply) = self
            .push_origins
            .preflight(head, |method| self.paths.route(method, head.uri.path()).is_push())
        {
            return self.admission.with_headers(reply);
        }
        let route = self.paths.route(&head.method, head.uri.path());
        // A request that another replica has passed on is that of its client.
        let sent = match self.set.as_ref().map(|set| (set, set.vouched(head))) {
            None | Some((_, Vouched::No)) => None,
            Some((_, Vouched::For(sent))) => Some(sent),
            // The process that led at this address has ended. This one has done nothing.
            Some((set, Vouched::ForAnother)) => {
                return self.admission.with_headers(set.to_replica(ReplicaSet::not_leading()));
            }
            Some((set, Vouched::Late(apart))) => {
                return self.admission.with_headers(set.to_replica(ReplicaSet::late(apart)));
            }
        };
        let client = sent.as_ref().map_or(client, |sent| &sent.client);
        let origin = self.push_origins.of_push(route.is_push(), head);
        let is_open = route.is_open();
        let reply =
            match self.admission.admit(route.right(), &head.headers, client, sent.as_deref()).await
            {
                Ok(sender) => {
                    let term = sent.as_ref().map(|sent| sent.term);
                    let reply = self.answer_admitted(route, head, body, &sender, term).await;
                    self.note_if_rejected(reply, head, client, || sender.caller.known_as())
                }
                Err(not_admitted) => {
                    let user = not_admitted.user();
                    let reply = self.admission.reject(not_admitted, head, client);
                    self.note_if_rejected(reply, head, client, || user)
                }
            };
        let reply = if is_open {
            with_cors(head.uri.path(), self.paths.enable_admin_api, reply)
        } else {
            reply
        };
        let reply = match origin {
            Some(origin) => readable_by(origin, reply),
            None => reply,
        };
        let reply = match &self.set {
            Some(set) if sent.is_some() => set.to_replica(reply),
            _ => reply,
        };
        let reply = without_body_of_head(head, reply);
        let uncounted_bytes_max = uncounted_bytes_max(head.version);
        let reply = reply.map(|body| body.kept(&self.unread, uncounted_bytes_max));
        self.admission.with_headers(reply)
    }

    async fn answer_admitted(
        &self,
        route: Route<'_>,
        head: &Parts,
        body: &mut Incoming,
        sender: &Sender<'_>,
        term: Option<u64>,
    ) -> Reply {
        let (endpoint, tail) = match route {
            Route::Endpoint(endpoint, tail) => (endpoint, tail),
            Route::Options(allowed) => return options(&allowed),
            Route::MethodNotAllowed(allowed) => {
                return method_not_allowed(&allowed, hint::not_allowed(&head.method));
            }
            Route::Redirect(path) => return redirect(&path, head.uri.query()),
            Route::NotFound => return self.not_found(head, sender),
            Route::BadPath => return bad_path(head, sender.client),
        };
        let mut request = Request { head, body, tail: &tail, sender };
        if let Some(set) = &self.set
            && let Some(change) = endpoint.change()
            && !set.leads(term)
        {
            // In a box, so that other requests do not carry the room for it.
            match Box::pin(set.take(change, &mut request, term.is_some())).await {
                Taken::Here => {}
                Taken::Answered(reply) => return reply,
                Taken::Failed(failure) => return self.counted(endpoint, Reply::from(&failure)),
            }
        }
        let reply = match endpoint.call {
            // In a box, which costs an idle connection less than it costs a push.
            Call::Push(mode) => Box::pin(self.groups.push(mode, request)).await,
            Call::Probe(answer) => answer(self),
            Call::Other(answer) => answer(self, request).await,
        };
        self.counted(endpoint, reply)
    }

    fn counted(&self, endpoint: &Endpoint, reply: Reply) -> Reply {
        if let Some(handler) = endpoint.handler {
            self.own.answered(handler, endpoint.verb, reply.status().as_u16());
        }
        reply
    }

    /// A page for a browser that may read pages, and otherwise the words of the reference.
    fn not_found(&self, head: &Parts, sender: &Sender<'_>) -> Reply {
        let accept = head.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let is_browser =
            head.method == Method::GET && accept.is_some_and(|accept| accept.contains("text/html"));
        if !is_browser || sender.caller.may(Right::Read).is_err() {
            let reason = hint::not_found(&head.method, head.uri.path(), &self.paths.prefix);
            return error(StatusCode::NOT_FOUND, reason);
        }
        let text = "Nothing is at this path. A push goes to /metrics/job/NAME with PUT or POST.";
        let visitor = self.site.visitor(&head.headers, &sender.caller);
        visitor.message(StatusCode::NOT_FOUND, "Page not found", text)
    }

    /// Answers a request on a connection above the limit, if it is a probe.
    pub(crate) fn answer_probe(&self, head: &Parts) -> Option<Reply> {
        match self.paths.route(&head.method, head.uri.path()) {
            Route::Endpoint(endpoint, _) => match endpoint.call {
                Call::Probe(answer) => Some(without_body_of_head(head, answer(self))),
                _ => None,
            },
            _ => None,
        }
    }
}

/// An answer to HEAD has no body.
fn without_body_of_head(head: &Parts, reply: Reply) -> Reply {
    if head.method == Method::HEAD { without_body(reply) } else { reply }
}

/// The answer to a path that cannot be decoded, which may be that of a push.
fn bad_path(head: &Parts, client: &Client) -> Reply {
    let (id, reason) = (RequestId::of(&head.headers), "invalid percent-encoding");
    if head.method == Method::PUT || head.method == Method::POST {
        let (job, source) = (head.uri.path(), client.source);
        let (method, path) = (&head.method, head.uri.path());
        tracing::info!(job, %source, %method, path, request_id = id.text(), err = reason, "push rejected");
    }
    id.on(error(StatusCode::BAD_REQUEST, reason))
}
