"""Python's prometheus_client, as jobs push with it; each push is checked by what a scrape then holds."""

from __future__ import annotations

from urllib.error import HTTPError

import pytest
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Summary,
    delete_from_gateway,
    push_to_gateway,
    pushadd_to_gateway,
)

from gateways import Server
from scrape import scrape

GROUPING_KEYS = {
    "none": {},
    "a slash": {"path": "/var/tmp"},
    "an empty value": {"stage": ""},
    "non-ASCII": {"city": "Zürich", "name": "Προμηθεύς"},
    "an instance": {"instance": "node-1:9100"},
    "signs": {"expression": "a=b&c%2F?#\\\"'"},
    "all of it": {"path": "a//b/", "stage": "", "city": "東京", "instance": "10.0.0.1"},
}


def registry_with_a_gauge(value: float) -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("job_rows", "Rows handled", registry=registry).set(value)
    return registry


@pytest.mark.parametrize("key", GROUPING_KEYS.values(), ids=GROUPING_KEYS.keys())
def test_python_pushes_adds_and_deletes_a_group(gateway: Server, key: dict[str, str]) -> None:
    push_to_gateway(gateway.url, "batch", registry_with_a_gauge(3), key)
    assert scrape(gateway).value("job_rows", job="batch", **key) == 3
    assert scrape(gateway).value("push_time_seconds", job="batch", **key)

    more = CollectorRegistry()
    Gauge("job_seconds", "Run time", registry=more).set(1.5)
    pushadd_to_gateway(gateway.url, "batch", more, key)
    assert scrape(gateway).value("job_rows", job="batch", **key) == 3
    assert scrape(gateway).value("job_seconds", job="batch", **key) == 1.5

    push_to_gateway(gateway.url, "batch", more, key)
    assert scrape(gateway).value("job_rows", job="batch", **key) is None

    delete_from_gateway(gateway.url, "batch", key)
    assert scrape(gateway).values("push_time_seconds") == []


def test_python_pushes_every_type_of_metric(gateway: Server) -> None:
    registry = CollectorRegistry()
    Counter("requests", "Requests", ["code"], registry=registry).labels("200").inc(7)
    Summary("seconds", "Seconds", registry=registry).observe(0.25)
    Histogram("bytes", "Bytes", buckets=(1, 10, 100), registry=registry).observe(12)
    push_to_gateway(gateway.url, "types", registry)
    found = scrape(gateway)
    assert found.types["requests"] == "counter"
    assert found.value("requests_total", job="types", code="200") == 7
    assert found.types["seconds"] == "summary"
    assert found.value("seconds_sum", job="types") == 0.25
    assert found.types["bytes"] == "histogram"
    assert found.value("bytes_bucket", job="types", le="10.0") is None
    assert found.value("bytes_bucket", job="types", le="10") == 0
    assert found.value("bytes_bucket", job="types", le="+Inf") == 1


def test_python_pushes_its_own_process_metrics_beside_the_gateways(gateway: Server) -> None:
    registry = CollectorRegistry()
    Counter("process_cpu_seconds", "A job's own CPU time", registry=registry).inc(2)
    push_to_gateway(gateway.url, "process", registry)
    assert scrape(gateway).value("process_cpu_seconds_total", job="process") == 2


def test_python_groups_stay_apart(gateway: Server) -> None:
    """To Prometheus a label with an empty value is no label, so that this group is the first one again."""
    keys = [key for name, key in GROUPING_KEYS.items() if name != "an empty value"]
    for value, key in enumerate(keys):
        push_to_gateway(gateway.url, "batch", registry_with_a_gauge(value), key)
    with pytest.raises(HTTPError) as refused:
        registry = registry_with_a_gauge(-1)
        push_to_gateway(gateway.url, "batch", registry, GROUPING_KEYS["an empty value"])
    assert refused.value.code == 400
    assert scrape(gateway).values("job_rows") == list(range(len(keys)))


def test_python_sees_a_refused_push_as_an_error(gateway: Server) -> None:
    push_to_gateway(gateway.url, "batch", registry_with_a_gauge(1))
    other = CollectorRegistry()
    Counter("job_rows_total", "Free beside job_rows", registry=other).inc()
    pushadd_to_gateway(gateway.url, "other", other)
    clash = CollectorRegistry()
    Summary("job_rows", "Not a gauge", registry=clash).observe(1)
    with pytest.raises(HTTPError) as refused:
        push_to_gateway(gateway.url, "clash", clash)
    assert refused.value.code == 400
    assert scrape(gateway).value("push_failure_time_seconds", job="clash")
