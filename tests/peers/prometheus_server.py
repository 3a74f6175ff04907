"""Owns the Prometheus that scrapes the gateway every second, and what is asked of it."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gateways import Server, free_port, running

SEEN_SECONDS_MAX = 30.0
GLOBAL = """
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
"""
SCRAPE = """
  - job_name: {name}
    honor_labels: true
    static_configs:
      - targets: ["127.0.0.1:{port}"]
    params: {params}
"""

Series = dict[frozenset[tuple[str, str]], str]
Parameters = dict[str, list[str]]


@contextmanager
def prometheus_server(
    directory: Path,
    gateway: Server,
    *flags: str,
    scrapes: Mapping[str, Parameters] = MappingProxyType({"gateway": {}}),
) -> Iterator[Server]:
    """`scrapes`: names, and what each asks of the gateway."""
    jobs = (
        SCRAPE.format(name=name, port=gateway.port, params=json.dumps(params))
        for name, params in scrapes.items()
    )
    with configured(directory, GLOBAL + "".join(jobs), *flags) as server:
        yield server


@contextmanager
def configured(directory: Path, text: str, *flags: str) -> Iterator[Server]:
    """One with this configuration."""
    config, port = directory / "prometheus.yml", free_port()
    config.write_text(text)
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        *flags,
    ]
    with running("prometheus", command, port, "/-/ready", directory) as server:
        yield server


def series(name: str, value: str, **labels: str) -> Series:
    return {frozenset({"__name__": name, **labels}.items()): value}


def found(prometheus: Server, expression: str) -> list[dict[str, Any]]:
    """What the query API answers, series by series."""
    url = f"{prometheus.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        results: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return results


def query(prometheus: Server, expression: str) -> Series:
    """The value of each series that the expression finds, by its labels."""
    results = found(prometheus, expression)
    return {frozenset(one["metric"].items()): one["value"][1] for one in results}


def await_series(prometheus: Server, expression: str, expected: Series) -> None:
    """Polls until the expression finds exactly these series with these values."""
    await_that(lambda: query(prometheus, expression), expected, expression)


def await_that(ask: Callable[[], Any], expected: Any, what: str) -> None:
    """Polls until the answer is the expected one."""
    deadline = time.monotonic() + SEEN_SECONDS_MAX
    while (answer := ask()) != expected:
        assert time.monotonic() < deadline, f"{what}: {answer} instead of {expected}"
        time.sleep(0.1)


def await_target_up(prometheus: Server, gateway: Server) -> None:
    target = {"job": "gateway", "instance": f"127.0.0.1:{gateway.port}"}
    await_series(prometheus, "up", series("up", "1", **target))
