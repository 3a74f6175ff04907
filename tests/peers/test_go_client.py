"""Go's client_golang, which pushes delimited protobuf unless told otherwise.

The client comes from Debian with all that it needs, so that nothing is fetched to build the program.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from formats import from_protobuf, scrape_bytes, shown
from gateways import REPOSITORY, Server
from metrics_proto import CONTENT_TYPE, decode, labels

SOURCE = Path(__file__).parent / "go"
DEBIAN_GOPATH = "/usr/share/gocode"
GROUPINGS: tuple[dict[str, str], ...] = (
    {},
    {"instance": "node-1:9100"},
    {"path": "/var/tmp", "city": "Zürich", "stage": ""},
)
TRICKY = 'a"b\\c\nd😀'


@pytest.fixture(scope="session")
def program() -> Path:
    """Built once, outside of the sources: in `PEERS_GO_DIR` or under target/."""
    directory = Path(os.environ.get("PEERS_GO_DIR", REPOSITORY / "target" / "peers" / "go"))
    directory.mkdir(parents=True, exist_ok=True)
    built = directory / "push"
    environment = {"GO111MODULE": "off", "GOPATH": DEBIAN_GOPATH, "GOFLAGS": "", "CGO_ENABLED": "0"}
    done = subprocess.run(
        ["go", "build", "-o", built, "."],
        cwd=SOURCE,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return built


def go(program: Path, gateway: Server, verb: str, grouping: dict[str, str]) -> None:
    """The program fails where the client reports any other status than the one it expects."""
    arguments = [f"{name}={value}" for name, value in grouping.items()]
    done = subprocess.run(
        [program, gateway.url, verb, "go_batch", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("grouping", GROUPINGS, ids=str)
def test_go_pushes_adds_and_deletes_a_group(
    gateway: Server, program: Path, grouping: dict[str, str]
) -> None:
    connection = gateway.connect()
    series = {"job": "go_batch", "instance": "", **grouping}
    for verb in ("push", "add"):
        go(program, gateway, verb, grouping)
        text = shown(connection)
        protobuf = from_protobuf(scrape_bytes(connection, CONTENT_TYPE))
        assert protobuf.differences(text) == []
        for name, own, value in [
            ("go_rows_total", {"table": TRICKY}, 5.0),
            ("go_rows_total", {"table": ""}, 2.5),
            ("go_level", {}, -0.25),
            ("go_seconds_bucket", {"le": "0.5"}, 3.0),
            ("go_seconds_bucket", {"le": "1.0"}, 4.0),
            ("go_seconds_bucket", {"le": "inf"}, 6.0),
            ("go_seconds_sum", {}, 1.5),
            ("go_native_seconds_count", {}, 6.0),
            ("go_native_seconds_sum", {}, 1.5),
            ("go_bytes", {"quantile": "0.5"}, 0.25),
            ("go_bytes_count", {}, 6.0),
        ]:
            found = text.samples.get((name, frozenset({**series, **own}.items())))
            assert found == repr(value), (name, own)
        assert text.types["go_rows"] == "counter"
        assert text.types["go_bytes"] == "summary"
        assert text.helps["go_rows"] == 'Rows "handled" \\ done.'

    go(program, gateway, "delete", grouping)
    assert shown(connection).samples == {}


def test_what_only_protobuf_can_say_is_in_the_protobuf_scrape(
    gateway: Server, program: Path
) -> None:
    go(program, gateway, "push", {})
    families = {
        family.name: family.metric
        for family in decode(scrape_bytes(gateway.connect(), CONTENT_TYPE))
    }
    (native,) = families["go_native_seconds"]
    assert labels(native) == {"instance": "", "job": "go_batch"}
    histogram = native.histogram
    assert (histogram.schema, histogram.sample_count, histogram.zero_count) == (0, 6, 1)
    assert _buckets(histogram.positive_span, histogram.positive_delta) == {-2: 1, 0: 1, 2: 2}
    assert _buckets(histogram.negative_span, histogram.negative_delta) == {3: 1}

    exemplars = {labels(row)["table"]: row.counter.exemplar for row in families["go_rows_total"]}
    assert exemplars[""].value == 2.5
    assert labels(exemplars[""]) == {"trace_id": "0af7"}
    assert not exemplars[TRICKY].label


def _buckets(spans: Any, deltas: Any) -> dict[int, int]:
    """The observations in each bucket that has any, by its index."""
    buckets: dict[int, int] = {}
    index, value, values = 0, 0, iter(deltas)
    for span in spans:
        index += span.offset
        for _ in range(span.length):
            value += next(values)
            buckets[index] = value
            index += 1
    assert next(values, None) is None
    return {index: value for index, value in buckets.items() if value}
