//! Basic authentication, headers and the rate limit of the web configuration.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use base64::Engine as _;
use shardgate::access::AUTH_WAITERS_MAX;
use shardgate::config::web::WebConfig;
use shardgate::rate::Rate;

use crate::gateway::{Answer, Running, read_answer, start_with};

/// Each user has their name as password. The dearer the hash, the longer a check takes.
pub(crate) fn users(names: &[&str], cost: u32) -> WebConfig {
    let hash = |name: &&str| {
        let hash = bcrypt::hash_with_salt(name, cost, [1; 16]).unwrap();
        ((*name).to_owned(), hash.to_string().try_into().unwrap())
    };
    WebConfig { users: names.iter().map(hash).collect(), ..WebConfig::default() }
}

/// The header that lets in who has this name and password.
pub(crate) fn credentials(name: &str, password: &str) -> String {
    let text = base64::prelude::BASE64_STANDARD.encode(format!("{name}:{password}"));
    format!("authorization: Basic {text}")
}

/// Sends a request as a user whose password is their name.
pub(crate) fn send_as(gateway: &Running, user: &str, method: &str, path: &str) -> Answer {
    gateway.send(method, path, &[&credentials(user, user)], b"m 1\n")
}

#[test]
fn every_path_needs_credentials_and_they_must_be_right() {
    let gateway = start_with(&[], |access| access.replace_web(&users(&["alice", "bob"], 4)));
    let alice = credentials("alice", "alice");
    for path in ["/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/metrics", "/nothing"] {
        let answer = gateway.get(path);
        assert_eq!((answer.status, answer.text()), (401, "Unauthorized\n"), "{path}");
        assert_eq!(answer.header("www-authenticate"), Some("Basic"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let status = if path == "/nothing" { 404 } else { 200 };
        assert_eq!(gateway.send("GET", path, &[&alice], b"").status, status, "{path}");
    }
    let push = |header: &str| {
        let answer = gateway.send("PUT", "/metrics/job/a", &[header], b"m 1\n");
        answer.status
    };
    for (name, password) in [
        ("alice", "bob"),
        ("bob", "alice"),
        ("alice", ""),
        ("carol", "carol"),
        ("", ""),
        ("Alice", "alice"),
    ] {
        // Hashed, then remembered.
        assert_eq!(
            [push(&credentials(name, password)), push(&credentials(name, password))],
            [401; 2]
        );
    }
    for bad in ["authorization: Bearer x", "authorization: Basic ???", "authorization: Basic YQ=="]
    {
        assert_eq!(push(bad), 401, "{bad}");
    }
    assert_eq!([push(&alice), push(&credentials("bob", "bob"))], [200; 2]);
    let scrape = gateway.send("GET", "/metrics", &[&alice], b"");
    let failures = |reason: &str, count: u32| {
        let line = format!("shardgate_auth_failures_total{{reason=\"{reason}\"}} {count}\n");
        assert!(scrape.text().contains(&line), "{line}");
    };
    failures("no_credentials", 9);
    failures("wrong_credentials", 12);
    failures("denied", 0);
}

#[test]
fn a_connection_may_go_on_after_it_was_turned_away() {
    let gateway = start_with(&[], |access| access.replace_web(&users(&["alice"], 4)));
    let mut stream = gateway.connect();
    for (headers, status) in
        [(String::new(), 401), (credentials("alice", "alice") + "\r\n", 200), (String::new(), 401)]
    {
        let head = format!("GET /-/healthy HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream).unwrap().status, status);
    }
}

#[test]
fn a_flood_of_guesses_is_shed_and_keeps_nobody_out_who_is_known() {
    // Without optimization a hash of this cost takes about a tenth of a second.
    let gateway = start_with(&[], |access| access.replace_web(&users(&["alice"], 6)));
    assert_eq!(send_as(&gateway, "alice", "PUT", "/metrics/job/a").status, 200);
    let guesses = AUTH_WAITERS_MAX + 16;
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let guess = |guess: usize| {
            let gateway = &gateway;
            scope.spawn(move || {
                let header = credentials("alice", &guess.to_string());
                gateway.send("GET", "/-/healthy", &[&header], b"")
            })
        };
        let guessing: Vec<_> = (0..guesses).map(guess).collect();
        let mut slowest = Duration::ZERO;
        for _ in 0..50 {
            let since = Instant::now();
            assert_eq!(send_as(&gateway, "alice", "PUT", "/metrics/job/a").status, 200);
            slowest = slowest.max(since.elapsed());
        }
        assert!(slowest < Duration::from_secs(2), "{slowest:?}");
        guessing.into_iter().map(|guess| guess.join().unwrap()).collect()
    });
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(count(401) + count(503), guesses);
    assert!(count(401) >= AUTH_WAITERS_MAX && count(503) > 0, "{} shed", count(503));
    let shed = answers.iter().filter(|answer| answer.status == 503);
    assert!(shed.into_iter().all(|answer| answer.header("retry-after") == Some("1")));
}

#[test]
fn users_log_in_for_the_first_time_while_150_clients_guess() {
    let names: Vec<String> = (0..8).map(|at| format!("user{at}")).collect();
    let config = users(&names.iter().map(|name| &**name).collect::<Vec<_>>(), 6);
    let gateway = start_with(&[], move |access| access.replace_web(&config));
    let (is_over, guessed) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for client in 0..150 {
            let (gateway, is_over, guessed) = (&gateway, &is_over, &guessed);
            // Half of them guess the password of a user, the others do not know one.
            let name = if client % 2 == 0 { "user0" } else { "nobody" };
            scope.spawn(move || {
                while !is_over.load(Relaxed) {
                    let guess = guessed.fetch_add(1, Relaxed);
                    let header = credentials(name, &guess.to_string());
                    let answer = gateway.send("GET", "/-/healthy", &[&header], b"");
                    assert!([401, 503].contains(&answer.status), "{answer:?}");
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
        }
        while guessed.load(Relaxed) < 300 {
            std::thread::sleep(Duration::from_millis(10));
        }
        let logins: Vec<_> = names[1..]
            .iter()
            .map(|name| {
                let since = Instant::now();
                (send_as(&gateway, name, "PUT", "/metrics/job/a").status, since.elapsed())
            })
            .collect();
        is_over.store(true, Relaxed);
        let is_quick =
            |(status, took): &(u16, Duration)| *status == 200 && *took < Duration::from_secs(3);
        assert!(logins.iter().all(is_quick), "{logins:?}");
    });
}

#[test]
fn headers_are_on_every_answer_over_our_own() {
    let headers = [("X-Frame-Options", "sameorigin"), ("Strict-Transport-Security", "max-age=7")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let gateway = start_with(&[], |access| {
        access.replace_web(&WebConfig { headers, ..users(&["alice"], 4) });
    });
    for (user, path, status) in [
        ("alice", "/", 200),
        ("alice", "/nothing", 404),
        ("bob", "/", 401),
        ("alice", "/metrics", 200),
    ] {
        let answer = send_as(&gateway, user, "GET", path);
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=7"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("sameorigin"), "{path}");
    }
}

#[test]
fn pages_for_people_are_confined_without_any_configuration() {
    let gateway = start_with(&[], |_| {});
    for path in ["/", "/status"] {
        let page = gateway.get(path);
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert_eq!(page.header("referrer-policy"), Some("same-origin"));
        let inline = ["<script>", "<style", " style=", " onclick="];
        assert!(inline.iter().all(|inline| !page.text().contains(inline)));
    }
    for path in ["/", "/-/healthy", "/api/v1/status", "/nothing"] {
        assert_eq!(gateway.get(path).header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

#[test]
fn the_rate_limit_is_for_all_together_and_comes_before_the_credentials() {
    let rate_limit = Some(Rate { interval: Duration::from_secs(1800), burst: 3 });
    let gateway = start_with(&[], move |access| {
        access.replace_web(&WebConfig { rate_limit, ..users(&["alice"], 4) });
    });
    assert_eq!(send_as(&gateway, "alice", "GET", "/-/healthy").status, 200);
    assert_eq!(gateway.get("/-/healthy").status, 401);
    assert_eq!(send_as(&gateway, "alice", "PUT", "/metrics/job/a").status, 200);
    for user in ["alice", "bob"] {
        let answer = send_as(&gateway, user, "PUT", "/metrics/job/a");
        assert_eq!((answer.status, answer.text()), (429, "Too Many Requests\n"));
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1700..=1800).contains(&seconds), "{seconds}");
    }
}
