"""A real Prometheus that scrapes a set through HAProxy sees one target that is up, whatever becomes of the leader."""

from __future__ import annotations

import time
from pathlib import Path

from load import Load
from prometheus_server import configured, found, query
from programs import await_that
from replica_set import ReplicaSet

CONFIG = """
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: shardgate
    honor_labels: true
    static_configs:
      - targets: ["127.0.0.1:{proxy}"]
"""


def test_the_target_is_up_and_no_sample_is_out_of_order(three: ReplicaSet, tmp_path: Path) -> None:
    with Load(three) as load, configured(tmp_path, CONFIG.format(proxy=three.proxy.port)) as prometheus:
        await_that(lambda: bool(found(prometheus, 'count(mark_first{job="load"}) > 10')), "samples of the load")
        for _ in range(2):
            leader = three.leader()
            leader.program.kill()
            load.await_acknowledged(50)
            three.start()
        for replica in sorted(three.replicas, key=lambda one: one.leads()):
            replica.program.terminate()
            replica.program.start()
            three.await_ready(replica)
        time.sleep(2.0)
        # Scrapes go to one replica while that is ready; the one that was killed must cost none.
        up = query(prometheus, "min_over_time(up[5m])")
        scrapes = query(prometheus, "count_over_time(up[5m])")
        print(f"scrapes: {list(scrapes.values())}, lowest `up`: {list(up.values())}")
        assert list(up.values()) == ["1"], up
        assert not load.verdict().faults
        said = prometheus.log.read_text()
        assert "out of order" not in said.lower() and "out-of-order" not in said.lower(), said
        assert "duplicate" not in said.lower(), said
