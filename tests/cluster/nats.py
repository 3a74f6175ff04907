"""Owns the NATS servers of a set: real ones with JetStream on files, each on a host of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ask import Client
from hosts import ISOLATED, Host, Network
from programs import Program, await_that

SERVERS = 3
BINARY = os.environ.get("NATS_SERVER_BIN", "nats-server")
READY_SECONDS_MAX = 90.0
"""A server that begins again is most often current after a second, but now and then finds its leader after 38 s."""
CONFIG = """
server_name: {name}
listen: "{host}:{client}"
http: "{host}:{monitor}"
jetstream {{
  store_dir: "{store}"
  max_memory_store: 64MB
  max_file_store: 2GB
  {sync}
}}
"""
CLUSTER = """
cluster {{
  name: replicas
  listen: "{host}:{route}"
  routes: [{routes}]
}}
"""


@dataclass
class Server:
    """One server, and where it is reached."""

    program: Program
    client: int
    route: int
    monitor: int
    store: Path

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def host(self) -> Host:
        return self.program.host

    @property
    def url(self) -> str:
        return f"nats://{self.host.address}:{self.client}"

    def healthy(self) -> bool:
        """Whether it says that JetStream, too, is as it should be."""
        answer = Client(self.host.address, self.monitor, 1.0).ask("GET", "/healthz")
        return answer is not None and answer.status == 200

    def streams(self) -> list[dict[str, Any]]:
        """What this server knows of each stream."""
        answer = Client(self.host.address, self.monitor, 1.0).ask("GET", "/jsz?streams=true&config=true")
        if answer is None or answer.status != 200:
            return []
        accounts = json.loads(answer.body).get("account_details") or []
        return [stream for account in accounts for stream in account.get("stream_detail") or []]


@dataclass
class Nats:
    """All servers of one NATS cluster."""

    directory: Path
    network: Network
    count: int = SERVERS
    sync: str = ""
    """`always` syncs each message to disk; nothing is JetStream's default of two minutes."""
    binary: str = BINARY
    small: frozenset[int] = frozenset()
    """Servers, counted from 1, whose disk is a small one of its own that a test may fill."""
    servers: list[Server] = field(default_factory=list)

    def __post_init__(self) -> None:
        made = [self._server(number) for number in range(1, self.count + 1)]
        routes = ", ".join(f'"nats://{server.host.address}:{server.route}"' for server in made)
        for server in made:
            text = CONFIG.format(
                name=server.name,
                host=server.host.address,
                client=server.client,
                monitor=server.monitor,
                store=server.store,
                sync=f"sync_interval: {self.sync}" if self.sync else "",
            )
            if self.count > 1:
                text += CLUSTER.format(host=server.host.address, route=server.route, routes=routes)
            (self.directory / f"{server.name}.conf").write_text(text)
        self.servers = made

    def _server(self, number: int) -> Server:
        name = f"nats-{number}"
        host, store = self.network.host(name), self.directory / name
        store.mkdir(parents=True)
        if number in self.small:
            assert ISOLATED, "a small disk needs a mount namespace"
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", store], check=True, timeout=10)
        command = [self.binary, "-c", str(self.directory / f"{name}.conf")]
        program = Program(name, host, command, self.directory / f"{name}.log")
        return Server(program, host.port(4222), host.port(6222), host.port(8222), store)

    @property
    def urls(self) -> list[str]:
        return [server.url for server in self.servers]

    def start(self) -> None:
        """Starts what does not run, and waits until JetStream is there on all of them."""
        for server in self.servers:
            server.program.resume()
            server.program.start()
        await_that(lambda: all(server.healthy() for server in self.servers), "healthy NATS servers", READY_SECONDS_MAX)

    def leader(self, stream: str) -> Server | None:
        """The server that leads the stream, as a majority of the running ones sees it."""
        seen = [
            detail.get("cluster", {}).get("leader", "")
            for server in self.servers
            if server.program.running and not server.program.paused
            for detail in server.streams()
            if detail["name"] == stream
        ]
        leaders = [server for server in self.servers if seen.count(server.name) * 2 > len(seen)]
        return leaders[0] if leaders else None

    def bytes_stored(self, stream: str) -> int:
        """The size of the stream, as its largest copy has it."""
        details = [detail for server in self.servers for detail in server.streams()]
        return max((detail["state"]["bytes"] for detail in details if detail["name"] == stream), default=0)

    def close(self) -> None:
        for server in self.servers:
            server.program.kill()
        for number in self.small:
            subprocess.run(["umount", self.servers[number - 1].store], check=False, timeout=10)


def version() -> str:
    """What the installed server calls itself."""
    if shutil.which("nats-server") is None:
        raise FileNotFoundError("nats-server is not installed: apt install nats-server, or run .ci/cluster")
    done = subprocess.run(["nats-server", "--version"], capture_output=True, text=True, timeout=10, check=True)
    return (done.stdout + done.stderr).strip().rpartition(" ")[2]
