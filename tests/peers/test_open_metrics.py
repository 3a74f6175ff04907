"""Bodies of OpenMetrics, pushed: those of prometheus_client and of Java's client, and our own scrape. What is shown says the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    Histogram,
    Info,
    Summary,
)
from prometheus_client.core import GaugeHistogramMetricFamily, UnknownMetricFamily
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

import metrics_proto
from formats import OPEN_METRICS, Shown, from_open_metrics, shown
from gateways import Server, shardgate
from test_formats import EVERY_KIND

PATH = "/metrics/job/nightly/instance/node-1"
GROUPING = {"job": "nightly", "instance": "node-1"}
JAVA = """\
# TYPE http_request_duration_seconds histogram
# UNIT http_request_duration_seconds seconds
# HELP http_request_duration_seconds Time to answer, \\"all\\" of it.
http_request_duration_seconds_bucket{method="GET",le="0.005"} 0
http_request_duration_seconds_bucket{method="GET",le="1.0"} 3 # {span_id="2",trace_id="1"} 0.7 1690298864.383
http_request_duration_seconds_bucket{method="GET",le="+Inf"} 4
http_request_duration_seconds_count{method="GET"} 4
http_request_duration_seconds_sum{method="GET"} 3.5
http_request_duration_seconds_created{method="GET"} 1690298864.383
# TYPE jvm info
# HELP jvm VM version info
jvm_info{runtime="OpenJDK",vendor="Debian",version="17.0.9"} 1
# TYPE queue gaugehistogram
queue_bucket{le="10.0"} 2
queue_bucket{le="+Inf"} 5
queue_gcount 5
queue_gsum 70.5
# TYPE rows counter
# HELP rows Rows
rows_total{table="users"} 42.0 # {trace_id="3"} 1.0 1690298864.383
rows_created{table="users"} 1690298864.383
# TYPE run_seconds summary
# UNIT run_seconds seconds
run_seconds{quantile="0.5"} 1.25
run_seconds{quantile="0.99"} NaN
run_seconds_count 7
run_seconds_sum 9.0
# TYPE state stateset
state{state="running"} 1
state{state="done"} 0
# TYPE other unknown
other 17.0
# EOF
"""
"""As `OpenMetricsTextFormatWriter` of Java's client writes it."""
PLAIN_TYPES = {"unknown": "unknown", "info": "gauge", "stateset": "gauge"}


class Others(Collector):
    """What has no class of its own in the library."""

    def collect(self) -> Iterator[GaugeHistogramMetricFamily | UnknownMetricFamily]:
        yield GaugeHistogramMetricFamily("queue", "Q", [("1", 2), ("+Inf", 5)], gsum_value=7.5)
        yield UnknownMetricFamily("other", "O", 3)


def _of_python() -> str:
    registry = CollectorRegistry()
    registry.register(Others())
    rows = Counter("rows", 'Rows, "all"\nof them', ["table"], registry=registry)
    rows.labels('us"er\\s').inc(3, exemplar={"trace_id": "é1"})
    Gauge("level_meters", "L", registry=registry, unit="meters").set(-0.5)
    Summary("pause", "P", registry=registry).observe(2)
    runs = Histogram("run_seconds", "R", buckets=(1, 2.5), registry=registry)
    runs.observe(2, exemplar={"trace_id": "2"})
    Info("build", "B", registry=registry).info({"version": "1.5"})
    Enum("phase", "P", states=["up", "down"], registry=registry).state("down")
    return generate_latest(registry).decode()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Server]:
    with shardgate(tmp_path, "--web.enable-openmetrics") as server:
        yield server


def _expected(body: str) -> Shown:
    """What a push of the body shows: without times of creation, and with types that other formats know."""
    pushed = from_open_metrics(_grouped(body))
    info = {name for name, kind in pushed.types.items() if kind == "info"}
    renamed = lambda name: f"{name}_info" if name in info else name  # noqa: E731
    return replace(
        pushed,
        types={renamed(n): PLAIN_TYPES.get(kind, kind) for n, kind in pushed.types.items()},
        helps={renamed(n): text for n, text in pushed.helps.items()},
        samples={s: v for s, v in pushed.samples.items() if not s[0].endswith("_created")},
    )


def _grouped(body: str) -> str:
    """The body with the labels of the group in each sample."""
    labels = ",".join(f'{name}="{value}"' for name, value in GROUPING.items())
    lines = []
    for line in body.splitlines():
        name, brace, rest = line.partition("{")
        if line.startswith("#"):
            lines.append(line)
        elif brace and " " not in name:
            lines.append(f"{name}{{{labels},{rest}")
        else:
            name, _, value = line.partition(" ")
            lines.append(f"{name}{{{labels}}} {value}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("body", [_of_python(), JAVA], ids=["prometheus_client", "Java"])
def test_a_body_of_a_client_says_the_same_in_a_scrape(gateway: Server, body: str) -> None:
    connection = gateway.connect()
    headers = [("Content-Type", CONTENT_TYPE_LATEST)]
    answer = connection.ask("PUT", PATH, headers, body.encode())
    assert answer.status == 200, answer.body
    target = f"/metrics?job={GROUPING['job']}"
    scraped = shown(connection, OPEN_METRICS, target)
    times = {"push_time_seconds", "push_failure_time_seconds"}
    without_times = replace(
        scraped,
        types={n: k for n, k in scraped.types.items() if n not in times},
        helps={n: k for n, k in scraped.helps.items() if n not in times},
        samples={s: v for s, v in scraped.samples.items() if s[0] not in times},
    )
    assert without_times.differences(_expected(body)) == []
    families = metrics_proto.decode(
        connection.ask("GET", target, [("Accept", metrics_proto.CONTENT_TYPE)]).body
    )
    rows = next(family for family in families if family.name == "rows_total")
    assert rows.metric[0].counter.exemplar.label[0].name == "trace_id"
    assert rows.metric[0].counter.created_timestamp.seconds > 0


def test_our_own_scrape_pushed_back_shows_the_same(gateway: Server) -> None:
    connection = gateway.connect()
    assert connection.ask("PUT", PATH, body=(EVERY_KIND % {"n": 3}).encode()).status == 200
    target = f"/metrics?job={GROUPING['job']}"
    body = connection.ask("GET", target, [("Accept", OPEN_METRICS)]).body
    before = shown(connection, OPEN_METRICS, target)
    assert connection.ask("DELETE", PATH).status == 202
    answer = connection.ask("PUT", PATH, [("Content-Type", OPEN_METRICS)], body)
    assert answer.status == 200, answer.body
    after = shown(connection, OPEN_METRICS, target)
    assert [line for line in after.differences(before) if "push_time" not in line] == []
