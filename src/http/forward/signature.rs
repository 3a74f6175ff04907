//! The signed header of a forwarded request: the client that the request is from, and where it was sent.
//!
//! The replica that forwards a request has authenticated its client. The leader takes the client from this header, and only
//! if the header is signed with the secret of the set, for this method, path and leader, and was signed just now. A process that has the
//! address of a leader of the past answers that it does not lead. A request that was signed a while ago changes nothing: it was on its way
//! for so long that its client may have given it up, and have pushed something newer. To anybody else the header is as if it was not there.

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hyper::header::{HeaderName, HeaderValue};
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::access::Proof;
use crate::listen::{Client, ClientCertificate, Source};

pub(crate) const FORWARDED: HeaderName = HeaderName::from_static("shardgate-forwarded");

/// How long a signature counts, which also is how far the clocks of two replicas may be apart. Twice as long is well below
/// the time for which proxies and clients wait.
pub(crate) const SIGNATURE_AGE_MAX: Duration = Duration::from_secs(5);
/// The first word of the header. A later version has another.
const VERSION: &str = "v1";
/// What a signature is about, so that no other use of the secret can make one.
const PURPOSE: &str = "shardgate forwarded request v1";

/// What the header of a request is worth.
#[derive(Debug)]
pub(crate) enum Vouched {
    /// There is no header, or it is not signed by a replica of this set for this request.
    No,
    /// A replica has signed it at another time than now: so many milliseconds ago, or from now if the clocks differ.
    Late(u64),
    /// A replica has sent the request to another process, which was at this address before.
    ForAnother,
    /// A replica has sent the request to this process.
    For(Box<Sent>),
}

/// The client of a forwarded request.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) client: Client,
    pub(crate) proof: Proof,
    /// The term of the leader that the request is for. A leader that was deposed and leads again must not answer what was sent
    /// to it before: the client may have had its answer from another leader.
    pub(crate) term: u64,
}

/// What the header says, as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// The replica that the request is for, by the name of its process.
    to: String,
    term: u64,
    /// When it was signed, in milliseconds since 1970.
    at: u64,
    source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<Names>,
}

/// The names in the client's certificate.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    common: Option<String>,
    alternative: Vec<String>,
}

/// Signs headers, and checks them.
#[derive(Debug)]
pub(crate) struct Signer(hmac::Key);

impl Signer {
    pub(crate) fn new(secret: &[u8]) -> Signer {
        Signer(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The header of a request by this client to the replica `to`.
    pub(super) fn sign(
        &self,
        (method, target): (&str, &str),
        to: &str,
        sent: &Sent,
        now: SystemTime,
    ) -> HeaderValue {
        let (user, token) = match &sent.proof {
            Proof::Nothing => (None, None),
            Proof::User(name) => (Some(name.clone()), None),
            Proof::Token(name) => (None, Some(name.clone())),
        };
        let certificate = sent.client.certificate.as_ref().map(|certificate| Names {
            common: certificate.common_name.clone(),
            alternative: certificate.alternative_names.clone(),
        });
        let source = sent.client.source.to_string();
        let (to, term, at) = (to.to_owned(), sent.term, millis(now));
        let fields = Fields { to, term, at, source, user, token, certificate };
        let fields = serde_json::to_vec(&fields).expect("texts and numbers can be written");
        let fields = BASE64.encode(fields);
        let tag = hmac::sign(&self.0, signed(method, target, &fields).as_bytes());
        let header = format!("{VERSION} {fields} {}", BASE64.encode(tag));
        HeaderValue::try_from(header).expect("base64 is visible ASCII")
    }

    /// What a header is worth to the process `own`, which got it with this request.
    pub(super) fn check(
        &self,
        request: (&str, &str),
        own: &str,
        header: &HeaderValue,
        now: SystemTime,
    ) -> Vouched {
        let Some((to, at, sent)) = self.read(request, header) else { return Vouched::No };
        let age = millis(now).abs_diff(at);
        if to != own {
            Vouched::ForAnother
        } else if u128::from(age) > SIGNATURE_AGE_MAX.as_millis() {
            Vouched::Late(age)
        } else {
            Vouched::For(Box::new(sent))
        }
    }

    /// The process that a request was sent to, when that was, and its client, if a replica has signed the header for this
    /// request.
    fn read(
        &self,
        (method, target): (&str, &str),
        header: &HeaderValue,
    ) -> Option<(String, u64, Sent)> {
        let mut words = header.to_str().ok()?.split(' ');
        let (VERSION, fields, tag, None) =
            (words.next()?, words.next()?, words.next()?, words.next())
        else {
            return None;
        };
        let tag = BASE64.decode(tag).ok()?;
        hmac::verify(&self.0, signed(method, target, fields).as_bytes(), &tag).ok()?;
        let fields: Fields = serde_json::from_slice(&BASE64.decode(fields).ok()?).ok()?;
        let certificate = fields.certificate.map(|names| {
            let (common_name, alternative_names) = (names.common, names.alternative);
            Arc::new(ClientCertificate { common_name, alternative_names })
        });
        let proof = match (fields.user, fields.token) {
            (None, None) => Proof::Nothing,
            (Some(user), None) => Proof::User(user),
            (None, Some(token)) => Proof::Token(token),
            (Some(_), Some(_)) => return None,
        };
        let source = Source::from_str(&fields.source).ok()?;
        let client = Client { source, certificate };
        Some((fields.to, fields.at, Sent { client, proof, term: fields.term }))
    }
}

/// What is signed. No part has a line end in it.
fn signed(method: &str, target: &str, fields: &str) -> String {
    format!("{PURPOSE}\n{method}\n{target}\n{fields}")
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: (&str, &str) = ("PUT", "/metrics/job/a?b");

    fn sent(proof: Proof) -> Sent {
        let certificate = ClientCertificate {
            common_name: Some("ci é".to_owned()),
            alternative_names: vec!["ci.example".to_owned()],
        };
        let source = "[::1]:80".parse().expect("it is one");
        let client = Client { source, certificate: Some(Arc::new(certificate)) };
        Sent { client, proof, term: 7 }
    }

    #[test]
    fn the_client_arrives_as_it_was_sent() {
        let (signer, now) = (Signer::new(b"secret"), SystemTime::now());
        for proof in [Proof::Nothing, Proof::User("zoë".into()), Proof::Token("ci".into())] {
            let header = signer.sign(REQUEST, "leader", &sent(proof.clone()), now);
            let Vouched::For(got) = signer.check(REQUEST, "leader", &header, now) else {
                panic!("it is not ours")
            };
            assert_eq!((&got.proof, got.term), (&proof, 7));
            assert_eq!(got.client.source, sent(proof.clone()).client.source);
            assert_eq!(got.client.certificate, sent(proof).client.certificate);
        }
    }

    #[test]
    fn a_header_that_is_forged_late_or_for_something_else_counts_as_none() {
        let (signer, now) = (Signer::new(b"secret"), SystemTime::now());
        let header = signer.sign(REQUEST, "leader", &sent(Proof::User("root".into())), now);
        let check = |request, own, header: &HeaderValue, now| {
            matches!(signer.check(request, own, header, now), Vouched::For(_))
        };
        assert!(check(REQUEST, "leader", &header, now));
        assert!(!check(("POST", REQUEST.1), "leader", &header, now), "another method");
        assert!(!check((REQUEST.0, "/metrics/job/b"), "leader", &header, now), "another path");
        let to_another = signer.check(REQUEST, "other", &header, now);
        assert!(matches!(to_another, Vouched::ForAnother), "another process");
        let late = SIGNATURE_AGE_MAX + Duration::from_secs(1);
        assert!(!check(REQUEST, "leader", &header, now + late), "too late");
        assert!(!check(REQUEST, "leader", &header, now - late), "too early");
        for now in [now + late, now - late] {
            // It is not the request of a stranger, who may be allowed the same.
            let checked = signer.check(REQUEST, "leader", &header, now);
            assert!(matches!(checked, Vouched::Late(6000)), "{checked:?}");
        }
        assert!(check(REQUEST, "leader", &header, now - late / 2));
        let other = Signer::new(b"Secret").sign(REQUEST, "leader", &sent(Proof::Nothing), now);
        assert!(!check(REQUEST, "leader", &other, now), "another secret");
        assert!(matches!(signer.check(REQUEST, "other", &other, now), Vouched::No));
        let text = header.to_str().expect("it is text");
        let (fields, tag) = text[3..].split_once(' ').expect("it has two parts");
        let unsigned =
            BASE64.encode(r#"{"to":"leader","term":7,"at":0,"source":"unix","user":"root"}"#);
        for forged in [
            String::new(),
            "v1".into(),
            format!("v2 {fields} {tag}"),
            format!("v1 {fields}"),
            format!("v1 {fields} "),
            format!("v1 {unsigned} {tag}"),
            format!("v1 {fields} {}", &tag[1..]),
            format!("v1 {fields} {tag} {tag}"),
            format!("v1 {fields} ={tag}"),
        ] {
            let header = HeaderValue::try_from(&forged).expect("it can stand in a header");
            assert!(!check(REQUEST, "leader", &header, now), "{forged}");
        }
    }
}
