"""One state in every format that a scrape may ask for: all say the same, and say what was pushed.

Read by prometheus_client's parsers (the one of OpenMetrics is strict), by the schema of protobuf, and
by promtool.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest

from formats import OPEN_METRICS, READERS, TEXT, Shown, from_text, scrape_bytes, shown
from gateways import Server, shardgate
from metrics_proto import CONTENT_TYPE as PROTOBUF
from wire import Connection

PROMTOOL_ACCEPTS = (0, 3)
"""Well-formed, or well-formed with warnings about names."""
LARGE_GROUPS, LARGE_SAMPLES = 40, 60
LARGE_BYTES_MIN = 64 << 10
"""What fits a page of one family."""
GROUPS = {
    "/metrics/job/plain": {"job": "plain"},
    "/metrics/job/on_a_node/instance/node-1:9100": {"job": "on_a_node", "instance": "node-1:9100"},
    "/metrics/job/in/city/Z%C3%BCrich/path@base64/L3Zhci90bXA": {
        "job": "in",
        "city": "Zürich",
        "path": "/var/tmp",
    },
    "/metrics/job@base64/4pyFICJvayIK/quoted/%22a%5C": {"job": '✅ "ok"\n', "quoted": '"a\\'},
}
"""Grouping labels by path."""
PATHS = tuple(GROUPS)
EVERY_KIND = r"""
# HELP rows_total Rows, "quoted", with a \\ and a line\nthat ends.
# TYPE rows_total counter
rows_total{table="a\"b\\c\nd"} %(n)d
rows_total{table="😀, {le=\"1\"} # é"} 1e+300
rows_total{table=""} +Inf
# TYPE bare counter
bare 0.1
# HELP level \\n is no line end
# TYPE level gauge
level{v="nan"} NaN
level{v="inf"} +Inf
level{v="-inf"} -Inf
level{v="tiny"} 5e-324
level{v="huge"} -1.7976931348623157e+308
level{v="long"} 0.30000000000000004
level{v="whole"} 9007199254740993
level %(n)d
anything{a="1",B="2",_c="3"} -1e-05
anything{le="1",quantile="0.5"} 2
# TYPE pause_seconds summary
pause_seconds{gc="x",quantile="0"} 0
pause_seconds{gc="x",quantile="0.99"} NaN
pause_seconds{gc="x",quantile="1"} %(n)d
pause_seconds_sum{gc="x"} 1e-07
pause_seconds_count{gc="x"} 12345678
pause_seconds_sum 0
pause_seconds_count 0
# TYPE run_seconds histogram
run_seconds_bucket{le="0.005"} 0
run_seconds_bucket{le="1"} 3
run_seconds_bucket{le="2.5"} 3
run_seconds_bucket{le="1e+06"} 10000000
run_seconds_bucket{le="+Inf"} 10000001
run_seconds_sum %(n)d.5
run_seconds_count 10000001
run_seconds_bucket{x="y",le="+Inf"} 1
run_seconds_sum{x="y"} 1
run_seconds_count{x="y"} 1
# TYPE queued gaugehistogram
queued_bucket{le="-1"} 1
queued_bucket{le="10"} %(n)d
queued_bucket{le="+Inf"} %(n)d
queued_sum -20.5
queued_count %(n)d
# TYPE name:with:colons gauge
name:with:colons 1
"""
FLOAT_COUNTS = """
# TYPE share histogram
share_bucket{le="1"} 0.25
share_bucket{le="2"} 3
share_bucket{le="+Inf"} 4.5
share_sum 5.5
share_count 4.5
# TYPE share_now gaugehistogram
share_now_bucket{le="1"} 0.5
share_now_bucket{le="+Inf"} 1.5
share_now_sum 1
share_now_count 1.5
"""

UTF8_NAMES = """
# HELP "http.latency" Seconds
# TYPE "http.latency" histogram
{"http.latency_bucket","route.name"="/a",le="1"} 2
{"http.latency_bucket","route.name"="/a",le="+Inf"} 3
{"http.latency_sum","route.name"="/a"} 4
{"http.latency_count","route.name"="/a"} 3
# TYPE "größe" gauge
{"größe",plain="x"} 1
"""
ESCAPED = {
    "allow-utf-8": ("http.latency", "größe", "route.name"),
    "underscores": ("http_latency", "gr__e", "route_name"),
    "dots": ("http_dot_latency", "gr____e", "route_dot_name"),
    "values": ("U__http_2e_latency", "U__gr_f6__df_e", "U__route_2e_name"),
}
"""The names that a scraper sees, by the escaping it asks for."""


@dataclass
class Pushed:
    """A gateway and what it has to show."""

    connection: Connection
    groups: dict[str, str] = field(default_factory=dict)
    groupings: dict[str, dict[str, str]] = field(default_factory=dict)

    def put(self, path: str, body: str, grouping: dict[str, str]) -> None:
        answer = self.connection.ask("PUT", path, body=body.encode())
        assert answer.status == 200, answer.body
        self.groups[path], self.groupings[path] = body, grouping

    def put_every_kind(self, path: str, number: int) -> None:
        self.put(path, EVERY_KIND % {"n": number}, GROUPS[path])

    def put_large(self, group: int, value: float) -> None:
        lines = (f'large{{sample="{n}"}} {value + n}\n' for n in range(LARGE_SAMPLES))
        body = "# TYPE large gauge\n" + "".join(lines)
        grouping = {"job": "large", "instance": f"node-{group:04}.example.org:9100"}
        self.put(f"/metrics/job/large/instance/{grouping['instance']}", body, grouping)

    def delete(self, path: str) -> None:
        assert self.connection.ask("DELETE", path).status == 202
        del self.groups[path]

    def expected(self) -> Shown:
        """By the same reader of text, with the labels of each group added here."""
        everything = Shown()
        for path, body in self.groups.items():
            grouping = {"instance": "", **self.groupings[path]}
            of_group = from_text(body, grouping)
            everything.types.update(of_group.types)
            everything.helps.update(of_group.helps)
            everything.samples.update(of_group.samples)
        return everything

    def check(self, accepts: tuple[str, ...] = tuple(READERS)) -> None:
        """Each format says what was pushed; the push times are the same in all."""
        expected = self.expected()
        times = set()
        for accept in accepts:
            found = shown(self.connection, accept)
            times.add(str(sorted(_take_push_times(found).items())))
            assert found.differences(expected.as_in(accept)) == [], accept
        assert len(times) == 1
        _check_by_promtool(scrape_bytes(self.connection))


def _take_push_times(found: Shown) -> dict[str, str]:
    taken = {}
    for name in ("push_time_seconds", "push_failure_time_seconds"):
        for part in (found.types, found.helps):
            part.pop(name)
        for series in [series for series in found.samples if series[0] == name]:
            taken[f"{name}{sorted(series[1])}"] = found.samples.pop(series)
    return taken


def _check_by_promtool(text: bytes) -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60, check=False
    )
    assert checked.returncode in PROMTOOL_ACCEPTS, checked.stderr.decode()


@pytest.fixture
def pushed(tmp_path: Path) -> Iterator[Pushed]:
    with shardgate(tmp_path, "--web.enable-openmetrics") as server:
        yield Pushed(server.connect())


def test_every_format_says_what_was_pushed_before_and_after_changes(pushed: Pushed) -> None:
    for number, path in enumerate(PATHS):
        pushed.put_every_kind(path, number + 2)
    for group in range(LARGE_GROUPS):
        pushed.put_large(group, group / 8)
    pushed.put("/metrics/job/small", "small 1\n", {"job": "small"})
    assert len(scrape_bytes(pushed.connection, target="/metrics?name[]=large")) > LARGE_BYTES_MIN
    pushed.check()
    pushed.check()

    pushed.put_every_kind(PATHS[1], 1 << 53)
    pushed.delete(PATHS[2])
    pushed.put_large(LARGE_GROUPS // 2, -0.5)
    pushed.put_large(LARGE_GROUPS, 1e10)
    pushed.put("/metrics/job/small", "other 2\n", {"job": "small"})
    pushed.check()

    for group in range(LARGE_GROUPS + 1):
        pushed.put_large(group, group / 4 + 1)
    pushed.check()


def test_counts_that_are_not_whole_are_the_same_in_text_and_protobuf(pushed: Pushed) -> None:
    pushed.put("/metrics/job/floats", FLOAT_COUNTS, {"job": "floats"})
    pushed.check((TEXT, PROTOBUF))


def test_a_counter_whose_name_is_taken_in_open_metrics_keeps_its_samples(pushed: Pushed) -> None:
    body = "# TYPE files gauge\nfiles 1\n# TYPE files_total counter\nfiles_total 2\n"
    pushed.put("/metrics/job/clash", body, {"job": "clash"})
    pushed.check((TEXT, PROTOBUF))
    found = shown(pushed.connection, OPEN_METRICS)
    assert found.types["files"] == "gauge"
    assert found.types["files_total"] == "unknown"
    assert found.samples.items() >= pushed.expected().samples.items()


@pytest.mark.parametrize("escaping", ESCAPED)
def test_names_of_any_text_are_the_same_in_every_format(tmp_path: Path, escaping: str) -> None:
    latency, size, route = ESCAPED[escaping]
    with shardgate(tmp_path, "--web.enable-openmetrics", "--push.enable-utf8-names") as server:
        pushed = Pushed(server.connect())
        pushed.put("/metrics/job/names", UTF8_NAMES, {"job": "names"})
        for accept in READERS:
            found = shown(pushed.connection, f"{accept}; escaping={escaping}")
            _take_push_times(found)
            assert found.types == {latency: "histogram", size: "gauge"}, accept
            assert found.helps == {latency: "Seconds", size: ""}
            grouping = {"job": "names", "instance": ""}
            parts = {"_bucket": {"le": "1.0"}, "_sum": {}, "_count": {}}
            for part, label in parts.items():
                series = f"{latency}{part}", frozenset({**grouping, route: "/a", **label}.items())
                assert series in found.samples, accept
            assert found.samples[size, frozenset({**grouping, "plain": "x"}.items())] == "1.0"


def test_a_scrape_pushed_back_as_protobuf_says_the_same(pushed: Pushed, gateway: Server) -> None:
    for number, path in enumerate(PATHS[1:]):
        pushed.put_every_kind(path, number + 2)
    pushed.put(PATHS[0], FLOAT_COUNTS, GROUPS[PATHS[0]])
    again = gateway.connect()
    for path, grouping in GROUPS.items():
        of_job = f"/metrics?{urlencode({'job': grouping['job']})}"
        stream = scrape_bytes(pushed.connection, PROTOBUF, of_job)
        answer = again.ask("PUT", path, [("Content-Type", PROTOBUF)], stream)
        assert answer.status == 200, answer.body
    for accept in (TEXT, PROTOBUF):
        found, expected = shown(again, accept), shown(pushed.connection, accept)
        assert _take_push_times(found) and _take_push_times(expected)
        assert found.differences(expected) == []
