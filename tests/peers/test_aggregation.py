"""Sums seen by a real Prometheus: rates over them are those of what was counted, whoever was started again meanwhile."""

from __future__ import annotations

import random
import time
from itertools import pairwise
from pathlib import Path

from gateways import Server, shardgate
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
