"""The steps of a typical tutorial, in its order, with curl; and promtool's word on the result."""

from __future__ import annotations

import subprocess

import shell
from gateways import Server
from scrape import scrape

PROMTOOL_ACCEPTS = (0, 3)
"""Well-formed, or well-formed with lint warnings about names; 1 is a format it cannot read."""
SEVERAL = """
# HELP backup_files_total Files copied.
# TYPE backup_files_total counter
backup_files_total{disk="sda"} 100
backup_files_total{disk="sdb"} 20
# TYPE backup_last_size_bytes gauge
backup_last_size_bytes 1.5e9
# TYPE backup_seconds histogram
backup_seconds_bucket{le="1"} 3
backup_seconds_bucket{le="+Inf"} 4
backup_seconds_sum 5.5
backup_seconds_count 4
"""


def push(gateway: Server, method: str, path: str, body: str) -> None:
    shell.run(gateway, f"curl -sf -X {method} --data-binary @- $GATEWAY{path} <<'EOF'\n{body}\nEOF")


def test_one_metric_is_pushed(gateway: Server) -> None:
    push(gateway, "POST", "/metrics/job/backup", "backup_duration_seconds 12.5")
    found = scrape(gateway)
    assert found.value("backup_duration_seconds", job="backup") == 12.5
    assert found.value("push_time_seconds", job="backup")
    assert found.value("push_failure_time_seconds", job="backup") == 0


def test_several_metrics_are_pushed_at_once(gateway: Server) -> None:
    push(gateway, "POST", "/metrics/job/backup", SEVERAL)
    found = scrape(gateway)
    assert found.types["backup_files"] == "counter"
    assert found.value("backup_files_total", job="backup", disk="sdb") == 20
    assert found.value("backup_last_size_bytes", job="backup") == 1.5e9
    assert found.value("backup_seconds_bucket", job="backup", le="1") == 3


def test_metrics_are_grouped_by_the_path(gateway: Server) -> None:
    for node in ("a", "b"):
        push(
            gateway,
            "POST",
            f"/metrics/job/backup/instance/{node}/env/prod",
            f"size_{node} 1\nshared 2",
        )
    found = scrape(gateway)
    assert found.value("shared", job="backup", instance="a", env="prod") == 2
    assert found.value("shared", job="backup", instance="b", env="prod") == 2
    assert found.value("size_a", job="backup", instance="b", env="prod") is None


def test_post_replaces_the_families_it_names(gateway: Server) -> None:
    push(gateway, "POST", "/metrics/job/backup", 'size{disk="sda"} 1\nsize{disk="sdb"} 2\nfiles 3')
    push(gateway, "POST", "/metrics/job/backup", 'size{disk="sda"} 10')
    found = scrape(gateway)
    assert found.value("size", job="backup", disk="sda") == 10
    assert found.value("size", job="backup", disk="sdb") is None
    assert found.value("files", job="backup") == 3


def test_put_replaces_the_whole_group(gateway: Server) -> None:
    push(gateway, "PUT", "/metrics/job/backup", 'size{disk="sda"} 1\nfiles 3')
    push(gateway, "PUT", "/metrics/job/backup", 'size{disk="sdc"} 7')
    found = scrape(gateway)
    assert found.values("size") == [7]
    assert found.values("files") == []
    assert len(found.values("push_time_seconds")) == 1


def test_delete_removes_one_group_and_no_other(gateway: Server) -> None:
    push(gateway, "POST", "/metrics/job/backup", "size 1")
    push(gateway, "POST", "/metrics/job/backup/instance/a", "size 2")
    shell.run(gateway, "curl -sf -X DELETE $GATEWAY/metrics/job/backup")
    assert scrape(gateway).values("size") == [2]
    shell.run(gateway, "curl -sf -X DELETE $GATEWAY/metrics/job/backup/instance/a")
    assert scrape(gateway).values("size") == []


def test_a_mistake_is_answered_with_its_line(gateway: Server) -> None:
    answer = shell.run(
        gateway,
        "printf 'size 1\\nfiles three\\n' | "
        "curl -s -w ' %{http_code}' --data-binary @- $GATEWAY/metrics/job/backup",
    )
    assert answer.endswith(" 400")
    assert "line 2" in answer
    assert scrape(gateway).values("push_time_seconds") == []


def test_promtool_reads_the_scrape(gateway: Server) -> None:
    push(
        gateway, "POST", "/metrics/job/é/path@base64/L3Zhci90bXA", 'm{quoted="a\\"b\\\\c\\nd"} NaN'
    )
    push(gateway, "POST", "/metrics/job/backup", SEVERAL)
    text = shell.run(gateway, "curl -sf $GATEWAY/metrics")
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode in PROMTOOL_ACCEPTS, checked.stderr
    assert "error while linting" not in checked.stderr
