"""Sums seen by a real Prometheus: rates over them are those of what was counted, whoever was started again meanwhile."""

from __future__ import annotations

import random
import time
from itertools import pairwise
from pathlib import Path

from gateways import Server, shardgate
from metrics_proto import CONTENT_TYPE, decode, encode
from formats import scrape_bytes
from test_native_histograms import CREATED, EXEMPLAR, NATIVE, as_queried, family
from prometheus_server import await_that, found, prometheus_server
from wire import Connection

RULES = """
rules:
  - match: '{job="workers"}'
    aggregate:
      without: [instance]
"""
SCRAPE_SECONDS = 1
RUN_SECONDS = 20
SOURCES = 5
PAUSE_SECONDS = 0.02
SERIES = 'done_total{job="workers"}'

Log = list[tuple[float, int]]
"""Moments, and what all sources together had counted by then."""


def test_increase_over_restarts_of_sources_is_what_was_counted(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    with (
        shardgate(tmp_path, f"--rules.file={rules}") as gateway,
        prometheus_server(tmp_path, gateway) as prometheus,
    ):
        # Prometheus does not count the first value of a series that is new to it.
        push(gateway.connect(), 0, 0)
        await_that(lambda: values(prometheus, SERIES), [0], "the first value")
        log = run(gateway)
        await_that(lambda: values(prometheus, SERIES), [log[-1][1]], "the whole total")
        end = log[-1][0]
        for window in (5, 10, 15):
            for before_end in (1, 3):
                at = end - before_end
                counted = by(log, at) - by(log, at - window)
                increase = values(prometheus, f"increase({SERIES}[{window}s] @ {at:.3f})")
                assert len(increase) == 1
                difference = abs(increase[0] - counted)
                assert difference <= most_in(log, SCRAPE_SECONDS), (window, increase, counted)
        assert values(prometheus, f"resets({SERIES}[1m])") == [0], "no restart of a source shows"
        assert len(values(prometheus, '{job="workers",__name__="done_total"}')) == 1


COARSER = {
    "sample_count": 3,
    "sample_sum": 2.0,
    "schema": 2,
    "zero_threshold": 2.0**-128,
    "zero_count": 1,
    "positive_span": [{"offset": 1, "length": 1}],
    "positive_delta": [2],
}


def test_native_histograms_and_exemplars_of_a_sum_outlast_a_restart(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    flags = (f"--rules.file={rules}", f"--persistence.file={tmp_path}/metrics.store")

    def put(gateway: Server, source: str, histogram: object, exemplar: object) -> None:
        counter = {"value": 3.0, "exemplar": exemplar, "created_timestamp": CREATED}
        families = [family("seen_total", "COUNTER", counter, {}), family("took", "HISTOGRAM", histogram, {})]
        headers = [("Content-Type", CONTENT_TYPE)]
        path = f"/metrics/job/workers/instance/{source}"
        answer = gateway.connect().ask("PUT", path, headers, encode(families))
        assert answer.status == 200, answer.body

    def exemplars(gateway: Server) -> list[float]:
        scraped = {one.name: one for one in decode(scrape_bytes(gateway.connect(), CONTENT_TYPE))}
        (counter,) = scraped["seen_total"].metric
        (histogram,) = scraped["took"].metric
        kept = [counter.counter.exemplar, *histogram.histogram.exemplars]
        assert not counter.counter.HasField("created_timestamp")
        return [counter.counter.value, *(one.value for one in kept)]

    older = {**EXEMPLAR, "value": 0.25, "timestamp": {"seconds": 1_600_000_000}}
    width = 2.0 ** (1 / 4)
    # At the coarser of the two schemas; each bucket by its lower bound.
    buckets = {-1 / width: 1.0, 0.0: 3.0, 1 / width: 1.0, 1.0: 6.0, width**2: 3.0}
    buckets = {round(bound, 9): count for bound, count in buckets.items()}
    sum_of_both = [({"job": "workers"}, "14", "20.5", buckets)]
    with shardgate(tmp_path, *flags) as gateway:
        for _ in range(2):
            put(gateway, "a", NATIVE, EXEMPLAR)
            put(gateway, "b", COARSER, older)
        assert exemplars(gateway) == [6.0, 0.75, 0.75], "the newest, whoever pushed last"
    with (
        shardgate(tmp_path, *flags) as gateway,
        prometheus_server(tmp_path, gateway, "--enable-feature=native-histograms") as prometheus,
    ):
        assert exemplars(gateway) == [6.0, 0.75, 0.75]
        await_that(lambda: as_queried(prometheus, "took"), sum_of_both, "both together")
        more = {**COARSER, "sample_count": 5, "zero_count": 3}
        put(gateway, "b", more, older)
        more_buckets = {**buckets, 0.0: 5.0}
        expected = [({"job": "workers"}, "16", "20.5", more_buckets)]
        await_that(lambda: as_queried(prometheus, "took"), expected, "what the source has counted since")
        # A source that was started again.
        put(gateway, "a", {**COARSER, "sample_sum": 1.0}, older)
        more_buckets = {**more_buckets, 0.0: 6.0, 1.0: 8.0}
        expected = [({"job": "workers"}, "19", "21.5", more_buckets)]
        await_that(lambda: as_queried(prometheus, "took"), expected, "both lives of the source")


def run(gateway: Server) -> Log:
    """Several processes count, push every now and then, some pushes twice, and are started again."""
    draw = random.Random(7)
    connection, counts = gateway.connect(), [0] * SOURCES
    total, log = 0, []
    end = time.time() + RUN_SECONDS
    restarts = 0
    while time.time() < end:
        source = draw.randrange(SOURCES)
        if draw.random() < 0.1:
            counts[source] = 0
            restarts += 1
        # A process that counts more than before it was started again cannot be told from one that was not.
        by_now = draw.randint(1, 9)
        if counts[source] == 0:
            push(connection, source, 0)
        counts[source] += by_now
        for _ in range(2 if draw.random() < 0.1 else 1):
            push(connection, source, counts[source])
        total += by_now
        log.append((time.time(), total))
        time.sleep(PAUSE_SECONDS)
    assert restarts > SOURCES
    return log


def push(connection: Connection, source: int, count: int) -> None:
    body = f"# TYPE done_total counter\ndone_total {count}\n".encode()
    path = f"/metrics/job/workers/instance/{source}"
    assert connection.ask("PUT", path, [], body).status == 200


def by(log: Log, moment: float) -> int:
    """What had been counted by then."""
    return max((total for at, total in log if at <= moment), default=0)


def most_in(log: Log, seconds: float) -> int:
    """The most that was counted within so long a time."""
    return max(by(log, at + seconds) - total for at, total in log) + max(
        later - earlier for (_, earlier), (_, later) in pairwise(log)
    )


def values(prometheus: Server, expression: str) -> list[float]:
    return [float(one["value"][1]) for one in found(prometheus, expression)]
