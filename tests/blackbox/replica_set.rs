//! A replica set over a real nats-server. Says so on standard error and ends where none is installed.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::gateway::Answer;
use crate::persistence::{Directory, Process, await_that, program_alone};

/// A nats-server with JetStream. Killed when it is dropped.
struct Nats {
    child: Child,
    url: String,
    directory: Directory,
}

impl Nats {
    /// `None` where nats-server is not installed.
    fn start() -> Option<Nats> {
        let (directory, port) = (Directory::new(), free_port());
        let mut command = Command::new("nats-server");
        command.args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"]);
        command.arg(directory.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else {
            // Past the capture of the test harness, which shows nothing of tests that pass.
            let said = b"SKIPPED: a test of replica sets, since nats-server is not installed\n";
            std::io::stderr().write_all(said).unwrap();
            return None;
        };
        Some(Nats { child, url: format!("nats://127.0.0.1:{port}"), directory })
    }

    /// A replica of the one set that it keeps.
    fn replica(&self) -> Process {
        let secret = self.directory.path().join("secret");
        std::fs::write(&secret, "sixteen bytes it is\n").unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let replica = Process::start(&mut program_alone(&[
            &format!("--web.listen-address={address}"),
            &format!("--cluster.advertise=http://{address}"),
            &format!("--cluster.nats={}", self.url),
            &format!("--cluster.secret-file={}", secret.display()),
            "--cluster.replicas=1",
            "--cluster.lease=1s",
            "--web.enable-admin-api",
            "--shards=2",
        ]));
        await_that("it is ready", || replica.get("/-/ready").status == 200);
        replica
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn shows(replica: &Process, line: &str) -> bool {
    replica.get("/metrics").text().lines().any(|shown| shown == line)
}

fn push(replica: &Process, job: &str, value: u32) -> Answer {
    let body = format!("m {value}\n");
    replica.send("PUT", &format!("/metrics/job/{job}"), &[], body.as_bytes())
}

fn leads(replica: &Process) -> bool {
    let own = replica.get("/-/metrics");
    own.text().lines().any(|line| line == r#"shardgate_cluster_role{role="leading"} 1"#)
}

#[test]
fn a_push_to_any_replica_is_shown_by_all_and_survives_the_leader() {
    let Some(nats) = Nats::start() else { return };
    let mut replicas: Vec<Process> = (0..3).map(|_| nats.replica()).collect();
    await_that("one leads", || replicas.iter().filter(|replica| leads(replica)).count() == 1);
    for (at, replica) in replicas.iter().enumerate() {
        let job = format!("job{at}");
        assert_eq!(push(replica, &job, 1).status, 200);
        let line = format!(r#"m{{instance="",job="{job}"}} 1"#);
        assert!(shows(replica, &line), "a replica shows what it has answered");
        for other in &replicas {
            await_that("all show it", || shows(other, &line));
        }
    }
    // A follower passes on what comes while the leader dies, and what comes until the next one leads.
    let leader = replicas.iter().position(leads).unwrap();
    drop(replicas.remove(leader)); // Killed.
    let since = std::time::Instant::now();
    let answer = push(&replicas[0], "after", 2);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
    for replica in &replicas {
        await_that("both show it", || shows(replica, r#"m{instance="",job="after"} 2"#));
        assert!(shows(replica, r#"m{instance="",job="job0"} 1"#), "what was answered is there");
    }
    // One that begins with nothing has everything.
    let new = nats.replica();
    assert!(shows(&new, r#"m{instance="",job="after"} 2"#));
    assert_eq!(new.send("DELETE", "/metrics/job/after", &[], b"").status, 202);
    for replica in &replicas {
        await_that("it is gone", || !shows(replica, r#"m{instance="",job="after"} 2"#));
    }
}

#[test]
fn groups_are_imported_through_a_follower_and_deleted_by_selector_and_wipe() {
    let Some(nats) = Nats::start() else { return };
    let replicas: Vec<Process> = (0..2).map(|_| nats.replica()).collect();
    let follower = || replicas.iter().find(|replica| !leads(replica)).unwrap();
    let from = Process::start(&mut program_alone(&["--web.listen-address=127.0.0.1:0"]));
    for job in 0..20 {
        from.put(&format!("/metrics/job/j{job}"), "m 1\n");
    }
    let mut command = program_alone(&["import"]);
    command.arg(format!("--from=http://{}", from.address()));
    command.arg(format!("--to=http://{}", follower().address()));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let count = |replica: &Process| replica.get("/metrics").text().matches("\nm{").count();
    for replica in &replicas {
        await_that("all are there", || count(replica) == 20);
    }
    let deleted = follower().send("DELETE", "/api/v1/groups?job=j1&job=j2", &[], b"");
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert_eq!(count(follower()), 18, "a replica shows what it has answered");
    assert_eq!(follower().send("PUT", "/api/v1/admin/wipe", &[], b"").status, 202);
    for replica in &replicas {
        await_that("all are gone", || count(replica) == 0);
    }
}
