//! `shardgate store`: what it says of a file, and what it prints of one.

use std::fs;
use std::path::Path;

use crate::formats::ALL_KINDS;
use crate::persistence::{Directory, Process, Said, program, program_alone, run, start};

const UTF8_NAMES: &str = "--push.enable-utf8-names";

fn check(file: &Path) -> Said {
    run(program_alone(&["store", "check"]).arg(file))
}

fn export(file: &Path) -> Said {
    run(program_alone(&["store", "export"]).arg(file))
}

/// Fails unless it ended with 1 and one line of errors, which says all of this.
fn assert_failed(said: &Said, parts: &[&str]) {
    assert_eq!(said.status.code(), Some(1), "{:?}", said.errors);
    let [error] = &said.errors[..] else { panic!("is not one line: {:?}", said.errors) };
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

/// Pushes each section to where it says, and answers how many there are.
fn push_sections(gateway: &Process, exported: &str) -> usize {
    let sections: Vec<&str> = exported.split("# PUT ").collect();
    assert_eq!(sections[0], "", "nothing stands before the first");
    for section in &sections[1..] {
        let (path, body) = section.split_once('\n').unwrap();
        gateway.put(path, body);
    }
    sections.len() - 1
}

fn without_push_times(mut lines: Vec<String>) -> Vec<String> {
    lines.retain(|line| !line.starts_with("push_"));
    lines
}

fn push_groups(gateway: &Process) {
    gateway.put("/metrics/job/kinds", ALL_KINDS);
    gateway
        .put("/metrics/job@base64/w6kvIg==/instance@base64/YS9i/U__n_2e_m/%22%5C", "{\"a.b\"} 1\n");
    gateway.put("/metrics/job/empty/instance@base64/=", "# HELP e Help.\n# TYPE e gauge\ne 1\n");
    gateway.put("/metrics/job/bare", "");
    for at in 0..200 {
        gateway.put(&format!("/metrics/job/many/at/{at}"), &format!("m{{x=\"y\"}} {at}\n"));
    }
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let directory = Directory::new();
    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let gateway = Process::start(&mut program(&[]));
    let target = format!("--to=http://{}", gateway.address());
    // An endless file, one that waits for a writer, and one that is none.
    for file in [Path::new("/dev/zero"), &pipe, directory.path()] {
        assert_failed(&check(file), &["it is not a regular file", file.to_str().unwrap()]);
        assert_failed(&export(file), &["it is not a regular file"]);
        let import = ["import", &target, "--gob"];
        assert_failed(&run(program_alone(&import).arg(file)), &["it is not a regular file"]);
        let served = run(program(&[]).arg(crate::persistence::file_flag(file)));
        assert_failed(&served, &["it is not a regular file"]);
    }
}

#[test]
fn a_whole_store_is_said_to_be_whole_and_its_export_makes_the_same_scrape() {
    let directory = Directory::new();
    let gateway = start(&directory.store(), &[UTF8_NAMES]);
    push_groups(&gateway);
    let before = without_push_times(gateway.lines());
    assert_failed(&check(&directory.store()), &["store", "another process uses it"]);
    assert_failed(&export(&directory.store()), &["store", "another process uses it"]);
    gateway.stop();
    let bytes = fs::read(directory.store()).unwrap();
    let said = check(&directory.store());
    assert!(said.status.success() && said.errors.is_empty(), "{:?}", said.errors);
    assert!(
        said.out.contains("whole: 204 groups") && said.out.lines().count() == 1,
        "{}",
        said.out
    );
    let said = export(&directory.store());
    assert!(said.status.success() && said.errors.is_empty(), "{:?}", said.errors);
    assert!(fs::read(directory.store()).unwrap() == bytes, "it has not been written to");
    let fresh = Process::start(&mut program(&[UTF8_NAMES]));
    assert_eq!(push_sections(&fresh, &said.out), 204);
    assert_eq!(without_push_times(fresh.lines()), before);
}

#[test]
fn of_a_damaged_store_what_is_intact_is_printed() {
    let directory = Directory::new();
    let gateway = start(&directory.store(), &[UTF8_NAMES]);
    push_groups(&gateway);
    let before = without_push_times(gateway.lines());
    gateway.stop();
    let mut bytes = fs::read(directory.store()).unwrap();
    let broken: Vec<usize> = memchr::memmem::find_iter(&bytes, b"at=\"77\"").collect();
    assert!(!broken.is_empty());
    broken.into_iter().for_each(|at| bytes[at..at + 4].fill(0xff));
    fs::write(directory.store(), &bytes).unwrap();
    assert_failed(&check(&directory.store()), &["store", "is damaged"]);
    let said = export(&directory.store());
    assert_failed(&said, &["store", "is damaged"]);
    assert!(fs::read(directory.store()).unwrap() == bytes, "it has not been written to");
    let fresh = Process::start(&mut program(&[UTF8_NAMES]));
    assert_eq!(push_sections(&fresh, &said.out), 203);
    let intact: Vec<_> = before.into_iter().filter(|line| !line.contains("at=\"77\"")).collect();
    assert_eq!(without_push_times(fresh.lines()), intact);
}

#[test]
fn of_a_store_whose_end_is_missing_what_is_left_is_printed() {
    let directory = Directory::new();
    let gateway = start(&directory.store(), &[]);
    gateway.put("/metrics/job/a", "m 1\n");
    gateway.stop();
    let bytes = fs::read(directory.store()).unwrap();
    for (left, groups) in [(bytes.len() - 1, 1), (1000, 0)] {
        fs::write(directory.store(), &bytes[..left]).unwrap();
        assert_failed(&check(&directory.store()), &["store", "is damaged"]);
        let said = export(&directory.store());
        assert_failed(&said, &["store", "is damaged"]);
        assert_eq!(said.out.matches("# PUT /metrics/job/a\n").count(), groups, "{}", said.out);
    }
}

#[test]
fn what_is_no_store_is_not_looked_at_further() {
    let directory = Directory::new();
    for look in [check, export] {
        let missing = directory.path().join("missing");
        assert_failed(&look(&missing), &["missing", "No such file"]);
        assert!(!missing.exists(), "none is made");
        fs::write(directory.store(), "m 1\n").unwrap();
        assert_failed(&look(&directory.store()), &["not a store of shardgate"]);
        assert_failed(&look(directory.path()), &["directory"]);
    }
}
