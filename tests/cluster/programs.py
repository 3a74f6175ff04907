"""Owns one program that is started, ended, killed, paused and started again as often as a test likes. By its pid alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hosts import Host

STOP_SECONDS_MAX = 20.0
WAIT_SECONDS_MAX = 40.0
POLL_SECONDS = 0.05


def await_that(condition: Callable[[], bool], what: str, seconds_max: float = WAIT_SECONDS_MAX) -> float:
    """Waits until the condition holds; how long that took."""
    since = time.monotonic()
    while not condition():
        assert time.monotonic() - since < seconds_max, f"not within {seconds_max} s: {what}"
        time.sleep(POLL_SECONDS)
    return time.monotonic() - since


@dataclass
class Program:
    """A command on a host, and the process that runs it, if one does."""

    name: str
    host: Host
    command: list[str]
    log: Path
    paused: bool = False
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    def start(self) -> None:
        """Starts it, unless it runs. Who needs it ready waits for that."""
        if self.running:
            return
        if shutil.which(self.command[0]) is None:
            raise FileNotFoundError(f"{self.name}: {self.command[0]} is not installed or not built")
        with self.log.open("ab") as output:
            # `ip netns exec` becomes the command, so the pid is that of the command.
            self._process = subprocess.Popen(
                [*self.host.enter, *self.command], stdout=output, stderr=subprocess.STDOUT, cwd=self.log.parent
            )
        self.paused = False

    def kill(self) -> None:
        """Ends it as a crash does."""
        self._end(signal.SIGKILL)

    def terminate(self) -> float:
        """Asks it to end, and waits for that; how long it took."""
        return self._end(signal.SIGTERM)

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        if self.running and self.paused:
            os.kill(self.pid, signal.SIGCONT)
        self.paused = False

    def _end(self, number: signal.Signals) -> float:
        if not self.running or self._process is None:
            return 0.0
        since = time.monotonic()
        self._process.send_signal(number)
        self.resume()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_SECONDS_MAX)
            raise AssertionError(f"{self.name} did not end within {STOP_SECONDS_MAX} s:\n{self.tail()}") from None
        return time.monotonic() - since

    def tail(self, lines: int = 20) -> str:
        """What it said last."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""
