//! SIGTERM under load: what was answered 200 is there after the restart, whatever the promise. More rounds, on the release
//! build: `docs/figures/lanes.py sigterm`.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::persistence::{Directory, await_that, start};

const ROUNDS: usize = 3;
const CLIENTS: usize = 4;
const ANSWER: &[u8] = b"HTTP/1.1 200 ";

/// Pushes over one connection until it ends. Answers the last value that was acknowledged, and whether one more was sent.
fn push_until_the_end(address: &str, client: usize, acknowledged: &AtomicUsize) -> (usize, usize) {
    let (mut last, mut sent) = (0, 0);
    let Ok(mut stream) = TcpStream::connect(address) else { return (last, sent) };
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    for value in 1.. {
        let body = format!("a {value}\n");
        let head = format!(
            "PUT /metrics/job/{client} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(head.as_bytes()).is_err() {
            break;
        }
        sent = value;
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") && matches!(answers.read(&mut byte), Ok(1)) {
            answer.push(byte[0]);
        }
        if !answer.starts_with(ANSWER) || !answer.ends_with(b"\r\n\r\n") {
            break;
        }
        last = value;
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    (last, sent)
}

#[test]
fn what_is_answered_while_the_gateway_ends_is_there_after_the_restart() {
    for sync in ["--persistence.sync=interval", "--persistence.sync=push"] {
        for _ in 0..ROUNDS {
            let directory = Directory::new();
            let gateway = start(&directory.store(), &[sync]);
            let acknowledged = Arc::<AtomicUsize>::default();
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let (address, acknowledged) =
                        (gateway.address().to_owned(), Arc::clone(&acknowledged));
                    thread::spawn(move || push_until_the_end(&address, client, &acknowledged))
                })
                .collect();
            await_that("there is load", || acknowledged.load(Ordering::Relaxed) > 40);
            gateway.stop();
            let told: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
            let gateway = start(&directory.store(), &[sync]);
            let lines = gateway.lines();
            let values: BTreeMap<&str, &str> =
                lines.iter().filter_map(|line| line.rsplit_once(' ')).collect();
            for (client, (last, sent)) in told.into_iter().enumerate() {
                let series = format!("a{{instance=\"\",job=\"{client}\"}}");
                let shown = values.get(&*series).map_or(0, |value| value.parse().unwrap());
                assert!((last..=sent).contains(&shown), "{sync}: {shown}, {last} of {sent}");
            }
        }
    }
}
