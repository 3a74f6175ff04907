//! TLS, and a web configuration file that changes while connections are open.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::gateway::{Running, start};

/// How long a change may take to show.
const SEEN_WAIT: Duration = Duration::from_secs(20);

/// A folder with `web.yml` and what it names, which goes when this does.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path =
            std::env::temp_dir().join(format!("shardgate-web-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    /// Replaces the certificate and its key by new ones.
    fn certify(&self) -> CertificateDer<'static> {
        let CertifiedKey { cert, signing_key }: CertifiedKey<KeyPair> =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        self.write("server.key", &signing_key.serialize_pem());
        self.write("server.crt", &cert.pem());
        cert.der().clone()
    }

    fn flag(&self) -> String {
        format!("--web.config.file={}", self.0.join("web.yml").display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

const TLS: &str = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n";

type Client = StreamOwned<ClientConnection, TcpStream>;

/// Connects with trust in this certificate.
fn connect(gateway: &Running, trusted: &CertificateDer<'static>) -> Result<Client, String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut client = StreamOwned::new(session, gateway.connect());
    client.conn.complete_io(&mut client.sock).map_err(|error| error.to_string())?;
    Ok(client)
}

/// The first line of the answer to one request on a connection that is kept.
fn ask(client: &mut Client, request: &str, body: &str) -> String {
    let head = format!("{request} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    client.write_all((head + body).as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let answer = String::from_utf8(answer).unwrap();
    let length = answer.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    client.read_exact(&mut body).unwrap();
    answer.lines().next().unwrap().to_owned()
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < SEEN_WAIT, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_open_connection_outlives_the_certificate_it_was_made_with() {
    let folder = Folder::new("outlives");
    let first = folder.certify();
    folder.write("web.yml", TLS);
    let gateway = start(&[&folder.flag()]);
    let mut kept = connect(&gateway, &first).unwrap();
    assert_eq!(ask(&mut kept, "PUT /metrics/job/a", "m 1\n"), "HTTP/1.1 200 OK");
    let second = folder.certify();
    eventually("the new one is shown", || connect(&gateway, &second).is_ok());
    assert!(connect(&gateway, &first).is_err(), "and only that");
    assert_eq!(ask(&mut kept, "PUT /metrics/job/a", "m 2\n"), "HTTP/1.1 200 OK");
}

#[test]
fn a_certificate_without_its_key_is_not_taken() {
    let folder = Folder::new("mismatch");
    let first = folder.certify();
    folder.write("web.yml", TLS);
    let gateway = start(&[&folder.flag()]);
    let old_key = std::fs::read_to_string(folder.0.join("server.key")).unwrap();
    let second = folder.certify();
    let new_key = std::fs::read_to_string(folder.0.join("server.key")).unwrap();
    folder.write("server.key", &old_key);
    let until = Instant::now() + 3 * shardgate::reload::LOOK_WAIT;
    while Instant::now() < until {
        assert!(connect(&gateway, &first).is_ok(), "the last pair that matched is shown");
    }
    folder.write("server.key", &new_key);
    eventually("now they match", || connect(&gateway, &second).is_ok());
}

#[test]
fn reloads_are_counted_only_where_there_is_a_file() {
    let failed = "shardgate_web_config_reload_failed";
    let succeeded = "shardgate_web_config_last_reload_success_timestamp_seconds";
    let gateway = start(&[]);
    assert!(gateway.value(failed).is_none() && gateway.value(succeeded).is_none());
    let folder = Folder::new("counted");
    folder.write("web.yml", "# nothing\n");
    let gateway = start(&[&folder.flag()]);
    assert_eq!(gateway.value(failed), Some(0.0));
    let first = gateway.value(succeeded).unwrap();
    assert!(first > 1.7e9, "seconds since 1970");
    folder.write("web.yml", "nonsense: 1\n");
    eventually("it is a failure", || gateway.value(failed) == Some(1.0));
    assert_eq!(gateway.value(succeeded), Some(first));
    folder.write("web.yml", "");
    eventually("it is good again", || gateway.value(failed) == Some(0.0));
    assert!(gateway.value(succeeded).unwrap() > first);
}

#[test]
fn a_reload_never_opens_a_gateway_that_asks_for_passwords() {
    let folder = Folder::new("opens");
    let user = |name: &str| {
        let hash = bcrypt::hash_with_salt(name, 4, [1; 16]).unwrap();
        format!("basic_auth_users: {{{name}: '{hash}'}}\n")
    };
    folder.write("web.yml", &user("alice"));
    let gateway = start(&[&folder.flag()]);
    let header = |name: &str| crate::basic_auth::credentials(name, name);
    let status = |headers: &[&str]| gateway.send("GET", "/metrics", headers, b"").status;
    let has_failed = || {
        let scrape =
            ["alice", "bob"].map(|name| gateway.send("GET", "/metrics", &[&header(name)], b""));
        let line = "shardgate_web_config_reload_failed 1\n";
        scrape.iter().any(|scrape| scrape.status == 200 && scrape.text().contains(line))
    };
    for open in
        ["", "# nothing\n", "basic_auth_users: {}\n", "rate_limit: {interval: 1h, burst: 1}\n"]
    {
        folder.write("web.yml", open);
        eventually("it is not taken", has_failed);
        assert_eq!((status(&[]), status(&[&header("alice")])), (401, 200), "{open:?}");
        folder.write("web.yml", &user("alice"));
        eventually("it is good again", || !has_failed());
    }
    folder.write("web.yml", &user("bob"));
    eventually("other users are taken", || status(&[&header("bob")]) == 200);
    assert_eq!((status(&[]), status(&[&header("alice")])), (401, 401));
    folder.write("web.yml", "");
    eventually("nor does it open then", has_failed);
    assert_eq!((status(&[]), status(&[&header("bob")])), (401, 200));
}

#[test]
fn a_client_that_says_nothing_does_not_keep_the_gateway_from_stopping() {
    let folder = Folder::new("silent");
    folder.certify();
    folder.write("web.yml", TLS);
    let gateway = start(&[&folder.flag()]);
    let _silent = gateway.connect();
    let begun = Instant::now();
    drop(gateway);
    assert!(begun.elapsed() < shardgate::tls::HANDSHAKE_WAIT / 2);
}

#[test]
fn the_check_says_ok_or_one_line_of_what_is_wrong() {
    let folder = Folder::new("check");
    folder.certify();
    let check = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shardgate"));
        command.args(["check", "web-config"]).arg(folder.0.join("web.yml"));
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    };
    let (is_ok, _, error) = check();
    assert!(!is_ok && error.contains("web.yml: No such file"), "{error}");
    folder.write("web.yml", TLS);
    let (is_ok, said, error) = check();
    assert!(is_ok && said.ends_with("web.yml: OK\n") && error.is_empty(), "{said}{error}");
    folder.write("web.yml", &TLS.replace('}', ", min_version: TLS11}"));
    let (is_ok, _, warning) = check();
    assert!(is_ok && warning.contains("warning: min_version"), "{warning}");
    folder.write("web.yml", &TLS.replace("server.key", "no.key"));
    let (is_ok, said, error) = check();
    assert!(!is_ok && said.is_empty() && error.lines().count() == 1, "{error}");
    assert!(error.contains("web.yml: tls_server_config: ") && error.contains("no.key"), "{error}");
}

/// `openssl req -x509` makes such a certificate unless it is told otherwise.
#[test]
fn the_certificate_of_an_authority_is_refused_in_words_and_a_servers_own_is_trusted() {
    let folder = Folder::new("authority");
    for is_authority in [true, false] {
        let key = KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = if is_authority {
            rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained)
        } else {
            rcgen::IsCa::ExplicitNoCa
        };
        folder.write("server.crt", &params.self_signed(&key).unwrap().pem());
        folder.write("server.key", &key.serialize_pem());
        folder.write("web.yml", TLS);
        let gateway = start(&[&folder.flag()]);
        let url = format!("--url=https://localhost:{}", gateway.address.port());
        let ca = format!("--ca={}", folder.0.join("server.crt").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_shardgate"));
        let output = command.args(["healthcheck", &url, &ca]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.success(), !is_authority, "{error}");
        let words = "is that of an authority (CA:TRUE), which cannot be a server's: make one with basicConstraints=CA:FALSE";
        assert_eq!(error.contains(words), is_authority, "{error}");
    }
}
