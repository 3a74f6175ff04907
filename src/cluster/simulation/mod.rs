//! The role of a replica against a simulated stream, clock and network, over many seeds.
//!
//! `world` runs three replicas through faults: lost, late and repeated messages, pauses, partitions, restarts with empty
//! memory, purges. `truth` reads the stream as it should be read, and checks each acknowledgement and each scrape. The
//! replicas run the real [`Role`](super::role::Role), [`Reading`](super::reading::Reading) and [`Books`](super::books::Books).
//!
//! `SEEDS=100000 cargo test --release --lib cluster::simulation -- --nocapture` runs more seeds. `SEED=7` runs one.

mod truth;
mod variant;
mod world;

use self::variant::Variant;
use self::world::run;

/// How many seeds a test run goes through.
const SEEDS: u64 = 2_000;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[test]
#[expect(clippy::print_stderr, reason = "a run with many seeds says what it has counted")]
fn nothing_acknowledged_is_lost_and_nothing_impossible_is_shown() {
    let (first, seeds) = match variable("SEED") {
        Some(seed) => (seed, 1),
        None => (0, variable("SEEDS").unwrap_or(SEEDS)),
    };
    let mut sums = [0; 6];
    for seed in first..first + seeds {
        match run(seed, Variant::default()) {
            Ok(counts) => sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count),
            Err(violation) => panic!("seed {seed}: {violation}"),
        }
    }
    let [acknowledged, in_doubt, scrapes, takeovers, void, purges] = sums;
    eprintln!(
        "{seeds} seeds: {acknowledged} pushes acknowledged, {in_doubt} in doubt, {scrapes} scrapes checked, {takeovers} \
         takeovers, {void} entries that count for nothing, {purges} purges"
    );
    assert!(acknowledged > 20 * seeds && scrapes > 20 * seeds && takeovers > seeds);
}

/// Asserts that a broken variant is caught, and says after how many seeds.
#[expect(clippy::print_stderr, reason = "a run with many seeds says what it has counted")]
fn is_caught(name: &str, variant: Variant) {
    for seed in 0..SEEDS {
        if let Err(violation) = run(seed, variant) {
            eprintln!("{name}: caught after {} seeds: {violation}", seed + 1);
            return;
        }
    }
    panic!("{name}: not caught in {SEEDS} seeds");
}

#[test]
fn appends_without_an_expectation_are_caught() {
    let variant = Variant { ignores_expectation: true, ..Variant::default() };
    is_caught("no expectation", variant);
}

#[test]
fn a_deposed_leader_that_keeps_its_groups_is_caught() {
    let variant = Variant { keeps_groups: true, ..Variant::default() };
    is_caught("no reload after being deposed", variant);
}

#[test]
fn a_lease_counted_from_the_acknowledgement_is_caught() {
    let variant = Variant { lease_from_receipt: true, ..Variant::default() };
    is_caught("lease from receipt", variant);
}

#[test]
fn entries_of_a_deposed_leader_that_count_are_caught() {
    let variant = Variant { lets_all_count: true, ..Variant::default() };
    is_caught("late entries count", variant);
}

#[test]
fn a_reader_that_goes_on_behind_a_gap_is_caught() {
    let variant = Variant { ignores_gaps: true, ..Variant::default() };
    is_caught("gaps ignored", variant);
}
