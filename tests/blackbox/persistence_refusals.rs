//! Files that are not used: said on one line, with the name and the reason, and left as they are.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use redb::{Database, TableDefinition};

use crate::persistence::{Directory, file_flag, program, run, start};

/// A whole store of a hundred groups.
fn write_store(file: &Path) {
    let gateway = start(file, &["--persistence.interval=1h"]);
    for at in 0..100 {
        let body = format!("a_name_that_takes_some_bytes {at}\n");
        gateway.put(&format!("/metrics/job/a/at/{at}"), &body);
    }
    gateway.stop();
}

/// Starts the program on a file that it has to refuse.
fn assert_refused(command: &mut Command, file: &Path, reason: &str) {
    let before = fs::read(file).ok();
    let said = run(command.arg(file_flag(file)));
    let errors = said.errors;
    assert!(!said.status.success(), "{reason}: {errors:?}");
    let name = file.to_str().unwrap();
    let [error] = &errors[..] else { panic!("{reason}: is not one line: {errors:?}") };
    assert!(error.contains(name) && error.contains(reason), "{reason}: {error}");
    assert!(fs::read(file).ok() == before, "{reason}: it has been written to");
}

fn assert_file_refused(file: &Path, reason: &str) {
    assert_refused(&mut program(&[]), file, reason);
}

#[test]
fn a_store_has_one_gateway_at_a_time() {
    let directory = Directory::new();
    let gateway = start(&directory.store(), &[]);
    gateway.put("/metrics/job/a", "m 1\n");
    gateway.await_saved();
    assert_file_refused(&directory.store(), "another process uses it");
    gateway.put("/metrics/job/a", "m 2\n");
    gateway.await_saved();
    assert_eq!(gateway.get("/-/ready").status, 200);
    gateway.kill();
    let gateway = start(&directory.store(), &[]);
    assert!(gateway.lines().contains(&r#"m{instance="",job="a"} 2"#.to_owned()));
}

#[test]
fn of_two_gateways_that_begin_a_store_one_leaves_it_to_the_other() {
    let directory = Directory::new();
    let beginning = directory.path().join("store.unfinished");
    fs::write(&beginning, "what another gateway has written so far").unwrap();
    let locked = fs::File::open(&beginning).unwrap();
    locked.lock().unwrap();
    assert_file_refused(&directory.store(), "another process uses it");
    let text = fs::read_to_string(&beginning).unwrap();
    assert_eq!(text, "what another gateway has written so far");
    // Once nobody is writing it, it is what a crash has left.
    drop(locked);
    start(&directory.store(), &[]).stop();
}

#[test]
fn files_of_others_are_left_alone() {
    let directory = Directory::new();
    let elf = fs::read(env!("CARGO_BIN_EXE_shardgate")).unwrap()[..100_000].to_vec();
    let text = b"# TYPE m gauge\nm 1\n".repeat(1000);
    for (content, reason) in [
        (text, "not a store of shardgate"),
        (elf, "not a store of shardgate"),
        (b"{\"groups\": []}\n".to_vec(), "not a store of shardgate"),
        (b"{".to_vec(), "not a store of shardgate"),
        (Vec::new(), "it is empty"),
    ] {
        fs::write(directory.store(), content).unwrap();
        assert_file_refused(&directory.store(), reason);
    }
    fs::remove_file(directory.store()).unwrap();
    let table: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("groups");
    let database = Database::create(directory.store()).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(table).unwrap().insert("a", &b"b"[..]).unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert_file_refused(&directory.store(), "a redb file of another program");
}

#[test]
fn a_store_in_a_newer_format_is_left_to_whom_can_read_it() {
    let directory = Directory::new();
    write_store(&directory.store());
    let about: TableDefinition<'_, &str, u64> = TableDefinition::new("shardgate");
    let database = Database::open(directory.store()).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(about).unwrap().insert("format", 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert_file_refused(&directory.store(), "newer shardgate, in version 2");
}

#[test]
fn a_store_that_is_not_whole_is_not_used() {
    let directory = Directory::new();
    write_store(&directory.store());
    let whole = fs::read(directory.store()).unwrap();
    let used = memchr::memmem::find(&whole, b"a_name_that_takes_some_bytes").unwrap();
    for length in [20, 1000, used, whole.len() / 2, whole.len() - 1] {
        fs::write(directory.store(), &whole[..length]).unwrap();
        assert_file_refused(&directory.store(), "it is damaged (");
    }
    let middle = memchr::memmem::find_iter(&whole, b"a_name_that_takes_some_bytes").nth(150);
    for at in [used, middle.unwrap()] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(directory.store(), &flipped).unwrap();
        assert_file_refused(&directory.store(), "it is damaged (");
    }
    // A crash leaves a store open, which is mended when it is opened: but not before it has been read.
    fs::write(directory.store(), &whole).unwrap();
    start(&directory.store(), &[]).kill();
    let mut open = fs::read(directory.store()).unwrap();
    let used = memchr::memmem::find(&open, b"a_name_that_takes_some_bytes").unwrap();
    open[used] ^= 1;
    fs::write(directory.store(), &open).unwrap();
    assert_file_refused(&directory.store(), "it is damaged (");
    fs::write(directory.store(), &whole).unwrap();
    start(&directory.store(), &[]).stop();
}

#[test]
fn what_is_no_file_that_can_be_written_is_named_with_the_reason() {
    let directory = Directory::new();
    assert_file_refused(directory.path(), "directory");
    let nowhere = directory.path().join("nowhere").join("store");
    assert_file_refused(&nowhere, "No such file or directory");
    write_store(&directory.store());
    fs::set_permissions(directory.store(), fs::Permissions::from_mode(0o400)).unwrap();
    assert_refused(&mut without_privileges(), &directory.store(), "Permission denied");
}

/// The program, held to the permissions of files even where root runs the tests.
fn without_privileges() -> Command {
    let unprivileged = program(&[]);
    if !fs::read_to_string("/proc/self/status").unwrap().contains("Uid:\t0") {
        return unprivileged;
    }
    let mut command = Command::new("setpriv");
    command.arg("--bounding-set=-dac_override,-dac_read_search").arg(unprivileged.get_program());
    command.args(unprivileged.get_args());
    command
}
