//! Disks that fail while the gateway runs: what is told meanwhile, and what is there once they are back.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::persistence::{Directory, Process, await_that, file_flag, program, start};

/// To how many bytes a file can grow on the disk that is soon full.
const SMALL: u64 = 4 << 20;
const EACH_PUSH: &str = "--persistence.sync=push";
const NOT_WRITTEN: &str = "nothing can be written to the persistence file: ";

/// The program on a disk of [`SMALL`] files.
fn start_on_small_disk(file: &Path, flags: &[&str]) -> Process {
    let mut limited = Command::new("sh");
    // The signal is what a limit does beyond what a full disk does.
    let script = "trap '' XFSZ; exec prlimit --fsize=$0: \"$@\"";
    let gateway = program(flags);
    limited.args(["-c", script, &SMALL.to_string()]).arg(gateway.get_program());
    let gateway = Process::start(limited.args(gateway.get_args()).arg(file_flag(file)));
    gateway.await_ready();
    gateway
}

/// Gives the disk of a program more room.
fn make_room(gateway: &Process) {
    let size = format!("--fsize={}:", SMALL * 100);
    let done = Command::new("prlimit").args(["--pid", &gateway.id(), &size]).status();
    assert!(done.unwrap().success());
}

/// A push of some 200 kB, the answer as it is.
fn push(gateway: &Process, group: usize) -> u16 {
    let value = "y".repeat(20_000);
    let body: String =
        (0..10).map(|at| format!("m{{n=\"{at}\",x=\"{value}\"}} {group}\n")).collect();
    let answer = gateway.send("PUT", &format!("/metrics/job/a/at/{group}"), &[], body.as_bytes());
    if answer.status != 200 {
        assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
    }
    answer.status
}

fn await_failing(gateway: &Process, reason: &str) {
    await_that(reason, || {
        let answer = gateway.get("/-/ready");
        answer.status == 503
            && answer.text().starts_with(NOT_WRITTEN)
            && answer.text().contains(reason)
    });
    assert_eq!(gateway.get("/-/healthy").status, 200);
    assert_eq!(gateway.own("shardgate_persistence_failing"), 1.0);
}

/// Waits until the gateway has tried again, without success.
fn await_another_error(gateway: &Process) {
    let errors = || gateway.own("shardgate_persistence_errors_total");
    let before = errors();
    assert!(before > 0.0);
    await_that("it tries again", || errors() > before);
}

/// Waits until the gateway has recovered, and sees that a kill loses nothing then.
fn assert_recovers(gateway: Process, file: &Path) {
    gateway.await_ready();
    assert_eq!(gateway.own("shardgate_persistence_failing"), 0.0);
    gateway.await_saved();
    let before = gateway.lines();
    gateway.kill();
    assert!(start(file, &[]).lines() == before, "everything is there again");
}

#[test]
fn with_each_push_on_disk_a_full_one_refuses_pushes_and_shows_what_is_there() {
    let directory = Directory::new();
    let gateway = start_on_small_disk(&directory.store(), &[EACH_PUSH]);
    let full = (0..100).find(|group| push(&gateway, *group) == 503).expect("the disk is small");
    assert!(full > 0, "one push fits");
    await_failing(&gateway, "File too large");
    assert_eq!(push(&gateway, 0), 503);
    let deleted = gateway.send("DELETE", "/metrics/job/a/at/0", &[], b"");
    assert_eq!((deleted.status, deleted.header("retry-after")), (503, Some("1")));
    assert!(gateway.lines().iter().any(|line| line.starts_with("m{at=\"0\"")), "it is not deleted");
    await_another_error(&gateway);
    make_room(&gateway);
    gateway.await_ready();
    assert_eq!(push(&gateway, 1000), 200);
    assert_recovers(gateway, &directory.store());
}

#[test]
fn by_default_a_full_disk_is_told_and_pushes_go_on() {
    let directory = Directory::new();
    let gateway = start_on_small_disk(&directory.store(), &["--persistence.interval=50ms"]);
    assert!((0..40).all(|group| push(&gateway, group) == 200));
    await_failing(&gateway, "File too large");
    assert!((40..44).all(|group| push(&gateway, group) == 200));
    assert_eq!(gateway.send("DELETE", "/metrics/job/a/at/0", &[], b"").status, 202);
    let shown = gateway.lines().iter().filter(|line| line.starts_with("m{")).count();
    assert_eq!(shown, 43 * 10, "what is pushed is shown all the same");
    assert!(gateway.own("shardgate_persistence_dirty_groups") >= 5.0);
    assert!(gateway.own("shardgate_persistence_oldest_change_seconds") > 0.0);
    await_another_error(&gateway);
    make_room(&gateway);
    assert_recovers(gateway, &directory.store());
}

#[test]
fn a_gateway_that_ends_on_a_full_disk_says_that_it_could_not_keep_everything() {
    let directory = Directory::new();
    let gateway = start_on_small_disk(&directory.store(), &["--persistence.interval=50ms"]);
    gateway.put("/metrics/job/before", "first 1\n");
    gateway.await_saved();
    assert!((0..40).all(|group| push(&gateway, group) == 200));
    await_failing(&gateway, "File too large");
    let (status, log) = gateway.terminate();
    assert!(!status.success());
    let errors: Vec<_> = log.iter().filter(|line| !line.starts_with("ts=")).collect();
    let [error] = &errors[..] else { panic!("is not one line: {errors:?}") };
    let says = |part: &str| error.contains(part);
    assert!(says("cannot save the last changes") && says("File too large"), "{error}");
    assert!(says(directory.store().to_str().unwrap()), "{error}");
    // What had been written is whole.
    let gateway = start(&directory.store(), &[]);
    assert!(gateway.lines().contains(&r#"first{instance="",job="before"} 1"#.to_owned()));
}

#[test]
fn a_file_that_is_gone_is_told_and_written_again_once_it_is_back() {
    let directory = Directory::new();
    let elsewhere = directory.path().join("elsewhere");
    let gateway = start(&directory.store(), &["--persistence.interval=50ms"]);
    gateway.put("/metrics/job/a", "m 1\n");
    gateway.await_saved();
    fs::copy(directory.store(), &elsewhere).unwrap();
    fs::remove_file(directory.store()).unwrap();
    gateway.put("/metrics/job/b/x/y", "m 2\n");
    await_failing(&gateway, "No such file or directory");
    assert!(!directory.store().exists(), "none is begun that would lack what had been written");
    fs::rename(&elsewhere, directory.store()).unwrap();
    assert_recovers(gateway, &directory.store());
}

#[test]
fn an_older_copy_in_place_of_the_file_is_not_taken_for_it() {
    let directory = Directory::new();
    let copy = |name: &str| {
        let to = directory.path().join(name);
        fs::copy(directory.store(), &to).unwrap();
        to
    };
    let gateway = start(&directory.store(), &["--persistence.interval=50ms"]);
    gateway.put("/metrics/job/a", "m 1\n");
    gateway.await_saved();
    let older = copy("older");
    gateway.put("/metrics/job/b/x/y", "m 2\n");
    gateway.await_saved();
    let latest = copy("latest");
    let bytes = fs::read(&older).unwrap();
    fs::rename(&older, directory.store()).unwrap();
    gateway.put("/metrics/job/c/x/z", "m 3\n");
    await_failing(&gateway, "it is another store than the one that was loaded");
    await_another_error(&gateway);
    assert!(fs::read(directory.store()).unwrap() == bytes, "it has not been written to");
    fs::rename(&latest, directory.store()).unwrap();
    assert_recovers(gateway, &directory.store());
}

#[test]
fn a_file_that_another_program_truncates_or_overwrites_gets_no_push_that_counts_as_saved() {
    type Change<'c> = &'c dyn Fn(&Path, u64);
    // The last one takes only room that nothing is stored in.
    let changes: [(&str, bool, Change<'_>); 3] = [
        ("changed the length", true, &|file, _| drop(fs::File::create(file).unwrap())),
        ("overwritten", true, &|file, len| fs::write(file, vec![0; len as usize]).unwrap()),
        ("changed the length", false, &|file, len| {
            fs::File::options().write(true).open(file).unwrap().set_len(len / 2).unwrap();
        }),
    ];
    for (said, takes_groups, change) in changes {
        let directory = Directory::new();
        let gateway = start(&directory.store(), &[EACH_PUSH]);
        gateway.put("/metrics/job/a", "m 1\n");
        gateway.put("/metrics/job/b", "n 1\n");
        let good = fs::read(directory.store()).unwrap();
        change(&directory.store(), good.len() as u64);
        let changed = fs::read(directory.store()).unwrap();
        let answer = gateway.send("PUT", "/metrics/job/a", &[], b"o 2\n");
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
        gateway.log_so_far(&format!("another program has {said}"));
        if !takes_groups {
            assert_recovers(gateway, &directory.store());
            continue;
        }
        await_failing(&gateway, "");
        assert_eq!(gateway.send("PUT", "/metrics/job/c", &[], b"o 2\n").status, 503);
        await_another_error(&gateway);
        assert!(fs::read(directory.store()).unwrap() == changed, "it has not been written to");
        // With its contents back in place, it is the file again.
        fs::write(directory.store(), &good).unwrap();
        gateway.await_ready();
        gateway.put("/metrics/job/d/x/y", "p 3\n");
        assert_recovers(gateway, &directory.store());
    }
}
