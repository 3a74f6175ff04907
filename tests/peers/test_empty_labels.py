"""What Prometheus makes of series that differ only in labels with an empty value, as it scrapes each gateway.

Of two such series it keeps one, without a word. So shardgate takes one of the two, and Prometheus has what it stores.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

from gateways import Server, pushgateway
from prometheus_server import await_that, found, prometheus_server

BODIES = {
    "gauge": "# TYPE gauge gauge\ngauge{{{labels}}} 1\n",
    "histogram": "# TYPE histogram histogram\n"
    'histogram_bucket{{{labels}le="1"}} 1\nhistogram_count{{{labels}}} 1\n',
    "summary": '# TYPE summary summary\nsummary{{{labels}quantile="0.5"}} 1\n',
}
PAIRS = (
    (("/y/1", ""), ("", 'y="1",zone="",')),
    (("/y/1", 'zone="",'), ("", 'y="1",')),
    (("/y/1/zone@base64/=", ""), ("", 'y="1",')),
    (("", ""), ("/zone@base64/=", 'zone="own",')),
)


def pushes() -> list[list[tuple[str, bytes]]]:
    """Each pair of each type in both orders, in a job of its own: path and body of both."""
    made = []
    for (kind, body), (at, pair), order in product(BODIES.items(), enumerate(PAIRS), (1, -1)):
        job = f"/metrics/job/{kind}-{at}-{'forth' if order > 0 else 'back'}"
        made.append([(job + path, body.format(labels=own).encode()) for path, own in pair[::order]])
    return made


def push_all(gateway: Server) -> list[tuple[int, int]]:
    """The two statuses of each pair."""
    connection = gateway.connect()
    put = lambda push: connection.ask("PUT", push[0], [], push[1]).status  # noqa: E731
    return [(put(first), put(second)) for first, second in pushes()]


def samples_of_jobs(gateway: Server) -> int:
    scrape = gateway.connect().ask("GET", "/metrics").body
    return sum(b'job="' in line for line in scrape.splitlines())


COUNT = 'count({job=~".+-.+"})'
"""Of the jobs above, by the hyphens in their names."""


def test_prometheus_stores_as_many_series_as_shardgate_does(gateway: Server, tmp_path: Path) -> None:
    assert set(push_all(gateway)) == {(200, 400)}
    in_body = b'# TYPE gauge gauge\ngauge{x=""} 1\ngauge 2\n'
    answer = gateway.connect().ask("PUT", "/metrics/job/in-body", [], in_body)
    assert answer.status == 400 and b'"x" has an empty value' in answer.body
    with prometheus_server(tmp_path, gateway) as prometheus:
        await_that(lambda: counted(prometheus), [samples_of_jobs(gateway)], COUNT)


def test_prometheus_stores_fewer_series_than_the_pushgateway_does(tmp_path: Path) -> None:
    with pushgateway(tmp_path) as reference:
        assert set(push_all(reference)) == {(200, 200)}
        shown = samples_of_jobs(reference)
        with prometheus_server(tmp_path, reference) as prometheus:
            await_that(lambda: [0 < count < shown for count in counted(prometheus)], [True], COUNT)


def counted(prometheus: Server) -> list[float]:
    return [float(one["value"][1]) for one in found(prometheus, COUNT)]
