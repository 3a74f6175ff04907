"""What only protobuf can say: native histograms, exemplars, times of creation.

They come back field by field, and a real Prometheus stores the native histograms and counts right.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import metrics_proto
from formats import TEXT, scrape_bytes, shown
from gateways import Server
from metrics_proto import CONTENT_TYPE, MetricFamily, decode, encode, label_pairs
from prometheus_server import (
    await_series,
    await_target_up,
    await_that,
    found,
    prometheus_server,
    series,
)
from wire import Connection

PATH = "/metrics/job/native/instance/node-1"
GROUPING = {"instance": "node-1", "job": "native"}
CREATED = {"seconds": 1_700_000_000, "nanos": 250_000_000}
EXEMPLAR = {"label": label_pairs({"trace_id": "é0af"}), "value": 0.75, "timestamp": CREATED}
NATIVE = {
    "sample_count": 11,
    "sample_sum": 18.5,
    "schema": 3,
    "zero_threshold": 2.0**-128,
    "zero_count": 2,
    "negative_span": [{"offset": -2, "length": 1}],
    "negative_delta": [1],
    "positive_span": [{"offset": 0, "length": 2}, {"offset": 3, "length": 1}],
    "positive_delta": [1, 3, -1],
    "exemplars": [EXEMPLAR],
    "created_timestamp": CREATED,
}
"""Two around zero, one below, and 1, 4 and 3 above."""
NATIVE_BUCKETS_PER_POWER = 8
"""That is what schema 3 means."""
FLOAT_NATIVE = {
    "sample_count_float": 6.5,
    "sample_sum": -2.25,
    "schema": 0,
    "zero_threshold": 0.001,
    "zero_count_float": 0.5,
    "negative_span": [{"offset": 1, "length": 2}],
    "negative_count": [1.5, 2.5],
    "positive_span": [{"offset": 0, "length": 1}],
    "positive_count": [2.0],
}
NO_OBSERVATIONS = {
    "schema": 5,
    "zero_threshold": 0.0,
    "positive_span": [{"offset": 0, "length": 0}],
}
CLASSIC = {
    "sample_count": 4,
    "sample_sum": 3.5,
    "bucket": [
        {"upper_bound": 1.0, "cumulative_count": 3, "exemplar": EXEMPLAR},
        {"upper_bound": 2.0, "cumulative_count": 4},
    ],
    "created_timestamp": CREATED,
}
BOTH = {**NATIVE, "bucket": CLASSIC["bucket"]}


def family(name: str, kind: str, value: dict[str, Any], labels: dict[str, str]) -> Any:
    field = {"COUNTER": "counter", "SUMMARY": "summary"}.get(kind, "histogram")
    metric = {"label": label_pairs(labels), field: value}
    return MetricFamily(name=name, help=f"Help of {name}", type=kind, metric=[metric])


def push(connection: Connection, families: list[Any], path: str = PATH) -> None:
    answer = connection.ask("PUT", path, [("Content-Type", CONTENT_TYPE)], encode(families))
    assert answer.status == 200, answer.body


PUSHED = {
    "native": ("HISTOGRAM", NATIVE),
    "float_native": ("HISTOGRAM", FLOAT_NATIVE),
    "gauge_native": ("GAUGE_HISTOGRAM", NATIVE),
    "no_observations": ("HISTOGRAM", NO_OBSERVATIONS),
    "classic": ("HISTOGRAM", CLASSIC),
    "both": ("HISTOGRAM", BOTH),
    "exemplary_total": ("COUNTER", {"value": 3.0, "exemplar": EXEMPLAR}),
    "created_total": ("COUNTER", {"value": 3.0, "created_timestamp": CREATED}),
    "paused": ("SUMMARY", {"sample_count": 1, "sample_sum": 2.0, "created_timestamp": CREATED}),
}


def test_what_was_pushed_as_protobuf_comes_back_field_by_field(gateway: Server) -> None:
    connection = gateway.connect()
    families = [family(name, *what, {"zone": "z", "a": "1"}) for name, what in PUSHED.items()]
    labels = {"a": "1", **GROUPING, "zone": "z"}
    expected = {name: family(name, *what, labels) for name, what in PUSHED.items()}
    push(connection, families)
    for _ in range(2):
        scraped = {one.name: one for one in decode(scrape_bytes(connection, CONTENT_TYPE))}
        for name, want in expected.items():
            assert scraped[name] == want

    # Beside a histogram that says all in text, and with another schema.
    text = b"# TYPE native histogram\nnative_count 1\n"
    assert connection.ask("PUT", "/metrics/job/text", body=text).status == 200
    push(connection, [family("native", "HISTOGRAM", {**NATIVE, "schema": -4}, labels)])
    scraped = {one.name: one for one in decode(scrape_bytes(connection, CONTENT_TYPE))}
    by_job = {metrics_proto.labels(one)["job"]: one for one in scraped["native"].metric}
    assert by_job.keys() == {"native", "text"}
    assert by_job["native"].histogram.schema == -4
    assert by_job["native"].histogram.positive_delta == NATIVE["positive_delta"]
    assert not by_job["text"].histogram.HasField("schema")
    assert scraped.keys() & PUSHED.keys() == {"native"}


def test_text_shows_the_count_and_the_sum_of_a_native_histogram(gateway: Server) -> None:
    connection = gateway.connect()
    push(connection, [family(name, *what, {}) for name, what in PUSHED.items()])
    samples = shown(connection, TEXT).samples

    def value(name: str, **labels: str) -> str | None:
        return samples.get((name, frozenset({**GROUPING, **labels}.items())))

    assert (value("native_count"), value("native_sum")) == ("11.0", "18.5")
    assert value("native_bucket", le="inf") == "11.0"
    assert (value("float_native_count"), value("float_native_sum")) == ("6.5", "-2.25")
    assert (value("no_observations_count"), value("no_observations_sum")) == ("0.0", "0.0")
    assert (value("classic_bucket", le="1.0"), value("classic_bucket", le="inf")) == ("3.0", "4.0")
    assert (value("both_bucket", le="2.0"), value("both_bucket", le="inf")) == ("4.0", "11.0")


def as_queried(prometheus: Server, name: str) -> list[Any]:
    """The histograms of that name: labels, count, sum, and buckets by their lower bounds, which are
    rounded: the one around zero begins at 0."""
    answers = []
    for one in found(prometheus, name):
        histogram = one.get("histogram", (0, {}))[1]
        buckets = {
            round(float(bucket[1]), 9): float(bucket[3]) for bucket in histogram.get("buckets", ())
        }
        labels = {label: value for label, value in one["metric"].items() if label != "__name__"}
        answers.append((labels, histogram.get("count"), histogram.get("sum"), buckets))
    return answers


def test_prometheus_stores_native_histograms(gateway: Server, tmp_path: Path) -> None:
    connection = gateway.connect()
    push(connection, [family(name, *what, {}) for name, what in PUSHED.items()])
    push(connection, [family("alone", "HISTOGRAM", NATIVE, {})], "/metrics/job/no_instance")
    width = 2.0 ** (1 / NATIVE_BUCKETS_PER_POWER)
    buckets = {-(width**-2): 1.0, 0.0: 2.0, 1 / width: 1.0, 1.0: 4.0, width**4: 3.0}
    buckets = {round(bound, 9): count for bound, count in buckets.items()}
    native = ("11", "18.5", buckets)
    with prometheus_server(tmp_path, gateway, "--enable-feature=native-histograms") as prometheus:
        await_target_up(prometheus, gateway)
        for name in ("native", "both", "gauge_native"):
            assert as_queried(prometheus, name) == [(GROUPING, *native)], name
        assert as_queried(prometheus, "alone") == [({"job": "no_instance"}, *native)]
        float_buckets = {-4.0: 2.5, -2.0: 1.5, -0.001: 0.5, 0.5: 2.0}
        assert as_queried(prometheus, "float_native") == [(GROUPING, "6.5", "-2.25", float_buckets)]
        bucket = series("classic_bucket", "3", le="1.0", **GROUPING)
        await_series(prometheus, 'classic_bucket{le="1.0"}', bucket)

        more = {**NATIVE, "sample_count": 15, "zero_count": 6}
        push(connection, [family("native", "HISTOGRAM", more, {})])
        changed = [(GROUPING, "15", "18.5", {**buckets, 0.0: 6.0})]
        await_that(lambda: as_queried(prometheus, "native"), changed, "native")
