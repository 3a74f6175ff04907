"""Owns a replica set as a user runs it: NATS servers, gateways, and HAProxy in front with the shipped configuration."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ask import Answer, Client
from gateways import REPOSITORY, free_port, shardgate_binary
from hosts import Host, Network
from nats import BINARY, Nats
from programs import Program, await_that

REPLICAS = 3
READY_SECONDS_MAX = 40.0
SAME_SECONDS_MAX = 30.0
"""Within that, a follower that has lost its place in the stream has found it again."""
LEASE_SECONDS = float(os.environ.get("CLUSTER_LEASE", "1"))
"""Short, so that tests wait less. The default of the gateway is 3 s, for machines that have more to do."""
SYNC = os.environ.get("CLUSTER_SYNC", "")
"""`always` for NATS 2.10 and newer: the servers sync each message to disk."""
SPREADS = os.environ.get("CLUSTER_SPREAD", "") == "1"
"""Whether the proxy sends pushes to each replica in turn, so that followers pass most of them on, and not to the leader."""
HAPROXY = REPOSITORY / "packaging" / "haproxy" / "replicas.cfg"
NEEDS_ROOT = re.compile(r"^    (log|option httplog|chroot|user|group|stats socket)\b.*\n", re.MULTILINE)
TO_LEADER = re.compile(r"^    use-server .*\n", re.MULTILINE)
SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


@dataclass
class Replica:
    """One gateway of the set."""

    program: Program
    port: int

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def host(self) -> Host:
        return self.program.host

    @property
    def url(self) -> str:
        return f"http://{self.host.address}:{self.port}"

    def client(self, seconds_max: float = 5.0) -> Client:
        return Client(self.host.address, self.port, seconds_max)

    def ask(self, method: str, path: str, body: bytes | None = None, seconds_max: float = 5.0) -> Answer | None:
        """One request over a connection of its own; `None` if nothing answers."""
        client = self.client(seconds_max)
        try:
            return client.ask(method, path, body, {"Connection": "close"})
        finally:
            client.close()

    def ready(self) -> bool:
        answer = self.ask("GET", "/-/ready", seconds_max=2.0)
        return answer is not None and answer.status == 200

    def metric(self, name: str, labels: str = "") -> float | None:
        """One of its own metrics."""
        answer = self.ask("GET", "/-/metrics", seconds_max=2.0)
        if answer is None or answer.status != 200:
            return None
        found = [value for at, of, value in SAMPLE.findall(answer.text) if at == name and labels in of]
        return float(found[0]) if found else None

    def leads(self) -> bool:
        return self.metric("shardgate_cluster_role", 'role="leading"') == 1

    def scrape(self) -> str:
        """A scrape. A leader serves none while NATS is slower than its lease, so this asks again for a while."""
        answers: list[Answer | None] = []

        def shown() -> bool:
            answers[:] = [self.ask("GET", "/metrics")]
            return answers[0] is not None and answers[0].status == 200

        try:
            await_that(shown, f"{self.name} serves a scrape", SAME_SECONDS_MAX)
        except AssertionError as late:
            raise AssertionError(f"{late}: {answers}\n{self.program.tail()}") from None
        assert answers[0] is not None
        return answers[0].text

    def groups(self) -> set[str]:
        """The lines of its scrape that come from pushes."""
        return {line for line in self.scrape().splitlines() if "job=" in line}


@dataclass
class ReplicaSet:
    """Gateways that hold the same groups. `proxy` is where clients push and Prometheus scrapes."""

    directory: Path
    nats: Nats
    network: Network
    name: str = "shardgate"
    count: int = REPLICAS
    flags: tuple[str, ...] = ()
    spreads: bool = SPREADS
    replicas: list[Replica] = field(default_factory=list)
    proxy: Client = field(init=False)
    _haproxy: Program = field(init=False)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.secret = self.directory / "secret"
        self.secret.write_text(secrets.token_hex(32) + "\n")
        self.secret.chmod(0o600)
        self.replicas = [self._replica(number) for number in range(1, self.count + 1)]
        listen = Host("outside", "127.0.0.1")
        port = free_port()
        config = self.directory / "haproxy.cfg"
        config.write_text(self._proxy_config(port, free_port()))
        self._haproxy = Program("haproxy", listen, ["haproxy", "-f", str(config)], self.directory / "haproxy.log")
        # Longer than anything behind it takes to say that it cannot.
        self.proxy = Client("127.0.0.1", port, 70.0)

    def _replica(self, number: int) -> Replica:
        name = f"{self.name}-{number}"
        host = self.network.host(name)
        port = host.port(9091)
        command = [
            shardgate_binary(),
            f"--web.listen-address={host.address}:{port}",
            *(f"--cluster.nats={url}" for url in self.nats.urls),
            f"--cluster.name={self.name}",
            f"--cluster.replicas={3 if self.nats.count >= 3 else 1}",
            f"--cluster.advertise=http://{host.address}:{port}",
            f"--cluster.secret-file={self.secret}",
            f"--cluster.lease={LEASE_SECONDS:g}s",
            "--web.enable-admin-api",
            "--shards=1",
            *self.flags,
        ]
        return Replica(Program(name, host, command, self.directory / f"{name}.log"), port)

    def _proxy_config(self, port: int, statistics: int) -> str:
        """The shipped configuration without what needs root, with the addresses of these replicas."""
        text = NEEDS_ROOT.sub("", HAPROXY.read_text())
        if self.spreads:
            text, found = TO_LEADER.subn("", text)
            assert found == self.count, f"{HAPROXY} prefers no leader"
        text = text.replace("bind :9091", f"bind 127.0.0.1:{port}").replace("127.0.0.1:8404", f"127.0.0.1:{statistics}")
        for number, replica in enumerate(self.replicas, start=1):
            text, found = re.subn(rf"127\.0\.0\.1:910{number}\b", replica.url.removeprefix("http://"), text)
            assert found, f"{HAPROXY} names no replica {number}"
        return text

    @property
    def stream(self) -> str:
        return f"SHARDGATE_{self.name}"

    @property
    def proxy_url(self) -> str:
        return f"http://{self.proxy.address}:{self.proxy.port}"

    def start(self) -> None:
        """Starts what does not run, ends what a test has broken, and waits until all replicas are ready."""
        self.network.heal()
        self.nats.start()
        for replica in self.replicas:
            replica.program.resume()
            replica.program.start()
        self._haproxy.start()
        self.await_ready()
        await_that(lambda: self._through_proxy() == 200, f"the proxy answers\n{self._haproxy.tail()}")

    def _through_proxy(self) -> int:
        answer = self.proxy.ask("GET", "/-/ready")
        return 0 if answer is None else answer.status

    def await_ready(self, *replicas: Replica) -> float:
        """Waits until these, or all, are ready; how long that took."""
        wanted = replicas or tuple(self.replicas)
        missing: list[Replica] = []

        def ready() -> bool:
            missing[:] = [replica for replica in wanted if not replica.ready()]
            return not missing

        try:
            return await_that(ready, "replicas are ready", READY_SECONDS_MAX)
        except AssertionError as late:
            told = [f"{one.name}: {one.ask('GET', '/-/ready')}\n{one.program.tail()}" for one in missing]
            raise AssertionError("\n".join([str(late), *told])) from None

    def leader(self) -> Replica:
        """The replica that leads, once one does."""
        found: list[Replica] = []

        def leads() -> bool:
            running = [one for one in self.replicas if one.program.running and not one.program.paused]
            found[:] = [replica for replica in running if replica.leads()]
            return len(found) == 1

        await_that(leads, f"exactly one replica leads, not {[one.name for one in found]}")
        return found[0]

    def followers(self) -> list[Replica]:
        leader = self.leader()
        return [replica for replica in self.replicas if replica is not leader]

    def push(self, job: str, value: float, name: str = "some_metric") -> Answer | None:
        """A push through the proxy."""
        return self.proxy.ask("PUT", f"/metrics/job/{job}", f"{name} {value}\n".encode())

    def await_same(self) -> set[str]:
        """Waits until every replica shows the same groups; what they show."""
        answers: list[Answer | None] = []
        shown: list[set[str]] = []

        def same() -> bool:
            answers[:] = [replica.ask("GET", "/metrics") for replica in self.replicas]
            if not all(answer is not None and answer.status == 200 for answer in answers):
                return False
            shown[:] = [{line for line in answer.text.splitlines() if "job=" in line} for answer in answers if answer]
            return all(one == shown[0] for one in shown)

        try:
            await_that(same, "all replicas show the same groups", SAME_SECONDS_MAX)
        except AssertionError as late:
            told = [
                f"{replica.name} at {replica.metric('shardgate_cluster_position')}: "
                + (f"{len(lines)} lines, {sorted(lines ^ shown[0])[:4]}" if len(shown) == len(answers) else str(answer))
                for replica, answer, lines in zip(self.replicas, answers, shown or [set()] * len(answers), strict=True)
            ]
            raise AssertionError("\n".join([str(late), *told])) from None
        return shown[0]

    def wipe(self) -> None:
        """Leaves nothing stored, for the next test."""
        answer = self.proxy.ask("PUT", "/api/v1/admin/wipe")
        assert answer is not None and answer.status == 202, f"{answer} {self.proxy.failure}"
        await_that(lambda: not any(replica.groups() for replica in self.replicas), "the wipe is everywhere")

    def close(self) -> None:
        if hasattr(self, "_haproxy"):
            self._haproxy.kill()
        self.proxy.close()
        for replica in self.replicas:
            replica.program.kill()


@contextmanager
def replica_set(
    directory: Path,
    *flags: str,
    sync: str = SYNC,
    small: frozenset[int] = frozenset(),
    servers: int = 3,
    binary: str = BINARY,
    spreads: bool = SPREADS,
) -> Iterator[ReplicaSet]:
    """A started set with NATS servers of its own."""
    network = Network()
    try:
        nats = Nats(directory, network, servers, sync, binary, small)
        try:
            started = ReplicaSet(directory, nats, network, flags=flags, spreads=spreads)
            try:
                started.start()
                yield started
            finally:
                started.close()
        finally:
            nats.close()
    finally:
        network.close()


def exported(command: list[str]) -> str:
    """What a command of the program prints."""
    done = subprocess.run([shardgate_binary(), *command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
