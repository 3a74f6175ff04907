"""Fixtures: one replica set for all tests that leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import nats
from hosts import ISOLATED
from replica_set import ReplicaSet, replica_set


def pytest_report_header() -> str:
    where = "in namespaces of its own" if ISOLATED else "NOT ISOLATED: partitions and full disks are skipped"
    return f"replica sets: nats-server {nats.version()}, {where}"


needs_namespaces = pytest.mark.skipif(
    not ISOLATED, reason="NOT TESTED: no namespaces are permitted here (tests/cluster/isolated)"
)


@pytest.fixture(name="shared", scope="session")
def one_set_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    with replica_set(tmp_path_factory.mktemp("set")) as started:
        yield started


@pytest.fixture(name="three")
def three_replicas(shared: ReplicaSet) -> Iterator[ReplicaSet]:
    """A whole set that holds nothing."""
    shared.start()
    shared.wipe()
    yield shared
    shared.network.heal()
