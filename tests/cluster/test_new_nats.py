"""The newest NATS, beside Debian's: it syncs each message to disk (`sync_interval: always`), as Debian's cannot yet."""

from __future__ import annotations

import sys
from pathlib import Path

from load import Load
from replica_set import replica_set
from test_gateway_faults import assert_right

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
