"""A Debian to install into: this machine's, seen through an overlay that keeps what is written apart, with systemd
as its first process and a network of its own. It is gone with the test, and nothing outside of it has changed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BOOT_SECONDS_MAX = 60.0
COMMAND_SECONDS_MAX = 60.0
WAIT_SECONDS_MAX = 30.0

# The services of this machine are no business of the tests: basic.target starts none of them. Debian's images for
# containers forbid that packages start services; a machine does not.
BOOT = """
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1"/upper "$1"/work "$1"/root
mount -t overlay overlay -o lowerdir=/,upperdir="$1"/upper,workdir="$1"/work "$1"/root
rm -f "$1"/root/usr/sbin/policy-rc.d
printf '%032x\\n' $$ >"$1"/root/etc/machine-id
exec systemd-nspawn --quiet --directory="$1"/root --machine=shardgate-$$ --register=no --keep-unit --private-network \
  --link-journal=no --boot systemd.unit=basic.target systemd.mask=timers.target
"""
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


@dataclass(frozen=True)
class Machine:
    """A machine that has booted."""

    first_process: int
    """Of it, as this machine numbers it."""
    root: Path
    """Its files."""
    written: Path
    """Those that are not as they were."""

    def run(self, *command: str, ok: bool = True, into: str = "") -> str:
        """What a command says, on both outputs, that root runs there; with `ok`, it must succeed."""
        entering = ["nsenter", f"--target={self.first_process}", "--all", "--root", "--wd", "--"]
        done = subprocess.run(
            [*entering, *command],
            input=into,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
        assert done.returncode == 0 or not ok, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def shell(self, script: str) -> str:
        return self.run("bash", "-euo", "pipefail", "-c", script)

    def show(self, name: str, unit: str = "shardgate.service") -> str:
        """What systemd says of a unit."""
        return self.run("systemctl", "show", f"--property={name}", "--value", unit).strip()

    def install(self, package: Path) -> str:
        """What dpkg says of a package that it installs."""
        shutil.copy(package, self.root / "root")
        return self.run("dpkg", "--install", f"/root/{package.name}")

    def write(self, path: str, text: str) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def changed(self) -> set[str]:
        """The paths that are not as they were when it booted, but for directories, logs and caches."""
        noise = ("/var/log/", "/var/cache/", "/var/lib/dpkg/", "/run/", "/tmp/", "/var/tmp/")
        found = set()
        for directory, _, names in os.walk(self.written):
            for name in names:
                path = "/" + str((Path(directory) / name).relative_to(self.written))
                if not path.startswith(noise):
                    found.add(path)
        return found


def wait_until(what: str, holds: Callable[[], bool], seconds: float = WAIT_SECONDS_MAX) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)


@contextmanager
def booted(directory: Path) -> Iterator[Machine]:
    """A machine that is there until the block ends. Needs root."""
    at = directory / "machine"
    at.mkdir()
    log = directory / "boot.log"
    boot = ["unshare", "--mount", "--propagation=private", "bash", "-c", BOOT, "boot", str(at)]
    with log.open("wb") as console:
        supervisor = subprocess.Popen(
            boot, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT
        )
    try:
        first = None
        deadline = time.monotonic() + BOOT_SECONDS_MAX
        while first is None or not _has_booted(first):
            assert supervisor.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.05)
            first = _child_named(supervisor.pid, "systemd")
        # The overlay is mounted where only the supervisor sees it.
        mounted = Path(f"/proc/{supervisor.pid}/root{at.resolve()}")
        yield Machine(first, mounted / "root", mounted / "upper")
    finally:
        supervisor.send_signal(signal.SIGTERM)
        try:
            supervisor.wait(BOOT_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()


def _child_named(parent: int, name: str) -> int | None:
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        named = (pid for pid in children if Path(f"/proc/{pid}/comm").read_text() == name + "\n")
        return next((int(pid) for pid in named), None)
    except OSError:
        return None


def _has_booted(first: int) -> bool:
    command = ["nsenter", f"--target={first}", "--all", "--root", "systemctl", "is-active", "basic.target"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
