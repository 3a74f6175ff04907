"""Groups that move: from one gateway into a set, out of the stream, and back to one gateway with a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateways import shardgate
from nats import Nats
from replica_set import ReplicaSet, exported

GROUPS = 50


def lines(text: str) -> set[str]:
    """The samples of an exposition with the push times, which an import keeps."""
    return {line for line in text.splitlines() if 'job="moved"' in line}


@pytest.mark.parametrize("through", ["the leader", "a follower", "the proxy"])
def test_groups_of_one_gateway_are_imported_into_a_set(three: ReplicaSet, tmp_path: Path, through: str) -> None:
    to = {"the leader": three.leader().url, "a follower": three.followers()[0].url, "the proxy": three.proxy_url}[through]
    with shardgate(tmp_path) as one:
        connection = one.connect()
        for at in range(GROUPS):
            pushed = connection.ask("PUT", f"/metrics/job/moved/at/{at}", [], b"one 1\ntwo 2\n")
            assert pushed.status == 200, pushed
        before = lines(connection.ask("GET", "/metrics").body.decode())
        exported(["import", "--from", one.url, "--to", to])
    assert len(before) == GROUPS * 4
    assert lines("\n".join(three.await_same())) == before


def test_a_stream_is_exported_and_goes_back_to_one_gateway_with_a_file(three: ReplicaSet, tmp_path: Path) -> None:
    for at in range(GROUPS):
        answer = three.proxy.ask("PUT", f"/metrics/job/moved/at/{at}", b"one 1\ntwo 2\n")
        assert answer is not None and answer.status == 200, answer
    shown = lines("\n".join(three.await_same()))
    text = exported(["store", "export", *nats_flags(three.nats), f"--cluster.name={three.name}"])
    assert text.count("# PUT /metrics/job/moved") == GROUPS, text[:500]
    with shardgate(tmp_path, f"--persistence.file={tmp_path / 'metrics.store'}") as one:
        exported(["import", "--from", three.proxy_url, "--to", one.url])
        assert lines(one.connect().ask("GET", "/metrics").body.decode()) == shown


def nats_flags(nats: Nats) -> list[str]:
    return [f"--cluster.nats={url}" for url in nats.urls]
