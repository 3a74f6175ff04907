"""Several gateways behind HAProxy, with the configuration that is shipped but for ports and what needs root."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from gateways import REPOSITORY, Server, free_port, running, shardgate_binary

PACKAGING = REPOSITORY / "packaging"
NEEDS_ROOT = re.compile(r"^    (log|option httplog|chroot|user|group|stats socket)\b.*\n", re.MULTILINE)
RELOAD_SECONDS_MAX = 10.0
MEMORY = Path("/dev/shm")
"""For the gateways' files: a process that is killed loses nothing that it has written, whatever the disk does."""

Group = frozenset[tuple[str, str]]


def substituted(text: str, ports: dict[int, int]) -> str:
    """A shipped file with other ports."""
    return re.sub(r":(\d{4})\b", lambda found: f":{ports.get(int(found[1]), found[1])}", text)


def groups_on(gateway: Server) -> list[Group]:
    answer = gateway.connect().ask("GET", "/api/v1/groups")
    assert answer.status == 200, answer
    return [frozenset(group["labels"].items()) for group in json.loads(answer.body)["data"]["groups"]]


@dataclass
class Fleet:
    """Gateways by the names that the proxy has for them, each with a file of its own."""

    directory: Path
    flags: tuple[str, ...] = ()
    gateways: dict[str, Server] = field(default_factory=dict)
    proxy: Server = field(init=False)
    ports: dict[int, int] = field(default_factory=lambda: {port: free_port() for port in (9091, 8404)})
    """What stands for a port of the shipped files."""
    _files: TemporaryDirectory[str] = field(default_factory=lambda: TemporaryDirectory(dir=MEMORY))
    _processes: dict[str, ExitStack] = field(default_factory=dict)

    def start(self, number: int) -> Server:
        """The gateway of this number; on its port and with its file, if it has run before."""
        name, port = f"gateway-{number}", self.ports.setdefault(9100 + number, free_port())
        address = f"--web.listen-address=127.0.0.1:{port}"
        file = f"--persistence.file={self._files.name}/{name}"
        flags = [address, file, "--web.enable-admin-api", "--shards=1", *self.flags]
        stack = self._processes[name] = ExitStack()
        server = stack.enter_context(running(name, [shardgate_binary(), *flags], port, "/-/ready", self.directory))
        self.gateways[name] = server
        return server

    def kill(self, name: str) -> None:
        os.kill(self.gateways[name].pid, signal.SIGKILL)
        self._processes.pop(name).close()

    @property
    def config(self) -> Path:
        return self.directory / "haproxy.cfg"

    def reload(self) -> None:
        """Has the proxy take its changed configuration, and waits until the worker before is gone."""
        before = set(self._workers())
        os.kill(self.proxy.pid, signal.SIGUSR2)
        deadline = time.monotonic() + RELOAD_SECONDS_MAX
        while not (workers := set(self._workers())) or workers & before:
            assert time.monotonic() < deadline, self.proxy.log.read_text()
            time.sleep(0.02)

    def _workers(self) -> list[str]:
        pid = self.proxy.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def owner(self, job: str) -> str:
        """Where the proxy sends pushes to this job."""
        path = f"/metrics/job/{urllib.parse.quote(job, safe='')}"
        return self.proxy.connect().ask("OPTIONS", path).headers["x-gateway"]

    def owners(self) -> dict[Group, list[str]]:
        """The gateways that hold each group."""
        owners: dict[Group, list[str]] = {}
        for name, gateway in self.gateways.items():
            for group in groups_on(gateway):
                owners.setdefault(group, []).append(name)
        return owners

    def close(self) -> None:
        for process in self._processes.values():
            process.close()
        self._files.cleanup()


@contextmanager
def fleet(directory: Path, *flags: str) -> Iterator[Fleet]:
    """Three gateways behind a proxy."""
    started = Fleet(directory, flags)
    try:
        for number in (1, 2, 3):
            started.start(number)
        shipped = NEEDS_ROOT.sub("", (PACKAGING / "haproxy" / "haproxy.cfg").read_text())
        started.config.write_text(substituted(shipped, started.ports))
        command = ["haproxy", "-W", "-f", str(started.config)]
        with running("haproxy", command, started.ports[9091], "/-/ready", directory) as proxy:
            started.proxy = proxy
            yield started
    finally:
        started.close()
