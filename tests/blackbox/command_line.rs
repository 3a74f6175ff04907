//! The command line: variables, older flags, help, and what is said about mistakes and at the start.

use std::process::{Command, Output};

use serde_json::Value;

use crate::persistence::{Directory, Process, program, program_alone};

fn said(command: &mut Command) -> (Output, String, String) {
    let output = command.output().unwrap();
    let (out, error) = (output.stdout.clone(), output.stderr.clone());
    (output, String::from_utf8(out).unwrap(), String::from_utf8(error).unwrap())
}

fn flags(gateway: &Process) -> Value {
    let status: Value = serde_json::from_slice(&gateway.get("/api/v1/status").body).unwrap();
    status["data"]["flags"].clone()
}

#[test]
fn flags_come_from_variables_and_the_command_line_counts_first() {
    let mut command = program_alone(&["--shards=3", "--no-web.enable-lifecycle"]);
    command.envs([
        ("SHARDGATE_WEB_LISTEN_ADDRESS", "127.0.0.1:0,127.0.0.2:0"),
        ("SHARDGATE_SHARDS", "2"),
        ("SHARDGATE_WEB_ENABLE_LIFECYCLE", "true"),
        ("SHARDGATE_WEB_ENABLE_ADMIN_API", "true"),
        ("SHARDGATE_PERSISTENCE_INTERVAL", "90s"),
        ("SHARDGATE_LOG_LEVEL", ""),
    ]);
    let gateway = Process::start(&mut command);
    let flags = flags(&gateway);
    for (flag, value) in [
        ("web.listen-address", "127.0.0.1:0,127.0.0.2:0"),
        ("shards", "3"),
        ("web.enable-lifecycle", "false"),
        ("web.enable-admin-api", "true"),
        ("persistence.interval", "1m30s"),
        ("log.level", "info"),
        ("web.idle-timeout", "5m0s"),
    ] {
        assert_eq!(flags[flag], value, "{flag}");
    }
    gateway.stop();
}

#[test]
fn a_variable_that_is_wrong_is_named_and_one_that_is_misspelled_is_warned_of() {
    let (output, _, error) = said(program(&[]).env("SHARDGATE_SHARDS", "lots"));
    assert!(!output.status.success());
    assert!(error.contains("SHARDGATE_SHARDS") && error.contains("from 1 to 1024"), "{error}");
    let mut command = program_alone(&["--web.listen-address=host.invalid:1"]);
    let (_, _, error) = said(command.env("SHARDGATE_WEB_LISTEN_ADRESS", ":1"));
    assert!(
        error.contains("SHARDGATE_WEB_LISTEN_ADRESS") && error.contains("level=warn"),
        "{error}"
    );
}

#[test]
fn variables_of_the_gateway_do_not_disturb_the_commands_beside_it() {
    let gateway = Process::start(&mut program(&[]));
    let url = format!("--url=http://{}", gateway.address());
    let mut command = program_alone(&["healthcheck", &url]);
    command.envs([("SHARDGATE_WEB_LISTEN_ADDRESS", ":9"), ("SHARDGATE_LOG_FORMAT", "json")]);
    let (output, out, error) = said(&mut command);
    assert!(output.status.success(), "{out}{error}");
    gateway.stop();
}

#[test]
fn flags_of_other_packages_are_passed_over_with_a_warning() {
    let mut command = program_alone(&[
        "--web.local-assets=/usr/share/prometheus/pushgateway",
        "-web.listen-address=host.invalid:1",
        "--log.level=warning",
    ]);
    let (_, _, error) = said(&mut command);
    assert!(error.contains("--web.local-assets is ignored"), "{error}");
    assert!(error.contains("cannot listen on host.invalid:1"), "{error}");
    let (output, out, _) = said(&mut program_alone(&["--help-long"]));
    assert!(output.status.success() && out.contains("--web.listen-address"));
}

#[test]
fn the_short_help_fits_on_a_screen() {
    let (output, out, _) = said(program_alone(&["-h"]).env("COLUMNS", "80"));
    assert!(output.status.success());
    assert!(out.lines().count() <= 24, "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    for word in ["--web.listen-address", "--persistence.file", "import", "demo", "--help"] {
        assert!(out.contains(word), "{word}: {out}");
    }
}

#[test]
fn the_help_has_groups_examples_and_variables() {
    let (output, out, _) = said(&mut program_alone(&["--help"]));
    assert!(output.status.success());
    let at = |heading: &str| {
        let found = out.find(&format!("\n{heading}:\n"));
        found.unwrap_or_else(|| panic!("{heading}: {out}"))
    };
    let headings = ["Common", "TLS and access", "Limits", "Persistence", "Examples"];
    assert!(headings.iter().all(|heading| at(heading) > 0));
    assert!(out.contains("[env: SHARDGATE_WEB_LISTEN_ADDRESS]"), "{out}");
    let section = &out[at("TLS and access")..];
    assert!(section.find("--auth.policy-file") < section.find("\nLimits:"), "{section}");
}

#[test]
fn what_is_missing_or_meant_is_said() {
    for (words, parts) in [
        (&["store", "check"][..], &["<FILE>", "Usage: shardgate store check <FILE>"][..]),
        (&["check"], &["a command is missing", "policy", "web-config"]),
        (&["--persistence.fil=x"], &["'--persistence.file'"]),
        (&["--log.format=xml"], &["logfmt, json"]),
        (&["completions"], &["<SHELL>"]),
        (&["store", "check", "/no/such/file"], &["/no/such/file: No such file or directory"]),
        (&["store", "check", "/"], &["/: it is not a regular file"]),
    ] {
        let (output, out, error) = said(&mut program_alone(words));
        assert!(!output.status.success() && out.is_empty(), "{words:?}: {out}");
        assert!(parts.iter().all(|part| error.contains(part)), "{words:?}: {error}");
        assert!(error.starts_with("shardgate: error: "), "{error}");
    }
}

#[test]
fn with_json_every_line_is_json_and_numbers_are_numbers() {
    for words in [
        &["--log.format=json", "--web.listen-address=host.invalid:1"][..],
        &["--log.format", "json", "--shards=lots"],
    ] {
        let (output, _, error) = said(&mut program_alone(words));
        assert!(!output.status.success());
        let lines: Vec<Value> =
            error.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let last = lines.last().unwrap();
        assert_eq!(last["level"], "error");
        let reason = last["msg"].as_str().unwrap();
        assert!(reason.contains("host.invalid") || reason.contains("--shards"), "{error}");
        for line in lines.iter().filter(|line| line["msg"] == "starting") {
            assert!(line["shards"].is_u64() && line["ts"].is_string(), "{line}");
        }
    }
}

#[test]
fn the_start_says_where_the_page_is_and_that_groups_are_in_memory_only() {
    let gateway = Process::start(&mut program(&["--web.route-prefix=/push"]));
    let log = gateway.log_so_far("msg=ready");
    let line = log.iter().find(|line| line.contains("msg=ready")).unwrap();
    let page = format!("page=http://{}/push/", gateway.address());
    for part in [&*page, "tls=false", "in memory only: --persistence.file keeps them", "took="] {
        assert!(line.contains(part), "{part}: {line}");
    }
    gateway.stop();
    let directory = Directory::new();
    let file = format!("--persistence.file={}", directory.store().display());
    let flags = [&*file, "--web.external-url=https://example.org/gate"];
    let gateway = Process::start(&mut program(&flags));
    let log = gateway.log_so_far("msg=ready");
    let line = log.iter().find(|line| line.contains("msg=ready")).unwrap();
    let kept = format!("groups={}", directory.store().display());
    assert!(line.contains("page=https://example.org/gate/") && line.contains(&kept), "{line}");
    gateway.stop();
}
