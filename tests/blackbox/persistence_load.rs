//! While the groups are being loaded.

use std::fs;

use crate::persistence::{Directory, Process, file_flag, program, start};

const GROUPS: usize = 600;
const OF_GROUP_7: &str = "/metrics/job/a/at/7";

/// A store that is not loaded before anybody can look.
fn write_large_store(directory: &Directory) {
    let gateway = start(&directory.store(), &["--persistence.interval=1h"]);
    let body: String = (0..100).map(|at| format!("m_{}{{x=\"{at}\"}} 1\n", at % 20)).collect();
    for group in 0..GROUPS {
        gateway.put(&format!("/metrics/job/a/at/{group}"), &body);
    }
    gateway.stop();
}

/// A gateway that has just begun to load its groups.
fn start_loading(directory: &Directory) -> Process {
    let gateway = Process::start(program(&[]).arg(file_flag(&directory.store())));
    let answer = gateway.get("/-/ready");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert!(answer.text().starts_with("loading the groups, "), "{answer:?}");
    gateway
}

#[test]
fn until_the_groups_are_loaded_pushes_wait_and_nothing_is_shown() {
    let directory = Directory::new();
    write_large_store(&directory);
    let gateway = start_loading(&directory);
    assert_eq!(gateway.get("/-/healthy").status, 200);
    for path in ["/metrics", "/metrics?job=a", "/api/v1/metrics"] {
        let answer = gateway.get(path);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{path}");
    }
    std::thread::scope(|scope| {
        let deleted = scope.spawn(|| gateway.send("DELETE", "/metrics/job/a/at/8", &[], b""));
        gateway.put(OF_GROUP_7, "pushed_meanwhile 1\n");
        assert_eq!(gateway.get("/-/ready").status, 200, "it was held until all were loaded");
        assert_eq!(deleted.join().unwrap().status, 202);
    });
    let lines = gateway.lines();
    let of = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(of("push_time_seconds{"), GROUPS - 1);
    assert_eq!(of("m_0{"), (GROUPS - 2) * 5, "one group was replaced, one deleted");
    assert_eq!(of("pushed_meanwhile{at=\"7\""), 1);
}

#[test]
fn a_gateway_that_is_asked_to_end_while_it_loads_does_so_and_leaves_the_store_as_it_is() {
    let directory = Directory::new();
    write_large_store(&directory);
    // On a busy machine it may have loaded everything before the signal comes: then it is asked again.
    for _ in 0..10 {
        let before = fs::read(directory.store()).unwrap();
        let (status, log) = start_loading(&directory).terminate();
        assert!(status.success(), "{log:?}");
        if !log.iter().any(|line| line.contains("msg=loaded")) {
            assert!(fs::read(directory.store()).unwrap() == before);
            return;
        }
    }
    panic!("it was never asked in time");
}
