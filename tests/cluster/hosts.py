"""Owns the hosts that programs run on: network namespaces on one bridge, or the loopback where none are permitted.

A cut between two hosts drops every packet without a word, in both directions, as a broken switch does.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateways import free_port

ISOLATED = bool(os.environ.get("CLUSTER_ISOLATED"))
"""Whether this process is in namespaces of its own (`isolated`)."""
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
SUBNETS = itertools.count(WORKER * 50)
"""Each network has one of its own, so that sets of several tests can run at a time, in several workers, too."""
NOBODY = "02:00:00:00:00:01"
"""No interface has this hardware address."""


@dataclass(frozen=True)
class Host:
    """Where a program runs."""

    name: str
    address: str
    enter: tuple[str, ...] = ()
    """What comes before a command that is to run there."""

    def port(self, usual: int) -> int:
        """The port of a service: the usual one where the host has an address of its own."""
        return usual if self.enter else free_port()


@dataclass
class Network:
    """All hosts, and which of them cannot reach each other."""

    cuts: set[tuple[str, str]] = field(default_factory=set)
    number: int = field(default_factory=lambda: next(SUBNETS))
    _hosts: dict[str, Host] = field(default_factory=dict)

    def host(self, name: str) -> Host:
        """The host of this name, which is made if it is not there."""
        if name not in self._hosts:
            self._hosts[name] = self._made(name) if ISOLATED else Host(name, "127.0.0.1")
        return self._hosts[name]

    def _made(self, name: str) -> Host:
        if not self._hosts:
            _ip("link", "add", self._bridge, "type", "bridge")
            _ip("addr", "add", f"10.77.{self.number}.1/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
        address, link = f"10.77.{self.number}.{10 + len(self._hosts)}", f"{self._bridge}-{len(self._hosts)}"
        inside = self._namespace(name)
        _ip("netns", "add", inside)
        _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", inside)
        _ip("link", "set", link, "master", self._bridge, "up")
        _ip("-n", inside, "link", "set", "lo", "up")
        _ip("-n", inside, "link", "set", "eth0", "up")
        _ip("-n", inside, "addr", "add", f"{address}/24", "dev", "eth0")
        return Host(name, address, ("ip", "netns", "exec", inside))

    @property
    def _bridge(self) -> str:
        return f"hosts{self.number}"

    def _namespace(self, name: str) -> str:
        return f"{self.number}-{name}"

    def cut(self, some: Iterable[Host], others: Iterable[Host]) -> None:
        """No packet gets from some to the others, nor back."""
        assert ISOLATED, "only hosts in namespaces can be cut off"
        for one, other in itertools.product(some, others):
            if (one.name, other.name) not in self.cuts:
                self.cuts.add((one.name, other.name))
                self._forget(one, other)
                self._forget(other, one)

    def heal(self) -> None:
        """Every host reaches every other again."""
        for one, other in self.cuts:
            for here, there in ((one, other), (other, one)):
                _ip("-n", self._namespace(here), "neigh", "del", self._hosts[there].address, "dev", "eth0")
        self.cuts.clear()

    def close(self) -> None:
        for name in list(self._hosts) if ISOLATED else []:
            _ip("netns", "del", self._namespace(name))
        if ISOLATED and self._hosts:
            _ip("link", "del", self._bridge)
        self._hosts.clear()

    def _forget(self, here: Host, there: Host) -> None:
        """Has one host send what is for the other to nobody."""
        inside = self._namespace(here.name)
        _ip("-n", inside, "neigh", "replace", there.address, "lladdr", NOBODY, "nud", "permanent", "dev", "eth0")


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
