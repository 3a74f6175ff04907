//! A small fleet of made-up jobs, so that every page of a new gateway shows something.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::client::{Answer, ClientError, Connection, Endpoint};
use crate::config::DemoFlags;

/// How long the fleet rests between two rounds.
const ROUND_WAIT: Duration = Duration::from_secs(1);

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A job, with the path of each of its groups below `/metrics/job` and what it pushes there.
struct Job {
    groups: &'static [&'static str],
    body: fn(&mut String, Round),
}

/// What differs from push to push: the number of the group and of the round, and the time.
#[derive(Clone, Copy)]
struct Round {
    group: u64,
    number: u64,
    now: f64,
}

impl Round {
    /// A number from 0 up to `most` that looks random and is the same in each run.
    fn some(self, what: u64, most: u64) -> u64 {
        let mixed =
            (self.group * 31 + self.number * 7 + what + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 33) % (most + 1)
    }
}

const FLEET: [Job; 6] = [
    Job {
        groups: &[
            "/nightly-backup/instance/db1",
            "/nightly-backup/instance/db2",
            "/nightly-backup/instance/files1",
        ],
        body: backup,
    },
    Job { groups: &["/etl-orders/region/eu", "/etl-orders/region/us"], body: etl },
    Job {
        groups: &["/ci-build/branch/main", "/ci-build/branch@base64/ZmVhdHVyZS9sb2dpbg"],
        body: build,
    },
    Job { groups: &["/invoice-mailer"], body: mailer },
    Job { groups: &["/certificate-check/team/web"], body: certificates },
    Job { groups: &["/heartbeat/instance/edge7"], body: heartbeat },
];

/// A push that is rejected, since its sample has a timestamp: the page shows what that looks like.
const REJECTED: (&str, &str) = ("/legacy-import/instance/old1", "legacy_rows 12 1700000000000\n");

/// Pushes the fleet, or deletes it. Says what was done.
pub(super) async fn run(gateway: Endpoint, flags: &DemoFlags) -> Result<String, String> {
    let mut connection = Connection::new(gateway.clone());
    let failed = |error: ClientError| format!("{gateway}: {error}");
    let paths = || FLEET.iter().flat_map(|job| job.groups);
    if flags.delete {
        for path in paths().chain([&REJECTED.0]) {
            let answer = connection.delete(&format!("/metrics/job{path}")).await.map_err(failed)?;
            expect(&gateway, path, &answer, &[202])?;
        }
        return Ok(format!("deleted {} groups of {gateway}\n", paths().count() + 1));
    }
    for number in 0..u64::from(flags.rounds) {
        if number > 0 {
            tokio::time::sleep(ROUND_WAIT).await;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        for job in &FLEET {
            for (group, path) in (0..).zip(job.groups) {
                let mut body = String::new();
                (job.body)(&mut body, Round { group, number, now });
                let answer = put(&mut connection, path, body).await.map_err(failed)?;
                expect(&gateway, path, &answer, &[200, 202])?;
            }
        }
        let (path, body) = REJECTED;
        let answer = put(&mut connection, path, body.to_owned()).await.map_err(failed)?;
        expect(&gateway, path, &answer, &[400, 202])?;
    }
    Ok(format!(
        "pushed {} groups of {} jobs, {} times each; one more push was rejected on purpose\n\
         look at {gateway}/ and remove them with --delete\n",
        paths().count(),
        FLEET.len(),
        flags.rounds
    ))
}

async fn put(connection: &mut Connection, path: &str, body: String) -> Result<Answer, ClientError> {
    connection.put(&format!("/metrics/job{path}"), TEXT, Bytes::from(body)).await
}

fn expect(gateway: &Endpoint, path: &str, answer: &Answer, statuses: &[u16]) -> Result<(), String> {
    if statuses.contains(&answer.status.as_u16()) {
        return Ok(());
    }
    Err(format!("{gateway}/metrics/job{path}: {}: {}", answer.status, answer.line))
}

/// Writes a family of one sample or more, each with its labels in braces.
fn family(body: &mut String, name: &str, kind: &str, help: &str, samples: &[(&str, f64)]) {
    let _written = writeln!(body, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in samples {
        let _written = writeln!(body, "{name}{labels} {value}");
    }
}

/// When the job ran, and how often it does.
fn ran(body: &mut String, round: Round, seconds: f64, interval: f64) {
    let name = "job_last_success_timestamp_seconds";
    family(body, name, "gauge", "When the job last succeeded.", &[("", round.now.floor())]);
    family(body, "job_duration_seconds", "gauge", "How long the job ran.", &[("", seconds)]);
    let name = "push_interval_seconds";
    family(body, name, "gauge", "How often the job is expected to push.", &[("", interval)]);
}

fn backup(body: &mut String, round: Round) {
    let bytes = (20_000_000_000 + round.group * 7_000_000_000 + round.some(0, 900_000_000)) as f64;
    let files = (180_000 + round.some(1, 4_000)) as f64;
    family(body, "backup_size_bytes", "gauge", "Size of the backup.", &[("", bytes)]);
    let name = "backup_files_total";
    let samples = [("{kind=\"copied\"}", files), ("{kind=\"skipped\"}", 41.0)];
    family(body, name, "counter", "Files of the backup.", &samples);
    ran(body, round, 1312.5 + round.some(2, 300) as f64, 86_400.0);
}

fn etl(body: &mut String, round: Round) {
    let rows = 1_200_000.0 + round.some(0, 90_000) as f64;
    let samples = [
        ("{table=\"orders\"}", rows),
        ("{table=\"customers\"}", (rows / 7.0).floor()),
        ("{table=\"returns\"}", (rows / 90.0).floor()),
    ];
    family(body, "etl_rows_total", "counter", "Rows loaded.", &samples);
    let lag = 12.25 + round.some(1, 60) as f64;
    family(body, "etl_lag_seconds", "gauge", "Age of the newest row.", &[("", lag)]);
    ran(body, round, 45.0 + round.some(2, 20) as f64, 900.0);
}

fn build(body: &mut String, round: Round) {
    let total = 40 + round.number;
    let under = |share: u64| (total * share / 100) as f64;
    let name = "build_step_duration_seconds";
    body.push_str("# HELP build_step_duration_seconds How long the steps of the build took.\n");
    body.push_str("# TYPE build_step_duration_seconds histogram\n");
    for (bound, count) in
        [("1", under(20)), ("10", under(55)), ("60", under(90)), ("+Inf", total as f64)]
    {
        let _written = writeln!(body, "{name}_bucket{{le=\"{bound}\"}} {count}");
    }
    let _written = writeln!(body, "{name}_sum {}\n{name}_count {total}", total * 19);
    let failed = round.some(0, 2) as f64;
    family(body, "build_tests_failed", "gauge", "Tests that failed.", &[("", failed)]);
    ran(body, round, 412.0, 3600.0);
}

fn mailer(body: &mut String, round: Round) {
    let name = "mail_delivery_seconds";
    body.push_str("# HELP mail_delivery_seconds How long a mail took.\n# TYPE mail_delivery_seconds summary\n");
    for (quantile, value) in [("0.5", 0.21), ("0.9", 0.8), ("0.99", 2.4)] {
        let _written = writeln!(body, "{name}{{quantile=\"{quantile}\"}} {value}");
    }
    let count = 5_100 + round.some(0, 200);
    let _written = writeln!(body, "{name}_sum {}\n{name}_count {count}", count as f64 * 0.3);
    ran(body, round, 1530.0, 86_400.0);
}

fn certificates(body: &mut String, round: Round) {
    let days = |days: f64| round.now.floor() + days * 86_400.0;
    let samples = [
        ("{host=\"www.example.org\"}", days(61.0)),
        ("{host=\"shop.example.org\"}", days(6.0)),
        ("{host=\"old.example.org\"}", days(-3.0)),
    ];
    let name = "certificate_expiry_timestamp_seconds";
    family(body, name, "gauge", "When the certificate expires.", &samples);
    ran(body, round, 3.75, 3600.0);
}

/// It says that it pushes each second, and is late as soon as the demo ends.
fn heartbeat(body: &mut String, round: Round) {
    let celsius = 41.5 + round.some(0, 9) as f64;
    family(
        body,
        "edge_temperature_celsius",
        "gauge",
        "Temperature of the device.",
        &[("", celsius)],
    );
    ran(body, round, 0.002, 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::NameRules;
    use crate::push::{GroupingKey, decode};

    #[test]
    fn every_body_of_the_fleet_is_a_push() {
        for job in &FLEET {
            for (group, path) in (0..).zip(job.groups) {
                let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy);
                let key = key.expect("it is a path");
                let (mut body, mut other) = (String::new(), String::new());
                (job.body)(&mut body, Round { group, number: 0, now: 1.75e9 });
                (job.body)(&mut other, Round { group, number: 1, now: 1.75e9 + 1.0 });
                let batch = decode(&key, body.as_bytes(), NameRules::Legacy);
                assert!(batch.is_ok_and(|batch| batch.families.len() > 3), "{path}: {body}");
                assert_ne!(body, other, "{path}: the page shows what a push has changed");
            }
        }
    }
}
