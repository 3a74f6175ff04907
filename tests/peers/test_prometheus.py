"""A real Prometheus that scrapes the gateway every second, as its users configure it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge, Histogram, push_to_gateway

from gateways import Server
from prometheus_server import await_series, await_target_up, prometheus_server, series


@pytest.fixture
def prometheus(gateway: Server, tmp_path: Path) -> Iterator[Server]:
    with prometheus_server(tmp_path, gateway) as server:
        yield server


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
