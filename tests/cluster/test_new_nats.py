"""The newest NATS, beside Debian's: it syncs each message to disk (`sync_interval: always`), and can be asked to purge."""

from __future__ import annotations

import sys
from pathlib import Path

from load import Load
from programs import await_that
from replica_set import replica_set
from test_gateway_faults import assert_right
from test_nats_faults import assert_restarts_of_nats_lose_nothing

NEWEST = Path(sys.executable).parent / "nats-server"
"""As requirements.txt installs it."""


def test_a_set_on_the_newest_nats_with_every_message_synced(tmp_path: Path) -> None:
    with replica_set(tmp_path / "set", sync="always", binary=str(NEWEST)) as over, Load(over) as load:
        load.await_acknowledged(100)
        server = over.nats.leader(over.stream)
        assert server is not None
        server.program.kill()
        load.await_acknowledged(50)
        over.start()
        for program in (*(one.program for one in over.nats.servers), *(one.program for one in over.replicas)):
            program.kill()
        over.start()
        load.await_acknowledged(50)
        assert_right(load)


def test_the_newest_nats_keeps_to_a_purge_when_it_starts_again(tmp_path: Path) -> None:
    with replica_set(tmp_path / "set", binary=str(NEWEST)) as over:
        assert_restarts_of_nats_lose_nothing(over, is_purged=True)


def test_the_stream_stays_in_proportion_to_what_is_stored(tmp_path: Path) -> None:
    with replica_set(tmp_path / "set", binary=str(NEWEST)) as three:
        groups, pushes = 10, 1500
        leader = three.leader()
        client = leader.client()
        for number in range(pushes):
            body = "".join(f"wide_{at} {number}\n" for at in range(200)).encode()
            answer = client.ask("PUT", f"/metrics/job/wide/of/{number % groups}", body)
            assert answer is not None and answer.status == 200, answer
        client.close()
        pushed = pushes * 200 * len('wide_100{instance="",job="wide",of="1"} 1000\n')
        # Not at once, but soon: a leader appends what lives again and gives up what is dead before it.
        await_that(lambda: three.nats.bytes_stored(three.stream) < pushed / 4, f"less than a quarter of {pushed} bytes")
        assert len(three.await_same()) == groups * 202
