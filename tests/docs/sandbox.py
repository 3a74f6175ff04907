"""Where the blocks of one page run: a directory, programs, and ports of their own.

What the manual says of the machine is mapped into it: ports 9090 to 9109 of any host to free ones of
the loopback, /etc, /run, /tmp and /var/lib to folders of the directory. Gateways are started in the
background, and end the one that listened there before (`bin/`).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateways import REPOSITORY, free_port, loadtest_binary, shardgate_binary

HERE = Path(__file__).parent
FROM_THE_REPOSITORY = ("packaging", "profiles")
"""What commands of the manual take from there, by names from its root."""
NODE_MODULES = REPOSITORY / "target" / "peers" / "node" / "node_modules"
DEBIAN_GOPATH = "/usr/share/gocode"
BLOCK_SECONDS_MAX = 180
STOP_SECONDS_MAX = 10.0
USUAL_PORT = "9091"
ADDRESS = re.compile(r"(?P<host>[\w.-]*|\[::1?\]):(?P<port>9(?:09|10)\d)\b")
FOLDER = re.compile(r"(?<![\w./-])/(?P<path>(?:etc(?!/ssl)|run|tmp|var/lib)/(?:[\w.-]+/)*)(?=\w)")
BUILT = re.compile(r"(?:\./)?target/(?:release|ci|debug)/(?=(?:shardgate|loadtest)\b)|/usr(?:/local)?/bin/(?=shardgate\b)")
CARGO_RUN = re.compile(r"\bcargo run --release(?: --(?= ))?")


@dataclass(frozen=True)
class Done:
    """How a program ended, and what it printed."""

    status: int
    output: str
    """Its standard output; with `merged` its errors in between, as they came."""
    errors: str = ""


@dataclass
class Sandbox:
    """Where the blocks of one page run."""

    directory: Path
    ports: dict[str, int] = field(default_factory=dict)

    def mapped(self, text: str) -> str:
        """The text as it is meant here."""
        text = CARGO_RUN.sub("shardgate", BUILT.sub("", text))
        text = ADDRESS.sub(lambda found: f"127.0.0.1:{self.port(found['port'])}", text)
        return FOLDER.sub(lambda found: f"{self._folder(found['path'])}/", text)

    def port(self, named: str) -> int:
        """The port that stands for the one that the page names."""
        return self.ports.setdefault(named, free_port())

    def file(self, name: str) -> Path:
        """Where a file of that name is; its folder is made."""
        path = self.directory / self.mapped(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def run(self, *command: str | Path, merged: bool = False) -> Done:
        """Runs a program to its end, in the directory."""
        said, complained = self.directory / ".output", self.directory / ".errors"
        with said.open("wb") as output, complained.open("wb") as errors:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                env={**os.environ, **self._environment()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if merged else errors,
                start_new_session=True,
            )
            try:
                status = process.wait(BLOCK_SECONDS_MAX)
                note = ""
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                status = process.wait(STOP_SECONDS_MAX)
                note = f"\n(not over after {BLOCK_SECONDS_MAX} s)"
        return Done(
            status,
            said.read_text(errors="replace"),
            complained.read_text(errors="replace") + note,
        )

    def _environment(self) -> dict[str, str]:
        own = [str(HERE / "bin"), str(Path(sys.executable).parent)]
        return {
            "PATH": ":".join([*own, os.environ["PATH"]]),
            "HOME": str(self.directory),
            "GOCACHE": os.environ.get("GOCACHE", str(Path.home() / ".cache" / "go-build")),
            "GO111MODULE": "off",
            "GOPATH": DEBIAN_GOPATH,
            "GOFLAGS": "",
            "MANUAL_SHARDGATE": shardgate_binary(),
            "MANUAL_LOADTEST": loadtest_binary(),
            "MANUAL_ADDRESS": f"127.0.0.1:{self.port(USUAL_PORT)}",
            "MANUAL_PIDS": str(self._pids),
        }

    def _folder(self, path: str) -> Path:
        folder = self.directory / ".root" / path
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def _pids(self) -> Path:
        return self.directory / ".pids"

    def serve(self) -> None:
        """Sees to it that there is a gateway, as one starts without flags unless the page has started another."""
        if not any(self._pids.iterdir()):
            started = self.run("shardgate")
            if started.status != 0:
                raise RuntimeError(f"the gateway did not start:\n{started.errors}")

    def stop(self) -> None:
        """Ends the gateways that the page has started."""
        pids = [int(file.read_text()) for file in self._pids.glob("*.pid")]
        for pid in pids:
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while any(map(_is_alive, pids)) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in pids:
            _signal(pid, signal.SIGKILL)


@contextmanager
def sandbox(directory: Path) -> Iterator[Sandbox]:
    """A sandbox, until the block ends."""
    made = Sandbox(directory)
    (directory / ".pids").mkdir(parents=True)
    if NODE_MODULES.is_dir():
        (directory / "node_modules").symlink_to(NODE_MODULES)
    for name in FROM_THE_REPOSITORY:
        (directory / name).symlink_to(REPOSITORY / name)
    try:
        yield made
    finally:
        made.stop()


def _signal(pid: int, number: signal.Signals) -> None:
    if _is_alive(pid):
        os.kill(pid, number)


def _is_alive(pid: int) -> bool:
    """Whether it runs; what has ended may still wait for a parent that asks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
