//! Every shipped profile runs.

use std::fs;
use std::path::Path;

use super::program::{Sink, count, run_json};

#[test]
fn every_shipped_profile_runs_for_two_seconds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles");
    let mut seen = Vec::new();
    for entry in fs::read_dir(folder).expect("the profiles").flatten() {
        let file = entry.path();
        if file.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let sink = Sink::start();
        let args = ["--duration", "2s", "--warmup", "100ms"];
        let (success, report) = run_json(&file, &sink.url, &args);
        assert!(success && count(&report, "/successes") > 0, "{}: {report}", file.display());
        seen.extend(file.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    seen.sort();
    let expected = [
        "batch-job",
        "churn",
        "cron-storm",
        "histograms",
        "mixed-formats",
        "mixed-jobs",
        "mixed-jobs-protobuf",
        "scrape-heavy",
        "steady",
        "wide-group",
    ];
    assert_eq!(seen, expected);
}
