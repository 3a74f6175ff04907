//! Signals sent to the program: which stop it, and that no other ends it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use crate::persistence::{
    Directory, Process, await_that, file_flag, program, program_alone, start,
};

const EACH_PUSH: &str = "--persistence.sync=push";

fn signal(gateway: &Process, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &gateway.id()]).status();
    assert!(sent.unwrap().success(), "{name}");
}

/// A line of what the system says of the process.
fn says(gateway: &Process, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.unwrap().trim_start_matches(':').trim().to_owned()
}

#[test]
fn signals_without_a_meaning_do_nothing() {
    let directory = Directory::new();
    let gateway = start(&directory.store(), &[]);
    let names = "HUP XFSZ USR1 USR2 ALRM VTALRM PROF IO STKFLT PIPE CHLD URG WINCH CONT 34 63 64";
    for (at, name) in names.split(' ').enumerate() {
        signal(&gateway, name);
        gateway.put("/metrics/job/a", &format!("m {at}\n"));
        assert_eq!(gateway.get("/-/healthy").status, 200, "{name}");
    }
    let caught = u64::from_str_radix(&says(&gateway, "SigCgt"), 16).unwrap();
    let ignored = u64::from_str_radix(&says(&gateway, "SigIgn"), 16).unwrap();
    // What the system does is to dump core, to kill, to pause, or nothing; 32 and 33 are the C library's.
    let left = [3, 4, 5, 6, 7, 8, 9, 11, 17, 18, 19, 20, 21, 22, 23, 28, 31, 32, 33];
    let handled = |number: &u64| (caught | ignored) >> (number - 1) & 1 == 1;
    let missed: Vec<u64> =
        (1..=64).filter(|number| !left.contains(number) && !handled(number)).collect();
    assert_eq!(missed, Vec::<u64>::new(), "each signal has been thought of");
    gateway.stop();
}

#[test]
fn a_hangup_does_not_end_it_before_it_serves_nor_while_it_stops() {
    let directory = Directory::new();
    let flags = ["--web.listen-address=127.0.0.1:0", &file_flag(&directory.store())];
    let mut child = program_alone(&flags).stderr(Stdio::piped()).spawn().unwrap();
    let hang_up = |id: u32| Command::new("kill").args(["-HUP", &id.to_string()]).status().unwrap();
    // The first line is logged before any file is read or address bound.
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let first = log.next().unwrap();
    assert!(first.contains("msg=starting") && hang_up(child.id()).success(), "{first}");
    let address = log.find_map(|line| Some(line.split_once("address=")?.1.to_owned())).unwrap();
    assert!(hang_up(child.id()).success());
    // A push that is still arriving keeps the gateway from ending at once.
    let mut push = TcpStream::connect(&address).unwrap();
    push.write_all(b"PUT /metrics/job/a HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
        .unwrap();
    let mut interim = [0; 25];
    push.read_exact(&mut interim).unwrap();
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    log.find(|line| line.contains("asked to stop")).unwrap();
    assert!(hang_up(child.id()).success());
    push.write_all(b"m 1\n").unwrap();
    let mut answer = String::new();
    push.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let _rest = log.count();
    assert!(child.wait().unwrap().success());
    let gateway = start(&directory.store(), &[]);
    assert!(gateway.lines().contains(&r#"m{instance="",job="a"} 1"#.to_owned()));
    gateway.stop();
}

#[test]
fn signals_that_announce_the_end_lose_nothing() {
    for name in ["TERM", "INT", "XCPU", "PWR"] {
        let directory = Directory::new();
        let gateway = start(&directory.store(), &["--persistence.interval=1h"]);
        gateway.put("/metrics/job/a", "m 1\n");
        signal(&gateway, name);
        // Another changes nothing: the last changes are saved first.
        let _ended = Command::new("kill").args(["-s", name, &gateway.id()]).output();
        let (status, log) = gateway.ended();
        assert!(status.success(), "{name}: {status}");
        assert!(log.iter().any(|line| line.contains(&format!("signal=SIG{name}"))), "{log:?}");
        let gateway = start(&directory.store(), &[]);
        assert!(gateway.lines().contains(&r#"m{instance="",job="a"} 1"#.to_owned()), "{name}");
    }
}

#[test]
fn a_quit_signal_ends_it_at_once_as_a_kill_does() {
    let directory = Directory::new();
    // Programs of a script that runs in the background ignore this signal.
    let mut command = Command::new("env");
    command.args(["--default-signal=QUIT", env!("CARGO_BIN_EXE_shardgate")]);
    command.args(["--web.listen-address=127.0.0.1:0", EACH_PUSH, &file_flag(&directory.store())]);
    let gateway = Process::start(&mut command);
    gateway.await_ready();
    gateway.put("/metrics/job/a", "m 1\n");
    signal(&gateway, "QUIT");
    assert_eq!(gateway.ended().0.signal(), Some(3));
    assert!(
        start(&directory.store(), &[]).lines().contains(&r#"m{instance="",job="a"} 1"#.to_owned())
    );
}

#[test]
fn a_paused_gateway_goes_on_where_it_was() {
    let directory = Directory::new();
    for name in ["STOP", "TSTP", "TTIN", "TTOU"] {
        let gateway = start(&directory.store(), &[]);
        gateway.put("/metrics/job/a", "m 1\n");
        signal(&gateway, name);
        // In a group of processes without a terminal the system passes over all but the first.
        if name == "STOP" {
            await_that("it is paused", || says(&gateway, "State").starts_with('T'));
        }
        signal(&gateway, "CONT");
        assert!(gateway.lines().contains(&r#"m{instance="",job="a"} 1"#.to_owned()), "{name}");
        gateway.stop();
    }
}

#[test]
fn a_file_that_may_not_grow_is_a_full_disk() {
    let directory = Directory::new();
    // In KiB. What the shell allows, nothing else is done about the signal.
    let script = "ulimit -f 2048; exec \"$@\"";
    let gateway = program(&[EACH_PUSH]);
    let mut limited = Command::new("bash");
    limited.args(["-c", script, "bash"]).arg(gateway.get_program()).args(gateway.get_args());
    let gateway = Process::start(limited.arg(file_flag(&directory.store())));
    gateway.await_ready();
    let value = "y".repeat(20_000);
    let body: String = (0..5).map(|at| format!("m{{n=\"{at}\",x=\"{value}\"}} 1\n")).collect();
    let put = |group: usize| {
        gateway.send("PUT", &format!("/metrics/job/a/at/{group}"), &[], body.as_bytes())
    };
    let refused = (0..100).map(put).find(|answer| answer.status != 200).unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{refused:?}");
    let groups = |gateway: &Process| {
        gateway
            .lines()
            .iter()
            .filter(|line| line.starts_with("m{") && line.contains("n=\"0\""))
            .count()
    };
    let taken = groups(&gateway);
    let ready = gateway.get("/-/ready");
    assert!(ready.text().contains("File too large"), "{ready:?}");
    gateway.kill();
    let kept = groups(&start(&directory.store(), &[]));
    assert!(
        taken > 1 && [taken, taken - 1].contains(&kept),
        "{kept} of {taken}, the last in doubt"
    );
}
