"""More load than there can be, for a while: the gateway stays alive, loses nothing that it has acknowledged, and
is soon what it was."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateways import REPOSITORY, free_port, loadtest_binary, running, shardgate_binary
from wire import Connection, NoAnswer

LOAD_SECONDS = 10
RECOVERY_SECONDS_MAX = 5.0
HEALTHY_SECONDS_MAX = 5.0
RESIDENT_BYTES_MAX = 512 << 20


@dataclass
class Probe:
    """Asks for `/-/healthy` each 100 ms, on a connection of its own each time."""

    port: int
    statuses: list[int | str] = field(default_factory=list)
    slowest: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.over.wait(0.1):
            since = time.monotonic()
            connection = Connection(self.port)
            try:
                self.statuses.append(connection.ask("GET", "/-/healthy").status)
            except NoAnswer as failure:
                self.statuses.append(str(failure))
            finally:
                connection.close()
            self.slowest = max(self.slowest, time.monotonic() - since)


def load(port: int, *flags: str) -> dict[str, Any]:
    profile = str(REPOSITORY / "profiles" / "batch-job.toml")
    target = ["--profile", profile, "--target", f"http://127.0.0.1:{port}", "--warmup", "100ms"]
    command = [loadtest_binary(), "run", "--json", *target, "--prefill=false", *flags]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.stdout, ended.stderr
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def resident(pid: int, key: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{key}:")[1].split()[0]) << 10


def listener(port: int) -> int:
    """The process that was started on this port: the only child whose command names it."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    named = [int(pid) for pid in children if f":{port}\0" in Path(f"/proc/{pid}/cmdline").read_text()]
    assert len(named) == 1, named
    return named[0]


def test_twice_the_load_is_survived(tmp_path: Path) -> None:
    port = free_port()
    command = [shardgate_binary(), f"--web.listen-address=127.0.0.1:{port}"]
    with running("shardgate", command, port, "/-/ready", tmp_path):
        closed = load(port, "--connections", "64", "--duration", "2s")
        rate = 2 * closed["pushes_per_second"]
    with running("shardgate", command, port, "/-/ready", tmp_path):
        pid = listener(port)
        probe = Probe(port)
        thread = threading.Thread(target=probe.run)
        thread.start()
        try:
            report = load(
                port, "--rate", f"{rate:.0f}", "--connections", "512", "--duration", f"{LOAD_SECONDS}s", "--verify"
            )
            since = time.monotonic()
            while load(port, "--rate", "200", "--connections", "8", "--duration", "500ms")["latency_seconds"]["p99"] > 0.1:
                assert time.monotonic() - since < RECOVERY_SECONDS_MAX, "still slow"
        finally:
            probe.over.set()
            thread.join()
        assert report["successes"] > 0 and report["sent_late"] > 0, "it was too much"
        verified = report["verified"]
        assert [verified[kind] for kind in ("lost", "stale", "phantom", "half_applied")] == [0] * 4, verified
        assert len(probe.statuses) > 10 and set(probe.statuses) == {200}, probe.statuses
        assert probe.slowest < HEALTHY_SECONDS_MAX, probe.slowest
        assert resident(pid, "VmHWM") < RESIDENT_BYTES_MAX, resident(pid, "VmHWM")
