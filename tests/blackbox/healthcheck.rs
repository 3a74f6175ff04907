//! `shardgate healthcheck`: what a container's health check runs.

use std::io::Write;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::basic_auth::users;
use crate::gateway::{start, start_with};

/// Asks, and answers whether the gateway was well, with what was said on standard output and error.
fn asked(flags: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shardgate"));
    let output = command.arg("healthcheck").args(flags).output().unwrap();
    let (out, error) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    (output.status.success(), out.unwrap() + &error.unwrap())
}

#[test]
fn a_gateway_that_is_well_says_so() {
    let gateway = start(&["--web.route-prefix=/push"]);
    let url = format!("--url=http://{}/push/", gateway.address);
    for (flags, path) in [
        (&[url.as_str()][..], "/-/ready"),
        (&[&url, "--path=/-/ready"], "/-/ready"),
        (&[&url, "--path=/-/healthy"], "/-/healthy"),
    ] {
        let said = format!("http://{}/push{path}: 200 OK\n", gateway.address);
        assert_eq!(asked(flags), (true, said));
    }
}

#[test]
fn a_unix_socket_is_asked() {
    let path = std::env::temp_dir().join(format!("shardgate-asked-{}.sock", std::process::id()));
    let url = format!("unix://{}", path.display());
    let gateway = start(&[&format!("--web.listen-address={url}")]);
    assert_eq!(asked(&[&format!("--url={url}")]), (true, format!("{url}/-/ready: 200 OK\n")));
    drop(gateway);
    let (is_well, said) = asked(&[&format!("--url={url}")]);
    assert!(!is_well && said.contains("cannot connect"), "{said}");
}

#[test]
fn one_line_says_why_a_gateway_is_not_well() {
    let gateway = start(&[]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = format!("--url=http://{}", silent.local_addr().unwrap());
    let babbling = TcpListener::bind("127.0.0.1:0").unwrap();
    let babbling_url = format!("--url=http://{}", babbling.local_addr().unwrap());
    let babbler = std::thread::spawn(move || babbling.accept().unwrap().0.write_all(b"no HTTP\n"));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("--url=http://{}", gateway.address);
    for (flags, reason) in [
        ([url.as_str(), "--path=/nothing"], "/nothing: 404 Not Found: "),
        ([&format!("--url=http://{free}"), "--timeout=5s"], "cannot connect: "),
        ([&silent_url, "--timeout=50ms"], "no answer within 50ms"),
        ([&babbling_url, "--timeout=5s"], "the connection broke: "),
        (["--url=https://localhost", "--timeout=5s"], "--url"),
        ([&url, "--path=ready"], "--path"),
    ] {
        let since = Instant::now();
        let (is_well, said) = asked(&flags);
        assert!(!is_well && said.lines().count() == 1 && said.contains(reason), "{said}");
        assert!(since.elapsed() < Duration::from_secs(5), "{said}");
    }
    babbler.join().unwrap().unwrap();
}

#[test]
fn commands_show_their_flags() {
    let output = Command::new(env!("CARGO_BIN_EXE_shardgate"))
        .args(["healthcheck", "--help"])
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("--timeout <DURATION>"));
}

#[test]
fn a_gateway_that_wants_a_password_is_given_it() {
    let gateway = start_with(&[], |access| access.replace_web(&users(&["probe"], 4)));
    let file = std::env::temp_dir().join(format!("shardgate-asked-{}", std::process::id()));
    std::fs::write(&file, "probe\n").unwrap();
    let url = format!("--url=http://{}", gateway.address);
    let password_file = format!("--password-file={}", file.display());
    let (is_well, said) = asked(&[&url, "--user=probe", &password_file]);
    assert!(is_well, "{said}");
    let (is_well, said) = asked(&[&url]);
    assert!(!is_well && said.contains("401 Unauthorized"), "{said}");
    std::fs::remove_file(file).unwrap();
}
