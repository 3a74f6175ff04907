//! Sends every case of all tables, and looks at the gateway after each.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::hostile::case::{Case, End, Expected};
use crate::hostile::exchange::{read_answer, read_bodiless, send};
use crate::hostile::gateway::{Gateway, wait_until};
use crate::hostile::{bodies, bodies_packed, framing, heads, paths, request_line, turns};

fn tables() -> Vec<Case> {
    let tables = [
        request_line::table(),
        heads::table(),
        framing::table(),
        paths::table(),
        bodies::table(),
        bodies_packed::table(),
        turns::table(),
    ];
    tables.into_iter().flatten().collect()
}

/// The connection on which the gateway is looked at between the cases.
struct Observer(TcpStream);

impl Observer {
    fn body(&mut self, method: &str, path: &str) -> String {
        send(&mut self.0, method, path);
        let answer = read_answer(&mut self.0).expect("the gateway is alive");
        assert!(answer.status == 200 || answer.status == 202, "{method} {path}: {}", answer.status);
        String::from_utf8(answer.body).expect("text")
    }

    /// How many groups are stored, which are then forgotten, and whether one is of the job `evil`, in whose
    /// name the cases smuggle.
    fn groups(&mut self) -> (usize, bool) {
        let scrape = self.body("GET", "/metrics");
        let is_smuggled = scrape.contains("job=\"evil\"");
        let times = scrape.lines().filter(|line| line.starts_with("push_time_seconds{"));
        // The group of a push that failed is shown with the time of its last success, which is none.
        let groups = times.clone().filter(|line| !line.ends_with("} 0")).count();
        if times.count() > 0 {
            self.body("PUT", "/api/v1/admin/wipe");
        }
        (groups, is_smuggled)
    }
}

/// Sends a case's bytes, and says what has come of them.
fn outcome(gateway: &Gateway, observer: &mut Observer, case: &Case) -> (Expected, bool) {
    let mut stream = gateway.connect();
    // The gateway may close before it has read what it does not want.
    let _refused = stream.write_all(&case.bytes);
    if case.expected.end == End::Waiting {
        stream.shutdown(Shutdown::Write).expect("the gateway waits");
    }
    let read = if case.bytes.starts_with(b"HEAD ") { read_bodiless } else { read_answer };
    let mut statuses = Vec::new();
    let is_open = case.expected.end == End::Open;
    while !is_open || statuses.len() < case.expected.statuses.len() {
        let Some(answer) = read(&mut stream) else { break };
        statuses.push(answer.status);
    }
    let mut end = case.expected.end;
    if is_open {
        send(&mut stream, "GET", "/-/healthy");
        let probe = read_answer(&mut stream);
        if !probe.is_some_and(|answer| answer.status == 200 && answer.body == b"OK") {
            end = End::Closed;
        }
    } else if let Ok(0) | Err(_) = stream.read(&mut [0]) {
        // Closed, or reset since there was more than it has read.
    } else {
        end = End::Open;
    }
    let (groups, is_smuggled) = observer.groups();
    (Expected { statuses, end, groups }, is_smuggled)
}

#[test]
fn hostile_requests_do_what_the_tables_say_and_cost_nothing_that_stays() {
    const GROWTH_MAX: f64 = 1.10;
    const PASSES: u32 = 3;
    let gateway = Gateway::start(&[
        "--push.max-body-bytes=1500000",
        "--web.header-timeout=2s",
        "--web.body-timeout=2s",
    ]);
    let tables = tables();
    assert!(tables.len() >= 200, "{} cases", tables.len());
    let mut observer = Observer(gateway.connect());
    let mut run = || {
        let mut wrong = Vec::new();
        for case in &tables {
            let (found, is_smuggled) = outcome(&gateway, &mut observer, case);
            if is_smuggled {
                wrong.push(format!("{}: a smuggled push is applied", case.name));
            }
            if found != case.expected {
                wrong.push(format!("{}: {found:?} instead of {:?}", case.name, case.expected));
            }
            gateway.assert_healthy();
        }
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), tables.len(), wrong.join("\n"));
    };
    // The first passes fill what is kept on purpose: threads, their buffers, the allocator's pages. The allocator gives
    // pages back in its own time, so that one look says little: what stays grows beyond the largest of several.
    let mut after_pass = || {
        run();
        settled(|| gateway.resident_kib())
    };
    let resident = (0..PASSES).map(|_| after_pass()).max().unwrap_or_default();
    let descriptors = settled(|| gateway.descriptors() as u64);
    run();
    gateway.wait_for_descriptors(descriptors as usize);
    let bound = resident as f64 * GROWTH_MAX;
    wait_until(&format!("memory is below {bound:.0} KiB again"), || {
        gateway.resident_kib() as f64 <= bound
    });
}

/// A figure once it has not grown or shrunk for some looks.
fn settled(look: impl Fn() -> u64) -> u64 {
    const LOOKS: u32 = 5;
    let (mut last, mut same) = (look(), 0);
    wait_until("a figure settles", || {
        std::thread::sleep(Duration::from_millis(50));
        let now = look();
        same = if now == last { same + 1 } else { 0 };
        last = now;
        same == LOOKS
    });
    last
}
