//! `shardgate import` between gateways: what it says meanwhile and in the end.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use shardgate::import::PROGRESS_WAIT;

use crate::gateway::start;

fn import(flags: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shardgate"));
    let output = command.arg("import").args(flags).output().unwrap();
    let (out, error) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    (output.status.success(), out.unwrap(), error.unwrap())
}

#[test]
fn unchanged_groups_are_counted_apart_and_a_dry_run_is_sorted() {
    let (from, to) = (start(&[]), start(&["--web.enable-admin-api"]));
    for group in ["z", "a", "m", "b%20c"] {
        from.put(&format!("/metrics/job/{group}/x/1"), "m 1\nn 2\n");
    }
    from.put("/metrics/job/failed", "m 1 1\n");
    let urls = [format!("--from=http://{}", from.address), format!("--to=http://{}", to.address)];
    let [from_url, to_url] = [&*urls[0], &*urls[1]];
    let (is_done, out, error) = import(&[from_url, to_url, "--dry-run"]);
    assert!(is_done && error.is_empty(), "{error}");
    let paths: Vec<&str> =
        out.lines().filter_map(|line| line.split_once(':')).map(|(path, _)| path).collect();
    let sorted = [
        "/job/a/x/1",
        "/job/failed",
        "/job/m/x/1",
        "/job/z/x/1",
        "/job@base64/YiBj/x/1",
        "would copy",
    ];
    assert_eq!(paths, sorted, "{out}");
    let (is_done, out, error) = import(&[from_url, to_url]);
    assert!(is_done && error.is_empty(), "{error}");
    assert_eq!(out, "copied: 5 groups, 8 samples\n");
    from.put("/metrics/job/m/x/1", "m 2\nn 2\n");
    let (is_done, out, _) = import(&[from_url, to_url]);
    let unchanged = "unchanged: 4 groups, 6 samples, which the target had with the same push times";
    assert!(is_done);
    assert_eq!(out, format!("copied: 1 groups, 2 samples\n{unchanged}\n"));
}

#[test]
fn an_import_that_takes_its_time_says_how_far_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let from = format!("--from=http://{}", listener.local_addr().unwrap());
    let slow = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let _head = stream.read(&mut [0; 4096]).unwrap();
        let (begin, end) = ("{\"status\":\"success\",\"data\":[", "]}");
        let length = begin.len() + end.len();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{begin}").unwrap();
        std::thread::sleep(PROGRESS_WAIT + Duration::from_secs(1));
        stream.write_all(end.as_bytes()).unwrap();
    });
    let (is_done, out, error) = import(&[&from, "--dry-run"]);
    slow.join().unwrap();
    assert!(is_done && out == "would copy: 0 groups, 0 samples\n", "{out}{error}");
    assert!(error.starts_with("importing: 0 groups so far, 0 copied"), "{error}");
}
