//! Handshakes with a real client, over a pipe in memory.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::TlsConnector;

use super::{Acceptor, HANDSHAKE_WAIT, Server};
use crate::config::web::WebConfig;
use crate::listen::{ClientCertificate, Protocol};

/// A certificate and its key.
struct Pair {
    certificate: Certificate,
    key: KeyPair,
}

/// An authority, and those whose certificates it has signed.
struct People {
    authority: Certificate,
    issuer: Issuer<'static, KeyPair>,
    server: Pair,
}

impl People {
    fn new() -> People {
        let key = KeyPair::generate().expect("there is randomness");
        let mut params = params("authority", vec![]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).expect("it can be signed");
        let issuer = Issuer::new(params, key);
        let server = sign(&issuer, &params_for_localhost());
        People { authority, issuer, server }
    }

    /// An acceptor that asks this of clients, whose certificates the authority signs.
    fn acceptor(&self, client_auth_type: &str) -> Acceptor {
        Acceptor::new(self.server(client_auth_type))
    }

    fn server(&self, client_auth_type: &str) -> Server {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut text = format!(
            "tls_server_config: {{cert: {}, key: {}, client_auth_type: {client_auth_type}",
            quoted(&self.server.certificate.pem()),
            quoted(&self.server.key.serialize_pem())
        );
        if client_auth_type != "NoClientCert" {
            text += &format!(", client_ca: {}", quoted(&self.authority.pem()));
        }
        let config = WebConfig::parse(&(text + "}\n"), "web.yml".as_ref()).expect("it is valid");
        let tls = config.tls.expect("there is a certificate");
        let mut read = |_: &std::path::Path| Err("no file is named".to_owned());
        Server::new(&tls, config.http2, &mut read, &mut Vec::new()).expect("all belong together")
    }

    /// A client that trusts the authority and shows this certificate, if any.
    fn client(&self, shown: Option<&Pair>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).expect("it is a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("they are supported")
            .with_root_certificates(roots);
        let Some(pair) = shown else { return builder.with_no_client_auth() };
        let chain = vec![CertificateDer::from(pair.certificate.der().to_vec())];
        let key = PrivateKeyDer::from_pem_slice(pair.key.serialize_pem().as_bytes());
        builder.with_client_auth_cert(chain, key.expect("it is a key")).expect("they match")
    }
}

fn params(name: &str, names: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = names;
    params
}

fn params_for_localhost() -> CertificateParams {
    params("server", vec![SanType::DnsName("localhost".try_into().expect("it is ASCII"))])
}

fn sign(issuer: &Issuer<'_, KeyPair>, params: &CertificateParams) -> Pair {
    let key = KeyPair::generate().expect("there is randomness");
    let certificate = params.signed_by(&key, issuer).expect("it can be signed");
    Pair { certificate, key }
}

/// A handshake as the two sides see it: who came in, and whether a session was resumed. The client reads until
/// the server closes, so that it gets its tickets.
async fn handshake(
    acceptor: &Acceptor,
    client: &Arc<ClientConfig>,
) -> io::Result<(Option<Arc<ClientCertificate>>, Protocol, Option<HandshakeKind>)> {
    let (near, far) = duplex(64 << 10);
    let connecting = async {
        let name = ServerName::try_from("localhost").expect("it is a name");
        let mut stream = TlsConnector::from(Arc::clone(client)).connect(name, far).await?;
        stream.read_to_end(&mut Vec::new()).await?;
        Ok::<_, io::Error>(stream.get_ref().1.handshake_kind())
    };
    let accepting = async {
        let (mut stream, certificate, protocol) = acceptor.accept(near).await?;
        stream.shutdown().await?;
        Ok::<_, io::Error>((certificate, protocol))
    };
    let (accepted, connected) = tokio::join!(accepting, connecting);
    let (certificate, protocol) = accepted?;
    Ok((certificate, protocol, connected?))
}

#[tokio::test]
async fn a_certificate_counts_only_where_an_authority_must_have_signed_it() {
    let people = People::new();
    let names = vec![
        SanType::DnsName("job.example".try_into().expect("it is ASCII")),
        SanType::Rfc822Name("job@example.org".try_into().expect("it is ASCII")),
        SanType::IpAddress("::ffff:10.0.0.1".parse().expect("it is an address")),
        SanType::URI("spiffe://example/job".try_into().expect("it is ASCII")),
    ];
    let job = sign(&people.issuer, &params("job", names));
    let (job, nobody) = (Arc::new(people.client(Some(&job))), Arc::new(people.client(None)));
    for (mode, is_shown) in [
        ("VerifyClientCertIfGiven", true),
        ("RequireAndVerifyClientCert", true),
        ("RequireAnyClientCert", false),
        ("RequestClientCert", false),
        ("NoClientCert", false),
    ] {
        let acceptor = people.acceptor(mode);
        let (certificate, protocol, _) = handshake(&acceptor, &job).await.expect(mode);
        assert_eq!((certificate.is_some(), protocol), (is_shown, Protocol::Http1), "{mode}");
        if let Some(certificate) = certificate {
            assert_eq!(certificate.common_name.as_deref(), Some("job"));
            let names = ["job.example", "job@example.org", "10.0.0.1", "spiffe://example/job"];
            assert_eq!(certificate.alternative_names, names);
        }
        let lets_nobody_in = !mode.starts_with("Require");
        let came_in = handshake(&acceptor, &nobody).await;
        assert_eq!(came_in.is_ok_and(|(shown, ..)| shown.is_none()), lets_nobody_in, "{mode}");
    }
}

#[tokio::test]
async fn a_resumed_session_is_the_same_client_until_the_server_is_replaced() {
    let people = People::new();
    let job = sign(&people.issuer, &params("job", vec![]));
    let client = Arc::new(people.client(Some(&job)));
    let acceptor = people.acceptor("RequireAndVerifyClientCert");
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let (certificate, _, kind) = handshake(&acceptor, &client).await.expect("it is let in");
        assert_eq!(kind, Some(expected));
        assert!(certificate.is_some_and(|job| job.common_name.as_deref() == Some("job")));
    }
    acceptor.replace(people.server("RequireAndVerifyClientCert"));
    let (_, _, kind) = handshake(&acceptor, &client).await.expect("it is let in");
    assert_eq!(kind, Some(HandshakeKind::Full));
}

#[tokio::test]
async fn a_session_is_not_resumed_with_a_certificate_that_has_expired_since() {
    let people = People::new();
    let mut soon = params("job", vec![]);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    soon.not_after = rcgen::date_time_ymd(1970, 1, 1) + now + Duration::from_secs(2);
    let job = sign(&people.issuer, &soon);
    let client = Arc::new(people.client(Some(&job)));
    let acceptor = people.acceptor("RequireAndVerifyClientCert");
    handshake(&acceptor, &client).await.expect("it is still valid");
    let until_refused = async {
        loop {
            match handshake(&acceptor, &client).await {
                Ok((.., kind)) => assert_eq!(kind, Some(HandshakeKind::Resumed)),
                Err(error) => return error,
            }
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(20), until_refused).await;
    let error = refused.expect("it expires");
    assert_eq!(error.kind(), io::ErrorKind::Other, "not by the handshake itself: {error}");
    assert!(error.to_string().contains("Expired"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_come_is_given_up() {
    let acceptor = People::new().acceptor("NoClientCert");
    let (near, far) = duplex(64);
    let begun = tokio::time::Instant::now();
    let error = acceptor.accept(near).await.expect_err("nothing was said");
    assert_eq!(
        (error.kind(), begun.elapsed().as_secs()),
        (io::ErrorKind::TimedOut, HANDSHAKE_WAIT.as_secs())
    );
    drop(far);
}

/// What comes back to who says this and no more.
async fn told(said: &[u8]) -> Vec<u8> {
    let acceptor = People::new().acceptor("NoClientCert");
    let (near, mut far): (DuplexStream, _) = duplex(64 << 10);
    far.write_all(said).await.expect("there is room");
    far.shutdown().await.expect("it is open");
    acceptor.accept(near).await.expect_err("it is no handshake");
    let mut answer = Vec::new();
    far.read_to_end(&mut answer).await.expect("the other side is closed");
    answer
}

#[tokio::test]
async fn only_who_speaks_http_is_answered_in_http() {
    for request in
        ["GET / HTTP/1.1\r\n\r\n", "PUT /metrics/job/a HTTP/1.1\r\n", "DELETE /x HTTP/1.0\r\n\r\n"]
    {
        let answer = told(request.as_bytes()).await;
        assert!(answer.starts_with(b"HTTP/1.0 400 "), "{request}: {answer:?}");
    }
    assert_eq!(told(b"").await, b"");
    assert_eq!(told(b"\x80\x2e\x01\x00\x02").await.first(), Some(&21), "an alert");
}
