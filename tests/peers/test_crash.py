"""What an acknowledgement is worth: gateways that persist are killed under load by `loadtest crash`, and
what they show afterwards is compared with what they had answered."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from gateways import loadtest_binary, shardgate_binary

FAILURES = ("lost", "resurrected", "phantom", "half_applied")


def crash(command: list[str], *flags: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the report of a run against a gateway that `command` starts."""
    address = "--web.listen-address=127.0.0.1:{port}"
    tester = [loadtest_binary(), "crash", "--json", *flags, "--"]
    ended = subprocess.run(
        [*tester, *command, address], capture_output=True, text=True, timeout=180, check=False
    )
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def assert_kept(code: int, report: dict[str, Any], rounds: int) -> None:
    assert code == 0 and report["rounds"] == rounds, report
    assert [report[kind] for kind in FAILURES] == [0] * 4, report
    assert report["acknowledged_pushes"] > 0 and report["acknowledged_deletes"] > 0, report
    assert report["in_doubt"] > 0, "it was killed under load"


def test_with_every_push_on_disk_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    gateway = [shardgate_binary(), f"--persistence.file={tmp_path / 'store'}", "--persistence.sync=push"]
    code, report = crash(gateway, "--rounds=8", "--promise=push")
    assert_kept(code, report, 8)
    assert report["lost_within_interval"] == 0


def test_by_default_nothing_older_than_the_interval_is_lost(tmp_path: Path) -> None:
    gateway = [shardgate_binary(), f"--persistence.file={tmp_path / 'store'}", "--persistence.interval=1s"]
    code, report = crash(gateway, "--rounds=8", "--promise=interval:1s")
    assert_kept(code, report, 8)


def test_without_a_file_pushes_are_lost_and_it_is_told() -> None:
    code, report = crash([shardgate_binary()], "--rounds=3", "--promise=push")
    assert code != 0 and report["lost"] > 0, report
    assert report["phantom"] == report["half_applied"] == 0, report


def pushgateway(directory: Path) -> list[str]:
    """It writes its file about a second after the first of the pushes that are not in it."""
    file = f"--persistence.file={directory / 'store'}"
    return ["prometheus-pushgateway", file, "--persistence.interval=1s", "--push.disable-consistency-check"]


def test_the_pushgateway_keeps_what_is_older_than_its_interval(tmp_path: Path) -> None:
    # How long it takes to write is not part of its interval.
    flags = ("--promise=interval:3s", "--round-time=3500ms..5s")
    code, report = crash(pushgateway(tmp_path), "--rounds=4", *flags)
    assert_kept(code, report, 4)
    assert report["lost_within_interval"] < report["acknowledged_pushes"]


def test_the_pushgateway_does_not_keep_every_push(tmp_path: Path) -> None:
    flags = ("--promise=push", "--round-time=1500ms..2500ms")
    code, report = crash(pushgateway(tmp_path), "--rounds=4", *flags)
    assert code != 0 and report["lost"] > 0 and report["resurrected"] > 0, report
    assert report["phantom"] == report["half_applied"] == 0, report
