//! Replicas over real sockets, each told what it is to its set.

mod pauses;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::access::policy;
use crate::cluster::{Leader, Membership, Options, Role};
use crate::config::web::WebConfig;
use crate::config::{Config, Flags};
use crate::gateway::Gateway;
use crate::http::server::Http;
use crate::http::{Backend, accept};
use crate::listen;
use crate::shard::Timestamp;

/// A replica that serves until its runtime ends.
struct Replica {
    membership: Arc<Membership>,
    address: SocketAddr,
    backend: Backend,
}

/// An answer, as text.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

async fn replica(secret: &str) -> Replica {
    let words = ["shardgate", "--shards=2", "--web.enable-admin-api"];
    let listening = ["--web.listen-address=127.0.0.1:0"];
    let words = words.iter().chain(&listening).map(Into::into);
    let config = Flags::from_command_line(words).expect("they are flags").into_config();
    let gateway = Gateway::start(config).expect("it starts");
    let address = "127.0.0.1:0".parse().expect("it is an address");
    let listener = listen::bind(&address).expect("there is a port");
    let address = listener.tcp_address().expect("it is TCP");
    let url = format!("http://{address}");
    let membership = Arc::new(Membership::for_test(&url, Role::Following, None, 0));
    let mut backend = gateway.backend();
    let options = Options {
        nats: vec!["nats://nats:4222".to_owned()],
        credentials: None,
        ca: None,
        name: "test".to_owned(),
        replicas: 3,
        advertise: url,
        lease: Duration::from_secs(3),
        max_staleness: Duration::from_secs(30),
        secret: secret.as_bytes().into(),
    };
    let config = Config { cluster: Some(options), ..Config::clone(&backend.config) };
    backend.config = Arc::new(config);
    backend.membership = Some(Arc::clone(&membership));
    let http = Arc::new(Http::new(backend.clone()).expect("there are threads"));
    let stop = backend.stop.clone();
    tokio::spawn(async move {
        let (serving, _served) = mpsc::channel(1);
        accept(listener, http, None, serving, stop.subscribe()).await;
        drop((gateway, stop)); // They own the shards.
    });
    Replica { membership, address, backend }
}

impl Replica {
    fn leads(&self, position: u64) {
        self.membership.set_for_test(Role::Leading, Some(self.as_leader()), position);
    }

    fn follows(&self, leader: &Replica, position: u64) {
        self.membership.set_for_test(Role::Following, Some(leader.as_leader()), position);
    }

    fn as_leader(&self) -> Leader {
        let (id, url) = (self.membership.id().to_owned(), self.membership.url().to_owned());
        Leader { id, url, since: Timestamp::now(), term: 1 }
    }

    /// Users whose passwords are their names.
    fn knows(&self, users: &[&str], rights: &str) {
        let hash = |name: &&str| {
            let hash = bcrypt::hash_with_salt(name, 4, [1; 16]).expect("it can be hashed");
            ((*name).to_owned(), hash.to_string().try_into().expect("it is one"))
        };
        let web = WebConfig { users: users.iter().map(hash).collect(), ..WebConfig::default() };
        self.backend.access.replace_web(&web);
        self.backend.access.replace_policy(policy::parse(rights.as_bytes()).expect("it is valid"));
    }

    async fn send(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        ask(self.address, method, path, headers, body).await
    }

    async fn put(&self, path: &str, body: &str) -> Answer {
        self.send("PUT", path, &[], body).await
    }

    /// What its own shards hold.
    async fn scrape(&self) -> String {
        self.send("GET", "/metrics", &[], "").await.body
    }

    async fn own(&self, sample: &str) -> String {
        let own = self.send("GET", "/-/metrics", &[], "").await.body;
        let line = own.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_default().to_owned()
    }
}

async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\ncontent-length: {length}\r\n\
         {headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it is text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("it has a head");
    let status = head[9..12].parse().expect("it has a status");
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

fn as_user(name: &str) -> String {
    format!("authorization: Basic {}", BASE64_STANDARD.encode(format!("{name}:{name}")))
}

const SECRET: &str = "sixteen bytes it is";

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_passes_changes_on_and_answers_once_it_shows_them() {
    let (leader, follower) = (replica(SECRET).await, replica(SECRET).await);
    leader.leads(7);
    follower.follows(&leader, 6);
    let pushing = follower.put("/metrics/job/a%20b?x=y", "m 1\n");
    let applied = async {
        while !leader.scrape().await.contains("m{") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        follower.follows(&leader, 7);
    };
    let since = std::time::Instant::now();
    let (answer, ()) = tokio::join!(pushing, applied);
    assert_eq!((answer.status, answer.header("shardgate-position")), (200, None));
    assert!(since.elapsed() < Duration::from_secs(5), "it has waited for nothing else");
    assert!(leader.scrape().await.contains(r#"m{instance="",job="a b"} 1"#));
    assert!(!follower.scrape().await.contains("m{"), "its shards are told by the stream alone");
    for (method, path, status) in [
        ("POST", "/metrics/job/b", 200),
        ("DELETE", "/metrics/job/b", 202),
        ("PUT", "/api/v1/admin/groups/job/c?push_time=1", 200),
        ("DELETE", "/api/v1/groups?job=c", 200),
        ("PUT", "/metrics/job/", 400),
    ] {
        let answer = follower.send(method, path, &[], "m 1\n").await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(answer.header("x-request-id").is_some(), status == 400, "{}", answer.head);
    }
    assert!(leader.scrape().await.contains("job=\"a b\""));
    assert_eq!(follower.send("PUT", "/api/v1/admin/wipe", &[], "").await.status, 202);
    assert!(!leader.scrape().await.contains("job="), "the leader was wiped");
    let answered = r#"shardgate_cluster_forwarded_requests_total{result="answered"}"#;
    assert_eq!((&*follower.own(answered).await, &*leader.own(answered).await), ("7", "0"));
    let pushes = r#"pushgateway_http_requests_total{code="200",handler="push",method="put"}"#;
    assert_eq!((&*follower.own(pushes).await, &*leader.own(pushes).await), ("", "1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_decides_by_the_rights_of_the_client() {
    let (leader, follower) = (replica(SECRET).await, replica(SECRET).await);
    let rights = "users: { ci: { push: [ci] }, ops: { push: ['*'], admin: true, read: true } }";
    leader.knows(&["ci", "ops"], rights);
    // The follower knows the passwords, and its policy allows what the leader's does not.
    follower.knows(&["ci", "ops", "gone"], "users: { ci: { push: ['*'] }, ops: { admin: true } }");
    leader.leads(1);
    follower.follows(&leader, 1);
    for (user, path, status) in [
        ("ci", "/metrics/job/ci", 200),
        ("ci", "/metrics/job/other", 403),
        ("ops", "/metrics/job/other", 200),
        ("gone", "/metrics/job/ci", 401),
    ] {
        let answer = follower.send("PUT", path, &[&as_user(user)], "m 1\n").await;
        assert_eq!(answer.status, status, "{user} {path}: {}", answer.body);
    }
    assert_eq!(follower.put("/metrics/job/ci", "m 1\n").await.status, 401, "without a password");
    let wrong = "authorization: Basic Y2k6d3Jvbmc=";
    assert_eq!(follower.send("PUT", "/metrics/job/ci", &[wrong], "m 1\n").await.status, 401);
    let rejections = leader.send("GET", "/api/v1/rejections", &[&as_user("ops")], "").await.body;
    let is_client =
        rejections.contains(r#""user":"ci""#) && rejections.contains("/metrics/job/other");
    assert!(is_client, "the leader notes the client: {rejections}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_header_changes_nothing_and_is_not_passed_on() {
    let (leader, follower) = (replica(SECRET).await, replica(SECRET).await);
    let rights = "users: { ops: { push: ['*'] } }\ndefault: { push: [open] }";
    leader.knows(&["ops"], rights);
    leader.leads(1);
    follower.follows(&leader, 1);
    let forged = "shardgate-forwarded: v1 eyJ0byI6IiJ9 AAAA";
    let answer = leader.send("PUT", "/metrics/job/a", &[forged], "m 1\n").await;
    assert_eq!((answer.status, answer.header("shardgate-position")), (401, None));
    let headers = [forged, &*as_user("ops")];
    assert_eq!(leader.send("PUT", "/metrics/job/a", &headers, "m 1\n").await.status, 200);
    let answer = follower.send("PUT", "/metrics/job/a", &[forged], "m 1\n").await;
    assert!(answer.status == 503 && answer.body.contains("no valid signature"), "{}", answer.body);
    // A replica with another secret is a stranger.
    let stranger = replica("another secret of a set").await;
    stranger.follows(&leader, 1);
    let answer = stranger.put("/metrics/job/open", "m 1\n").await;
    let names_flag = answer.body.contains("--cluster.secret-file");
    assert!(answer.status == 503 && names_flag, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_nobody_leads_waits_for_a_leader() {
    let (one, other) = (replica(SECRET).await, replica(SECRET).await);
    let elected = async {
        while one.own("shardgate_cluster_held_pushes").await != "1" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        other.leads(1);
        one.follows(&other, 1);
    };
    let (answer, ()) = tokio::join!(one.put("/metrics/job/a", "m 1\n"), elected);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(one.own("shardgate_cluster_held_pushes").await, "0");
    // One that takes over itself takes what it holds.
    one.membership.set_for_test(Role::Following, None, 1);
    let elected = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        one.leads(2);
    };
    let (answer, ()) = tokio::join!(one.put("/metrics/job/b", "m 1\n"), elected);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(one.scrape().await.contains(r#"job="b""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_take_each_other_for_the_leader_pass_nothing_in_a_circle() {
    let (one, other) = (replica(SECRET).await, replica(SECRET).await);
    one.follows(&other, 1);
    other.follows(&one, 1);
    let elected = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        other.leads(1);
    };
    let (answer, ()) = tokio::join!(one.put("/metrics/job/a", "m 1\n"), elected);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(other.scrape().await.contains(r#"job="a""#));
    let answered = r#"shardgate_cluster_forwarded_requests_total{result="answered"}"#;
    assert_eq!((&*one.own(answered).await, &*other.own(answered).await), ("1", "0"));
}

/// A leader that reads a request and dies.
async fn dying_leader() -> (Leader, impl Future<Output = ()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let leader = Leader { id: "dying".to_owned(), url, since: Timestamp::now(), term: 1 };
    let dying = async move {
        let (mut stream, _) = listener.accept().await.expect("it is connected to");
        let mut byte = [0];
        stream.read_exact(&mut byte).await.expect("a request comes");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    (leader, dying)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_dies_costs_a_push_a_wait_and_a_wipe_an_answer() {
    let (next, follower) = (replica(SECRET).await, replica(SECRET).await);
    next.leads(1);
    for (method, path, status) in [
        ("PUT", "/metrics/job/a", 200),
        ("POST", "/metrics/job/b", 200),
        ("DELETE", "/metrics/job/b", 202),
        ("PUT", "/api/v1/admin/wipe", 503),
        ("DELETE", "/api/v1/groups?job=a", 503),
    ] {
        let (leader, dying) = dying_leader().await;
        follower.membership.set_for_test(Role::Following, Some(leader), 1);
        let taken_over = async {
            dying.await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            follower.follows(&next, 1);
        };
        let (answer, ()) = tokio::join!(follower.send(method, path, &[], "m 1\n"), taken_over);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        let is_told = answer.body.contains("in doubt") && answer.header("retry-after").is_some();
        assert_eq!(is_told, status == 503, "{}", answer.body);
    }
    assert!(next.scrape().await.contains(r#"job="a""#), "what was in doubt was not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_answers_nothing_that_was_sent_to_it_in_an_earlier_term() {
    let (leader, follower) = (replica(SECRET).await, replica(SECRET).await);
    let again = Leader { term: 2, ..leader.as_leader() };
    leader.membership.set_for_test(Role::Leading, Some(again.clone()), 1);
    follower.follows(&leader, 1);
    let heard = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!leader.scrape().await.contains("m{"), "the first term is over");
        follower.membership.set_for_test(Role::Following, Some(again), 1);
    };
    let (answer, ()) = tokio::join!(follower.put("/metrics/job/a", "m 1\n"), heard);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(leader.scrape().await.contains("m{"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_to_a_leader_that_has_restarted_waits_for_the_next_one() {
    let (restarted, next, follower) =
        (replica(SECRET).await, replica(SECRET).await, replica(SECRET).await);
    let before = Leader { id: "before".to_owned(), ..restarted.as_leader() };
    restarted.membership.set_for_test(Role::Following, Some(before.clone()), 1);
    follower.membership.set_for_test(Role::Following, Some(before), 1);
    next.leads(1);
    let taken_over = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        follower.follows(&next, 1);
    };
    // Not even a wipe is in doubt: the process that was sent to has ended, and the other one has done nothing.
    let wiping = follower.send("PUT", "/api/v1/admin/wipe", &[], "");
    let (answer, ()) = tokio::join!(wiping, taken_over);
    assert_eq!(answer.status, 202, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_hangs_is_left_for_the_next_one() {
    let (next, follower) = (replica(SECRET).await, replica(SECRET).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let paused = Leader { id: "paused".to_owned(), url, since: Timestamp::now(), term: 1 };
    follower.membership.set_for_test(Role::Following, Some(paused), 1);
    next.leads(1);
    let taken_over = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        follower.follows(&next, 1);
    };
    let (answer, ()) = tokio::join!(follower.put("/metrics/job/a", "m 1\n"), taken_over);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_shows_the_groups_at_one_place_and_itself_at_another() {
    let (leader, follower) = (replica(SECRET).await, replica(SECRET).await);
    leader.leads(3);
    follower.follows(&leader, 3);
    leader.put("/metrics/job/a", "m 1\n").await;
    let groups = leader.scrape().await;
    let is_own = |text: &str| text.contains("pushgateway_build_info") || text.contains("process_");
    assert!(
        groups.contains("m{") && !is_own(&groups) && !groups.contains("shardgate_"),
        "{groups}"
    );
    let own = leader.send("GET", "/-/metrics", &[], "").await.body;
    assert!(is_own(&own) && !own.lines().any(|line| line.starts_with("m{")), "{own}");
    for line in [
        r#"shardgate_cluster_role{role="leading"} 1"#,
        r#"shardgate_cluster_role{role="following"} 0"#,
        "shardgate_cluster_position 3",
        r#"shardgate_cluster_append_seconds_bucket{le="+Inf"} 0"#,
        "# TYPE shardgate_cluster_append_seconds histogram",
        "shardgate_cluster_append_seconds_count 0",
    ] {
        assert!(own.lines().any(|own| own == line), "{line} is not in {own}");
    }
    let status = follower.send("GET", "/api/v1/status", &[], "").await.body;
    let url = leader.membership.url();
    assert!(status.contains(r#""role":"following""#) && status.contains(url), "{status}");
    for path in ["/status", "/"] {
        let page = follower.send("GET", path, &[], "").await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("This replica"), "{}", page.body);
    }
    follower.membership.set_for_test(Role::SteppedBack("it is too old".into()), None, 3);
    for path in ["/metrics", "/-/ready", "/api/v1/metrics", "/groups"] {
        let answer = follower.send("GET", path, &[], "").await;
        let says_why = answer.body.contains("it is too old");
        assert!(answer.status == 503 && says_why, "{path}: {}", answer.body);
    }
    assert_eq!(follower.send("GET", "/-/healthy", &[], "").await.status, 200);
    assert_eq!(follower.send("GET", "/-/metrics", &[], "").await.status, 200);
    assert_eq!(follower.put("/metrics/job/a", "m 1\n").await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_one_replica_may_be_sent_to_any_other() {
    let (leader, follower) = (replica(SECRET).await, replica(SECRET).await);
    leader.leads(1);
    follower.follows(&leader, 1);
    leader.put("/metrics/job/a", "m 1\n").await;
    let page = leader.send("GET", "/wipe", &[], "").await.body;
    let token =
        page.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let form = format!("token={}&sure=yes", token.expect("the page has a form"));
    let headers = ["content-type: application/x-www-form-urlencoded", "origin: http://gateway"];
    let answer = follower.send("POST", "/wipe", &headers, &form).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/groups?deleted=1")));
    assert!(!leader.scrape().await.contains("m{"));
    let others = ["content-type: application/x-www-form-urlencoded", "origin: http://other"];
    assert_eq!(follower.send("POST", "/wipe", &others, &form).await.status, 403);
}
