"""A gateway with a web configuration file, and curl as its client."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateways import Server, free_port, running, shardgate_binary

SECONDS_MAX = 30
SEEN_SECONDS_MAX = 10.0


@dataclass(frozen=True)
class Curl:
    """What curl said and was answered."""

    exit: int
    status: int
    body: str
    trace: str


def curl(server: Server, path: str, *words: str, scheme: str = "https") -> Curl:
    """Asks for `path`; an exit of 0 means that there was an answer, whatever its status."""
    url = f"{scheme}://127.0.0.1:{server.port}{path}"
    done = subprocess.run(
        ["curl", "-sv", "-m", "20", "-w", "\n%{http_code}", *words, url],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    body, _, status = done.stdout.rpartition("\n")
    return Curl(done.returncode, int(status or 0), body, done.stderr)


def command(config: Path, port: int, *flags: str) -> list[str]:
    listen = f"--web.listen-address=127.0.0.1:{port}"
    return [shardgate_binary(), f"--web.config.file={config}", listen, *flags]


def config_of(server: Server) -> Path:
    """Its web configuration file."""
    return server.log.parent / f"web-{server.port}.yml"


@contextmanager
def secure(directory: Path, config: str, *flags: str) -> Iterator[Server]:
    """A gateway with this web configuration, in `config_of` it."""
    port = free_port()
    path = directory / f"web-{port}.yml"
    path.write_text(config)
    with running("shardgate", command(path, port, *flags), port, None, directory) as server:
        yield server


def refused(directory: Path, config: str) -> str:
    """The one line with which a gateway and `check` refuse this configuration."""
    path = directory / "refused.yml"
    path.write_text(config)
    lines = []
    for words in (command(path, 0), [shardgate_binary(), "check", "web-config", str(path)]):
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
        )
        assert done.returncode == 1, f"{config}: {done}"
        lines.append([line for line in done.stderr.splitlines() if not line.startswith("ts=")])
    assert lines[0] == lines[1] and len(lines[0]) == 1, lines
    line: str = lines[0][0]
    assert line.startswith("shardgate: error: "), line
    return line


def eventually(ask: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SEEN_SECONDS_MAX
    while not ask():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
