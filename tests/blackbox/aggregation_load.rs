//! Very many pushes into two sums, every tenth of them sent twice: the totals are exact.
//!
//! `AGGREGATION_PUSHES=1000000 cargo test --test blackbox aggregation_load` sends a million.

use std::io::Write;
use std::net::TcpStream;

use crate::gateway::{Running, read_answer, start};
use crate::persistence::Directory;

/// How many pushes there are, besides those that are sent again.
const PUSHES: u64 = 20_000;
const SOURCES: u64 = 1_000;
const CONNECTIONS: u64 = 64;
/// A source counts from zero again after so many pushes.
const PUSHES_PER_PROCESS: u64 = 7;

const RULES: &str = r#"
rules:
  - { match: '{job="processes"}', aggregate: { without: [instance] } }
  - { match: '{job="calls"}', aggregate: { without: [instance], counters: increments } }
"#;

/// One client: it pushes for the sources whose number has the remainder `connection`, one after the other.
struct Client {
    stream: TcpStream,
    connection: u64,
    pushes: u64,
}

/// What all pushes of a client have counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counted {
    processes: u64,
    calls: u64,
    observed: u64,
}

impl Client {
    fn push(&mut self, head: &str, body: &str) {
        let length = body.len();
        let request = format!("{head}\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
        // Every tenth is sent twice, as if its answer had been lost.
        self.pushes += 1;
        for _ in 0..1 + u64::from(self.pushes.is_multiple_of(10)) {
            self.stream.write_all(request.as_bytes()).unwrap();
            let answer = read_answer(&mut self.stream).unwrap();
            assert_eq!(answer.status, 200, "{request}: {}", answer.text());
        }
    }

    fn push_all(&mut self, each: u64) -> Counted {
        let mut counted = Counted::default();
        for round in 0..each {
            for source in (self.connection..SOURCES).step_by(CONNECTIONS as usize) {
                let by = 1 + (source * 31 + round * 17) % 1000;
                if source % 2 == 0 {
                    // What a process has counted since it was started: `by` more with each push.
                    let in_process = round % PUSHES_PER_PROCESS + 1;
                    let first = round + 1 - in_process;
                    let total: u64 =
                        (first..=round).map(|round| 1 + (source * 31 + round * 17) % 1000).sum();
                    let body = format!(
                        "# TYPE c_total counter\nc_total {total}\n# TYPE h histogram\nh_bucket{{le=\"1\"}} {in_process}\nh_bucket{{le=\"+Inf\"}} {}\nh_sum {total}\nh_count {}\n",
                        2 * in_process,
                        2 * in_process
                    );
                    self.push(
                        &format!("PUT /metrics/job/processes/instance/{source} HTTP/1.1"),
                        &body,
                    );
                    counted.processes += by;
                    counted.observed += 2;
                } else {
                    let head = format!(
                        "POST /metrics/job/calls/instance/{source} HTTP/1.1\r\nidempotency-key: {source}-{round}"
                    );
                    self.push(&head, &format!("# TYPE d_total counter\nd_total {by}\n"));
                    counted.calls += by;
                }
            }
        }
        counted
    }
}

fn shown(gateway: &Running) -> Counted {
    let value = |name: &str, job: &str| {
        let value = gateway.value(&format!("{name}{{instance=\"\",job=\"{job}\"}}"));
        value.unwrap_or_else(|| panic!("no {name}")) as u64
    };
    Counted {
        processes: value("c_total", "processes"),
        calls: value("d_total", "calls"),
        observed: value("h_count", "processes"),
    }
}

#[test]
fn the_total_of_very_many_pushes_is_exact_although_every_tenth_is_sent_twice() {
    let asked = std::env::var("AGGREGATION_PUSHES").ok();
    let pushes = asked.map_or(PUSHES, |asked| asked.parse().unwrap());
    let rules = Directory::new();
    let file = rules.path().join("rules.yml");
    std::fs::write(&file, RULES).unwrap();
    let gateway = start(&[&format!("--rules.file={}", file.display())]);
    let expected = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let mut client = Client { stream: gateway.connect(), connection, pushes: 0 };
                client.stream.set_nodelay(true).unwrap();
                scope.spawn(move || client.push_all(pushes / SOURCES))
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).fold(
            Counted::default(),
            |all, client| Counted {
                processes: all.processes + client.processes,
                calls: all.calls + client.calls,
                observed: all.observed + client.observed,
            },
        )
    });
    assert!(expected.calls > pushes / 2 && expected.processes > pushes / 2, "{expected:?}");
    assert_eq!(shown(&gateway), expected);
}
