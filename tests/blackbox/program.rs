//! The program as a user starts it: flags, errors of the start, signals.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

fn program(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shardgate"));
    command.args(flags).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts the program and reads from its log where it listens.
fn running(flags: &[&str]) -> (Child, String) {
    let mut child = program(flags).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = log.find_map(|line| {
        let line = line.unwrap();
        Some(line.split_once("address=")?.1.to_owned())
    });
    // Keeps the pipe open, so that the program can go on logging.
    std::thread::spawn(move || log.for_each(drop));
    (child, address.unwrap())
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn what_is_wrong_with_the_command_line_is_one_line_on_standard_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let in_use = format!("--web.listen-address={}", taken.local_addr().unwrap());
    for (flag, named) in [
        ("--no-such-flag", "--no-such-flag"),
        ("--shards=0", "--shards"),
        ("--shards=lots", "--shards"),
        ("--web.listen-address=nowhere", "nowhere"),
        ("--web.listen-address=host.invalid:1", "host.invalid"),
        (in_use.as_str(), "cannot listen on 127.0.0.1"),
    ] {
        let output = program(&[flag]).output().unwrap();
        assert!(!output.status.success(), "{flag}");
        let error = String::from_utf8(output.stderr).unwrap();
        let error: Vec<&str> = error.lines().filter(|line| !line.starts_with("ts=")).collect();
        assert!(error.len() == 1 && error[0].contains(named), "{flag}: {error:?}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for (flag, shown) in
        [("--help", "--web.listen-address"), ("-h", "--shards"), ("--version", "shardgate")]
    {
        let output = program(&[flag]).output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8(output.stdout).unwrap().contains(shown), "{flag}");
    }
}

/// Else the memory of large pushes stays for a second, and that of the next ones comes on top (decision 0006).
#[test]
fn the_allocator_gives_large_blocks_back_as_soon_as_they_are_freed() {
    let output = program(&["--version"]).env("MIMALLOC_VERBOSE", "1").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("'arena_max_object_size': 1024 KiB"), "{said}");
}

#[test]
fn signals_let_the_request_at_hand_finish_and_end_with_success() {
    for name in ["TERM", "INT"] {
        let (mut child, address) = running(&["--web.listen-address=127.0.0.1:0"]);
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = "PUT /metrics/job/a HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).unwrap();
        assert!(interim.starts_with(b"HTTP/1.1 100"), "the push is at hand");
        signal(&child, name);
        while TcpStream::connect(&address).is_ok() {
            std::thread::yield_now();
        }
        stream.write_all(b"m 1\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn without_a_host_both_ipv4_and_ipv6_are_listened_on() {
    let (mut child, address) = running(&["--web.listen-address=:0"]);
    let port = address.rsplit_once(':').unwrap().1;
    TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    if TcpListener::bind("[::1]:0").is_ok() {
        TcpStream::connect(format!("[::1]:{port}")).unwrap();
    }
    signal(&child, "TERM");
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_log_can_be_json() {
    let output =
        program(&["--log.format=json", "--web.listen-address=host.invalid:1"]).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let first: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(first["level"], "info");
    assert!(["ts", "caller", "msg"].iter().all(|key| first[key].is_string()));
}
