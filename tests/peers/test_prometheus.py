"""A real Prometheus that scrapes the gateway every second, as its users configure it."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge, Histogram, push_to_gateway

from gateways import Server, free_port, running

SEEN_SECONDS_MAX = 30.0
CONFIG = """
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: gateway
    honor_labels: true
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""

Series = dict[frozenset[tuple[str, str]], str]


@pytest.fixture
def prometheus(gateway: Server, tmp_path: Path) -> Iterator[Server]:
    config, port = tmp_path / "prometheus.yml", free_port()
    config.write_text(CONFIG.format(port=gateway.port))
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running("prometheus", command, port, "/-/ready", tmp_path) as server:
        yield server


def series(name: str, value: str, **labels: str) -> Series:
    return {frozenset({"__name__": name, **labels}.items()): value}


def query(prometheus: Server, expression: str) -> Series:
    """The value of each series that the expression finds, by its labels."""
    url = f"{prometheus.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        found = json.load(answer)["data"]["result"]
    return {frozenset(one["metric"].items()): one["value"][1] for one in found}


def await_series(prometheus: Server, expression: str, expected: Series) -> None:
    """Polls until the expression finds exactly these series with these values."""
    deadline = time.monotonic() + SEEN_SECONDS_MAX
    while (found := query(prometheus, expression)) != expected:
        assert time.monotonic() < deadline, f"{expression}: {found} instead of {expected}"
        time.sleep(0.1)


def await_target_up(prometheus: Server, gateway: Server) -> None:
    target = {"job": "gateway", "instance": f"127.0.0.1:{gateway.port}"}
    await_series(prometheus, "up", series("up", "1", **target))


def test_prometheus_stores_what_jobs_pushed_under_their_own_labels(
    gateway: Server, prometheus: Server
) -> None:
    registry, table = CollectorRegistry(), 'Zürich "a\\b"'
    Gauge("rows", "Rows handled", ["table"], registry=registry).labels(table).set(12.5)
    Histogram("run_seconds", "Run time", buckets=(1, 2), registry=registry).observe(1.5)
    key = {"instance": "node-1", "path": "/var/tmp"}
    push_to_gateway(gateway.url, "batch", registry, key)
    push_to_gateway(gateway.url, "no_instance", registry)

    await_target_up(prometheus, gateway)
    rows = series("rows", "12.5", table=table, job="batch", **key)
    rows |= series("rows", "12.5", table=table, job="no_instance")
    await_series(prometheus, "rows", rows)
    bucket = series("run_seconds_bucket", "1", le="2", job="batch", **key)
    await_series(prometheus, 'run_seconds_bucket{job="batch",le=~"2|2.0"}', bucket)
    failure = series("push_failure_time_seconds", "0", job="batch", **key)
    await_series(prometheus, 'push_failure_time_seconds{job="batch"}', failure)


def test_prometheus_follows_every_change_and_the_end_of_a_group(
    gateway: Server, prometheus: Server
) -> None:
    registry = CollectorRegistry()
    rows = Gauge("rows", "Rows handled", registry=registry)
    for value in (1, 2):
        rows.set(value)
        push_to_gateway(gateway.url, "batch", registry)
        await_series(prometheus, "rows", series("rows", str(value), job="batch"))
    assert gateway.connect().ask("DELETE", "/metrics/job/batch").status == 202
    await_series(prometheus, "rows", {})
    await_target_up(prometheus, gateway)
