"""Scrapes of a selection: by job, by family, by part; and a real Prometheus configured to ask for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from formats import OPEN_METRICS, TEXT, from_text, scrape_bytes, shown
from gateways import Server, shardgate
from metrics_proto import CONTENT_TYPE as PROTOBUF
from prometheus_server import Series, await_series, prometheus_server, query, series
from wire import Connection

GROUPS, JOBS, PARTS = 60, 4, 3


def push(connection: Connection, path: str, text: str) -> None:
    answer = connection.ask("PUT", f"/metrics/job/{path}", body=text.encode())
    assert answer.status == 200, answer.body


def push_groups(connection: Connection) -> None:
    for group in range(GROUPS):
        text = f"rows {group}\n# TYPE seconds histogram\nseconds_sum {group}\nseconds_count 1\n"
        push(connection, f"job_{group % JOBS}/instance/{group}", text + f"only_{group} 1\n")


@pytest.mark.parametrize("accept", [TEXT, OPEN_METRICS, PROTOBUF], ids=lambda a: a.split(";")[0])
def test_the_parts_are_disjoint_and_add_up_to_the_whole(tmp_path: Path, accept: str) -> None:
    with shardgate(tmp_path, "--web.enable-openmetrics") as gateway:
        connection = gateway.connect()
        push_groups(connection)
        for _ in range(2):
            whole = shown(connection, accept).samples
            parts = [
                shown(connection, accept, f"/metrics?shard={part}/{PARTS}").samples
                for part in range(PARTS)
            ]
            assert sum(map(len, parts)) == len(whole)
            assert {series: value for part in parts for series, value in part.items()} == whole
            for part in parts:
                assert part, "groups are spread"
            push(connection, "job_0/instance/0", "rows 1e9\n")


def test_the_gateways_own_metrics_are_in_the_first_part_only(gateway: Server) -> None:
    for part in range(PARTS):
        text = scrape_bytes(gateway.connect(), target=f"/metrics?shard={part}/{PARTS}")
        assert (b"\npushgateway_build_info{" in text) == (part == 0)


def test_jobs_and_families_are_selected_in_every_combination(gateway: Server) -> None:
    connection = gateway.connect()
    push_groups(connection)
    whole = shown(connection).samples
    for jobs, names in [
        (("job_1",), ()),
        (("job_1", "job_3"), ("rows",)),
        ((), ("rows", "seconds")),
    ]:
        query = "&".join([f"job={job}" for job in jobs] + [f"name[]={name}" for name in names])
        expected = {
            (name, labels): value
            for (name, labels), value in whole.items()
            if (not jobs or dict(labels)["job"] in jobs)
            and (not names or name.split("_")[0] in names)
        }
        text = scrape_bytes(connection, target=f"/metrics?{query}")
        assert from_text(text.decode()).samples == expected
        assert b"pushgateway_" not in text


SCRAPES = {
    "one_family_of_a_job": {"name[]": ["rows"], "job": ["job_0"]},
    "a_job": {"job": ["job_1"]},
    "half_of_a_job": {"job": ["job_2"], "shard": ["0/2"]},
    "its_other_half": {"job": ["job_2"], "shard": ["1/2"]},
}


def test_prometheus_stores_what_it_is_configured_to_ask_for(
    gateway: Server, tmp_path: Path
) -> None:
    push_groups(gateway.connect())

    def values(name: str, value: str, jobs: tuple[int, ...]) -> Series:
        """By groups of these jobs; `value` is a template of a group's number."""
        found: Series = {}
        for group in range(GROUPS):
            if group % JOBS in jobs:
                labels = {"job": f"job_{group % JOBS}", "instance": str(group)}
                found |= series(name, value.format(group), **labels)
        return found

    with prometheus_server(tmp_path, gateway, scrapes=SCRAPES) as prometheus:
        await_series(prometheus, "count(up == 1)", {frozenset(): str(len(SCRAPES))})
        assert query(prometheus, "rows") == values("rows", "{}", (0, 1, 2))
        assert query(prometheus, "seconds_count") == values("seconds_count", "1", (1, 2))
        assert query(prometheus, "only_0") == {}
        assert query(prometheus, "pushgateway_build_info") == {}
