//! One request, ready to be written in a single call.

use std::io::Write;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::body::{BodyTemplate, Gzip, Values};
use super::rng::Rng;
use crate::client::Target;
use crate::profile::{Format, PathTemplate, Profile};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Method {
    Put,
    Post,
    Delete,
}

/// What the heads of all requests of a run have in common.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    prefix: String,
    path: PathTemplate,
    /// The fields that every request has, each with its line end.
    fields: String,
}

impl Head {
    pub(crate) fn new(profile: &Profile, target: &Target) -> Self {
        let mut fields = format!("Host: {}\r\nUser-Agent: loadtest\r\n", target.authority);
        if let Some(auth) = &profile.basic_auth {
            let secret = BASE64_STANDARD.encode(format!("{}:{}", auth.user, auth.password));
            fields.push_str(&format!("Authorization: Basic {secret}\r\n"));
        }
        if !profile.keep_alive {
            fields.push_str("Connection: close\r\n");
        }
        Self { prefix: target.prefix.clone(), path: profile.groups.path.clone(), fields }
    }

    /// A request without a body to a path that is no group's.
    pub(crate) fn get(&self, path: &str, extra_fields: &str) -> Vec<u8> {
        format!("GET {}{path} HTTP/1.1\r\n{}{extra_fields}\r\n", self.prefix, self.fields)
            .into_bytes()
    }

    fn bytes_max(&self, body: &BodyTemplate) -> usize {
        /// Method, version, the fields of the body with the longest of lengths.
        const REST_BYTES_MAX: usize = 128;
        self.prefix.len()
            + self.path.bytes_max()
            + self.fields.len()
            + body_fields(body).len()
            + REST_BYTES_MAX
    }
}

/// A request of one kind of body. The body stands at a fixed place and the head is written to end
/// where the body begins, so that heads of any length leave the bytes to send in one piece.
#[derive(Debug)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    body_at: usize,
    head_at: usize,
    /// The fields of the head that stay, up to the body's length, which may change.
    fields: Vec<u8>,
    head: Vec<u8>,
    values: Values,
    packing: Packing,
}

/// How the body gets its final form.
#[derive(Debug)]
enum Packing {
    /// Its bytes are changed where they are sent from.
    InPlace,
    /// One of some ready ones is copied.
    Drawn(Arc<[Vec<u8>]>),
    /// It is changed elsewhere and compressed into place.
    Compressed { plain: Vec<u8>, gzip: Gzip },
}

impl Request {
    pub(crate) fn new(head: &Head, body: &BodyTemplate) -> Self {
        let body_at = head.bytes_max(body);
        let mut bytes = vec![0; body_at];
        let packing = match &body.compressed {
            Some(ready) => Packing::Drawn(Arc::clone(ready)),
            None if body.gzip => {
                Packing::Compressed { plain: body.bytes.clone(), gzip: Gzip::new() }
            }
            None => {
                bytes.extend_from_slice(&body.bytes);
                Packing::InPlace
            }
        };
        Self {
            bytes,
            body_at,
            head_at: body_at,
            fields: format!(" HTTP/1.1\r\n{}{}", head.fields, body_fields(body)).into_bytes(),
            head: Vec::with_capacity(body_at),
            values: body.values.clone(),
            packing,
        }
    }

    /// Addresses the request to a group, gives the body new values and, if it has room for one,
    /// its mark.
    pub(crate) fn prepare(
        &mut self,
        method: Method,
        head: &Head,
        group: u64,
        mark: u64,
        rng: &mut Rng,
    ) {
        let body = &mut self.bytes;
        match &mut self.packing {
            Packing::InPlace => {
                self.values.change(&mut body[self.body_at..], rng);
                self.values.mark(&mut body[self.body_at..], mark);
            }
            Packing::Drawn(ready) => {
                body.truncate(self.body_at);
                body.extend_from_slice(&ready[rng.below(ready.len() as u64) as usize]);
            }
            Packing::Compressed { plain, gzip } => {
                self.values.change(plain, rng);
                self.values.mark(plain, mark);
                body.truncate(self.body_at);
                gzip.compress(plain, body);
            }
        }
        self.head.clear();
        self.head.extend_from_slice(if method == Method::Post { b"POST " } else { b"PUT " });
        self.head.extend_from_slice(head.prefix.as_bytes());
        head.path.render(group, &mut self.head);
        self.head.extend_from_slice(&self.fields);
        write!(self.head, "{}\r\n\r\n", self.bytes.len() - self.body_at)
            .expect("memory takes any text");
        self.head_at = self.body_at - self.head.len();
        self.bytes[self.head_at..self.body_at].copy_from_slice(&self.head);
    }

    /// The prepared request.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.head_at..]
    }
}

/// Writes a request that deletes a group.
pub(crate) fn delete(head: &Head, group: u64, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(b"DELETE ");
    out.extend_from_slice(head.prefix.as_bytes());
    head.path.render(group, out);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    out.extend_from_slice(head.fields.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn body_fields(body: &BodyTemplate) -> String {
    let kind = match body.format {
        Format::Text => "text/plain; version=0.0.4",
        Format::Protobuf => {
            "application/vnd.google.protobuf; \
             proto=io.prometheus.client.MetricFamily; encoding=delimited"
        }
    };
    let encoding = if body.gzip { "Content-Encoding: gzip\r\n" } else { "" };
    format!("Content-Type: {kind}\r\n{encoding}Content-Length: ")
}
