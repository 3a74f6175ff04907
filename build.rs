//! Tells a release build the revision that it is built from, unless `SHARDGATE_REVISION` does.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=SHARDGATE_REVISION");
    // Other builds do not ask: each commit would build everything anew.
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if !is_release || std::env::var("SHARDGATE_REVISION").is_ok() {
        println!("cargo:rerun-if-changed=build.rs");
        return;
    }
    println!("cargo:rerun-if-changed=.git/logs/HEAD");
    let revision = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    if let Ok(output) = revision
        && output.status.success()
        && let Ok(revision) = String::from_utf8(output.stdout)
    {
        println!("cargo:rustc-env=SHARDGATE_REVISION={}", revision.trim());
    }
}
