"""A bounded number of random faults under verified load; `faults.py` makes as many as one likes."""

from __future__ import annotations

import os
from pathlib import Path

import faults
from hosts import Network
from load import Load, Standing, marks
from nats import Nats
from replica_set import Replica, ReplicaSet, replica_set

COUNT = int(os.environ.get("CLUSTER_FAULTS", "6"))
SEED = int(os.environ.get("CLUSTER_SEED", "1"))


def test_random_faults_lose_nothing(three: ReplicaSet) -> None:
    report = faults.run(three, COUNT, SEED, print)
    print(report)
    assert report.verdict.groups > 0 and not report.verdict.faults, report


def test_random_faults_lose_nothing_that_followers_pass_on(tmp_path: Path) -> None:
    with replica_set(tmp_path, spreads=True) as over:
        report = faults.run(over, COUNT, SEED + 1, print)
    print(report)
    assert report.verdict.groups > 0 and not report.verdict.faults, report


class Strangers(ReplicaSet):
    """Gateways that know nothing of each other, behind the proxy of a set."""

    def _replica(self, number: int) -> Replica:
        replica = super()._replica(number)
        replica.program.command = [word for word in replica.program.command if not word.startswith("--cluster.")]
        return replica

    def await_same(self) -> set[str]:
        return set()


def test_the_verifier_finds_that_gateways_are_no_set(tmp_path: Path) -> None:
    network = Network()
    strangers = Strangers(tmp_path, Nats(tmp_path, network, 0), network, spreads=True)
    try:
        strangers.start()
        with Load(strangers) as load:
            load.await_acknowledged(300)
            verdict = load.verdict()
        assert verdict.faults["lost"] and verdict.faults["stale"] and verdict.faults["resurrected"], verdict
    finally:
        strangers.close()
        network.close()


def test_the_verifier_notices_what_it_must() -> None:
    standing = Standing(number=7, acknowledged=5, shown=True, doubts={6: True}, rejected={7})
    assert standing.fault({5}) is None and standing.fault({6}) is None
    assert standing.fault(set()) == "lost"
    assert standing.fault({4}) == "stale"
    assert standing.fault({7}) == "phantom" and standing.fault({8}) == "phantom"
    assert standing.fault({5, 6}) == "half applied"
    deleted = Standing(number=7, acknowledged=7, shown=False)
    assert deleted.fault(set()) is None and deleted.fault({6}) == "resurrected"
    perhaps_deleted = Standing(number=2, acknowledged=1, shown=True, doubts={2: False})
    assert perhaps_deleted.fault(set()) is None and perhaps_deleted.fault({1}) is None
    standing.acknowledge(8, is_push=True)
    assert standing.was_acknowledged(8, standing.acknowledged_at[8] + 1.0)
    assert not standing.was_acknowledged(8, standing.acknowledged_at[8]) and not standing.was_acknowledged(6, 1e9)
    line = '{instance="",job="load",of="w0_1"}'
    text = f"mark_first{line} 3\nmark_second{line} 3\n"
    assert marks(text + f"mark_third{line} 3\n") == {"w0_1": {3}} and marks(text) == {"w0_1": {0, 3}}
