"""Groups that expire, seen by a real Prometheus."""

from __future__ import annotations

import time
from pathlib import Path

from gateways import Server, shardgate
from prometheus_server import SCRAPE, await_series, await_that, configured, found, series

SCRAPE_SECONDS = 3
RULES = """
rules:
  - match: '{job=~"held-.*"}'
    expire: 1
    hold_until_scraped: 1m
"""
GLOBAL = f"""
global:
  scrape_interval: {SCRAPE_SECONDS}s
  scrape_timeout: 1s
scrape_configs:
"""
JOBS = 5


def test_a_job_that_pushed_between_two_scrapes_and_expired_is_seen_once(tmp_path: Path) -> None:
    """Without holding, most of these groups would be gone before the next scrape."""
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    with shardgate(tmp_path, f"--rules.file={rules}") as gateway:
        scrape = SCRAPE.format(name="gateway", port=gateway.port, params="{}")
        with configured(tmp_path, GLOBAL + scrape) as prometheus:
            target = {"job": "gateway", "instance": f"127.0.0.1:{gateway.port}"}
            await_series(prometheus, "up", series("up", "1", **target))
            for job in range(JOBS):
                push(gateway, f"held-{job}")
                time.sleep(SCRAPE_SECONDS / JOBS)
            groups = 'sum(shardgate_job_groups{job=~"held-.*"})'
            await_that(lambda: values(prometheus, groups), [0], "groups left")
            seen = values(prometheus, 'count_over_time(m{job=~"held-.*"}[5m])')
            assert len(seen) == JOBS and all(1 <= count <= 2 for count in seen), seen
            silent = "shardgate_job_last_push_time_seconds"
            assert len(values(prometheus, silent)) == JOBS, "the jobs outlive their groups"


def push(gateway: Server, job: str) -> None:
    assert gateway.connect().ask("PUT", f"/metrics/job/{job}", [], b"m 1\n").status == 200


def values(prometheus: Server, expression: str) -> list[float]:
    return [float(one["value"][1]) for one in found(prometheus, expression)]
