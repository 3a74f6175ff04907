//! What was sent long ago changes nothing: its client may have given it up, and have pushed something newer since.

use std::time::SystemTime;

use super::super::signature::{Sent, Signer};
use super::*;
use crate::access::Proof;
use crate::listen::{Client, Source};

impl Replica {
    /// The same after the process stood still for ten seconds.
    fn wakes(&self) {
        self.membership.stands_still_for_test(Duration::from_secs(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stood_still_passes_nothing_on_and_applies_nothing() {
    let (leader, follower) = (replica(SECRET).await, replica(SECRET).await);
    leader.leads(1);
    follower.follows(&leader, 1);
    follower.wakes();
    for method in ["PUT", "POST", "DELETE"] {
        let answer = follower.send(method, "/metrics/job/a", &[], "m 1\n").await;
        let says_why = answer.body.contains("stood still for 10 s");
        assert!(answer.status == 503 && says_why, "{method}: {}", answer.body);
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert!(!leader.scrape().await.contains("m{"));
    assert_eq!(follower.send("GET", "/-/ready", &[], "").await.status, 200);
    assert_eq!(follower.send("GET", "/-/ready/pushes", &[], "").await.status, 503);
    assert_eq!(leader.send("GET", "/-/leading", &[], "").await.status, 200);
    leader.wakes();
    let answer = leader.put("/metrics/job/a", "m 1\n").await;
    assert!(answer.status == 503 && answer.body.contains("stood still"), "{}", answer.body);
    assert_eq!(leader.send("GET", "/-/leading", &[], "").await.status, 503);
    assert!(!leader.scrape().await.contains("m{"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_passed_on_to_a_leader_that_stood_still_is_sent_again() {
    let (leader, follower) = (replica(SECRET).await, replica(SECRET).await);
    leader.leads(1);
    follower.follows(&leader, 1);
    leader.wakes();
    let pushing = follower.put("/metrics/job/a", "m 1\n");
    let awake = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!leader.scrape().await.contains("m{"), "the copy that it read at once");
        leader.membership.stands_still_for_test(Duration::ZERO);
    };
    let (answer, ()) = tokio::join!(pushing, awake);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(leader.scrape().await.contains("m{"));
}

/// A request as a follower passes it on, signed at this time.
async fn passed_on(leader: &Replica, signed: SystemTime, proof: Proof, body: &str) -> Answer {
    let path = "/metrics/job/a";
    let client = Client { source: Source::Unix, certificate: None };
    let sent = Sent { client, proof, term: 1 };
    let signer = Signer::new(SECRET.as_bytes());
    let header = signer.sign(("PUT", path), leader.membership.id(), &sent, signed);
    let header = format!("shardgate-forwarded: {}", header.to_str().expect("it is text"));
    leader.send("PUT", path, &[&header], body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_long_on_its_way_to_the_leader_changes_nothing() {
    let leader = replica(SECRET).await;
    leader.leads(1);
    let (now, seconds) = (SystemTime::now(), Duration::from_secs);
    assert_eq!(passed_on(&leader, now, Proof::Nothing, "m 2\n").await.status, 200);
    // The copy before it, which waited in a buffer of the network for as long. However old it is, it is not the request of a stranger.
    for age in [6, 60, 600] {
        let answer = passed_on(&leader, now - seconds(age), Proof::Nothing, "m 1\n").await;
        assert_eq!(answer.status, 503, "{age} s: {}", answer.body);
        assert!(answer.header("shardgate-late").is_some(), "{age} s: {}", answer.head);
    }
    assert!(leader.scrape().await.contains(r#"m{instance="",job="a"} 2"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ_are_named() {
    let follower = replica(SECRET).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let leader = Leader { id: "ahead".to_owned(), url, since: Timestamp::now(), term: 1 };
    follower.membership.set_for_test(Role::Following, Some(leader), 1);
    tokio::spawn(async move {
        let late = "HTTP/1.1 503 x\r\nshardgate-position: 1\r\nshardgate-late: 7100\r\ncontent-length: 0\r\n\
                    connection: close\r\n\r\n";
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _read = stream.read(&mut request).await.expect("a request comes");
            stream.write_all(late.as_bytes()).await.expect("it is read");
        }
    });
    let answer = follower.put("/metrics/job/a", "m 1\n").await;
    let is_named =
        answer.body.contains("the clock of the leader") && answer.body.contains("by 7 s");
    assert!(answer.status == 503 && is_named, "{}", answer.body);
}
