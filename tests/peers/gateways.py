"""Owns the processes the tests talk to: started on a free loopback port, waited for, stopped by pid.

A program that is missing or does not become ready is an error, never a reason to skip.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wire import Connection, NoAnswer

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 20.0
STOP_SECONDS_MAX = 10.0


@dataclass(frozen=True)
class Server:
    """A running program: where it listens and what it says."""

    name: str
    port: int
    log: Path
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> Connection:
        return Connection(self.port)


def shardgate_binary() -> str:
    """The gateway under test: `SHARDGATE_BIN`, else the release build of this repository."""
    return os.environ.get("SHARDGATE_BIN", str(REPOSITORY / "target" / "release" / "shardgate"))


def loadtest_binary() -> str:
    """The load tester: `LOADTEST_BIN`, else the release build of this repository."""
    return os.environ.get("LOADTEST_BIN", str(REPOSITORY / "target" / "release" / "loadtest"))


@contextmanager
def shardgate(directory: Path, *flags: str, prefix: str = "") -> Iterator[Server]:
    command = [shardgate_binary(), *flags]
    with _gateway("shardgate", command, directory, prefix) as server:
        yield server


@contextmanager
def pushgateway(directory: Path, prefix: str = "") -> Iterator[Server]:
    """The reference, as Debian packages it: its default would persist to a system path."""
    command = ["prometheus-pushgateway", "--persistence.file="]
    with _gateway("pushgateway", command, directory, prefix) as server:
        yield server


@contextmanager
def _gateway(
    name: str, command: Sequence[str], directory: Path, prefix: str
) -> Iterator[Server]:
    port = free_port()
    flags = [f"--web.listen-address=127.0.0.1:{port}", "--web.enable-admin-api"]
    if prefix:
        flags.append(f"--web.route-prefix={prefix}")
    with running(name, [*command, *flags], port, f"{prefix}/-/ready", directory) as server:
        yield server


@contextmanager
def running(
    name: str, command: Sequence[str], port: int, ready_path: str | None, directory: Path
) -> Iterator[Server]:
    """Runs `command` until the block ends; enters the block once `ready_path` answers 200, or, where
    that cannot be asked, once there is a listener."""
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(f"{name}: {command[0]} is not installed or not built")
    log = directory / f"{name}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=directory)
        try:
            _wait_until_ready(name, process, port, ready_path, log)
            yield Server(name, port, log, process.pid)
        finally:
            _stop(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(
    name: str, process: subprocess.Popen[bytes], port: int, path: str | None, log: Path
) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{name} exited with {process.returncode}:\n{log.read_text()}")
        try:
            if path is None:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            if Connection(port).ask("GET", path).status == 200:
                return
        except (NoAnswer, ConnectionRefusedError):
            pass
        time.sleep(0.02)
    raise TimeoutError(f"{name} was not ready after {START_SECONDS_MAX} s:\n{log.read_text()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS_MAX)
