//! What killing a gateway again and again found, as text and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::comparison::{Spread, aligned};
use super::figures::short;
use crate::crash::{Promise, Verdict};

pub(crate) fn crash_table(verdict: &Verdict) -> String {
    let total = verdict.total();
    let ready = ready_after(verdict);
    let seconds =
        |s: Option<f64>| s.map_or_else(|| "-".to_owned(), |s| short(Duration::from_secs_f64(s)));
    let columns = [
        ("target", verdict.target.clone()),
        ("rounds", verdict.rounds.len().to_string()),
        ("pushes", total.pushes.to_string()),
        ("deletes", total.deletes.to_string()),
        ("in doubt", total.in_doubt.to_string()),
        ("within interval", total.within_interval.to_string()),
        ("lost", total.lost.to_string()),
        ("resurrected", total.resurrected.to_string()),
        ("phantom", total.phantom.to_string()),
        ("half-applied", total.half_applied.to_string()),
        ("ready after", seconds(ready.map(|s| s.median))),
        ("(max)", seconds(ready.map(|s| s.most))),
    ];
    let rows = [
        columns.iter().map(|(heading, _)| (*heading).to_owned()).collect(),
        columns.iter().map(|(_, figure)| figure.clone()).collect(),
    ];
    let mut text = format!(
        "{}: {} connections, {} groups, seed {}; promised: {}\n{}",
        verdict.profile,
        verdict.connections,
        verdict.groups,
        verdict.seed,
        promise(verdict.promise),
        aligned(&rows),
    );
    for example in &verdict.examples {
        text.push_str(&format!("  {example}\n"));
    }
    text
}

fn promise(promise: Promise) -> String {
    match promise {
        Promise::Push => "what is acknowledged survives".to_owned(),
        Promise::Interval(interval) => {
            format!("what was acknowledged more than {} before survives", short(interval))
        }
    }
}

fn ready_after(verdict: &Verdict) -> Option<Spread> {
    Spread::of(verdict.ready_after.iter().map(Duration::as_secs_f64))
}

pub(crate) fn crash_json(verdict: &Verdict) -> Value {
    let total = verdict.total();
    json!({
        "profile": verdict.profile,
        "target": verdict.target,
        "promise": match verdict.promise {
            Promise::Push => json!("push"),
            Promise::Interval(interval) => json!({ "interval_seconds": interval.as_secs_f64() }),
        },
        "seed": verdict.seed,
        "connections": verdict.connections,
        "groups": verdict.groups,
        "rounds": verdict.rounds.len(),
        "acknowledged_pushes": total.pushes,
        "acknowledged_deletes": total.deletes,
        "in_doubt": total.in_doubt,
        "lost_within_interval": total.within_interval,
        "lost": total.lost,
        "resurrected": total.resurrected,
        "phantom": total.phantom,
        "half_applied": total.half_applied,
        "ready_after_seconds": ready_after(verdict).map(Spread::json),
        "examples": verdict.examples,
    })
}
