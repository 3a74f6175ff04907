//! Rights by client certificate.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::basic_auth::{credentials, users};
use crate::gateway::{Running, start};
use crate::policy::PolicyFile;

/// An authority that signs for everybody.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate with these names, and its key.
    fn sign(&self, common_name: &str, alternative_names: &[&str]) -> [String; 2] {
        let names = alternative_names.iter().map(|name| (*name).to_owned());
        let mut params = CertificateParams::new(names.collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().unwrap();
        [params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem()]
    }

    /// A configuration of clients that trust the authority, and show this certificate if any.
    fn client(&self, shown: Option<&[String; 2]>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        Arc::new(match shown {
            None => builder.with_no_client_auth(),
            Some([certificate, key]) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        })
    }
}

fn push(gateway: &Running, client: &Arc<ClientConfig>, job: &str, header: &str) -> String {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(gateway.address).unwrap());
    let request = format!(
        "PUT /metrics/job/{job} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}\r\n\
         content-length: 4\r\n\r\nm 1\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A web configuration that asks for certificates, takes none, too, and knows these users.
fn web(authority: &Authority, names: &[&str]) -> String {
    let [certificate, key] = authority.sign("gateway", &["localhost"]);
    let indent = |pem: &str| pem.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let (certificate, key, ca) = (indent(&certificate), indent(&key), indent(&authority.pem));
    let users = users(names, 4).users;
    let users: String =
        users.iter().map(|(name, hash)| format!("  {name}: {}\n", hash.as_str())).collect();
    let users = if names.is_empty() { users } else { format!("basic_auth_users:\n{users}") };
    format!(
        "tls_server_config:\n  cert: |\n{certificate}  key: |\n{key}  client_ca: |\n{ca}  \
         client_auth_type: VerifyClientCertIfGiven\n{users}"
    )
}

const POLICY: &str = "
users: { a: { push: ['a-*'] } }
certificates:
  db1.example.org: { push: ['db-*'] }
  spare: { push: [spare] }
";

#[test]
fn a_certificate_gives_the_rights_of_the_first_of_its_names_that_has_any() {
    let authority = Authority::new();
    let config = PolicyFile::new("certificates-web", &web(&authority, &[]));
    let web_flag = config.flag().replace("--auth.policy-file", "--web.config.file");
    let policy = PolicyFile::new("certificates", POLICY);
    let gateway = start(&[&web_flag, &policy.flag()]);
    let status = |client: &Arc<ClientConfig>, job: &str| {
        let answer = push(&gateway, client, job, "x: y");
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    let by_common_name = authority.client(Some(&authority.sign("db1.example.org", &["spare"])));
    assert_eq!([status(&by_common_name, "db-1"), status(&by_common_name, "spare")], ["200", "403"]);
    let by_other = authority.client(Some(&authority.sign("x", &["y.example.org", "spare"])));
    assert_eq!([status(&by_other, "db-1"), status(&by_other, "spare")], ["403", "200"]);
    let unnamed = authority.client(Some(&authority.sign("x", &["y"])));
    assert_eq!(status(&unnamed, "db-1"), "403");
    let answer = push(&gateway, &authority.client(None), "db-1", "x: y");
    assert!(answer.contains("a client without a name may not push"), "{answer}");
}

#[test]
fn a_user_who_has_rights_counts_before_the_certificate() {
    let authority = Authority::new();
    let config = PolicyFile::new("both-web", &web(&authority, &["a", "b"]));
    let web_flag = config.flag().replace("--auth.policy-file", "--web.config.file");
    let policy = PolicyFile::new("both", POLICY);
    let gateway = start(&[&web_flag, &policy.flag()]);
    let client = authority.client(Some(&authority.sign("db1.example.org", &[])));
    for (user, job, expected) in
        [("a", "a-1", "200"), ("a", "db-1", "403"), ("b", "db-1", "200"), ("b", "a-1", "403")]
    {
        let answer = push(&gateway, &client, job, &credentials(user, user));
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{user} {job}: {answer}");
    }
    let answer = push(&gateway, &client, "db-1", "x: y");
    assert!(answer.starts_with("HTTP/1.1 401"), "a certificate is no password: {answer}");
}
