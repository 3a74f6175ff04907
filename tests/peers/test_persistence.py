"""The file that the real Pushgateway writes is refused by its name, and left as it is."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from gateways import free_port, running, shardgate_binary

SECONDS_MAX = 10.0
REASON = "one of the Pushgateway, whose format is another"


@pytest.fixture
def reference_file(tmp_path: Path) -> Path:
    """What a Pushgateway has written, with a group in it."""
    file = tmp_path / "pushgateway.store"
    port = free_port()
    flags = [f"--web.listen-address=127.0.0.1:{port}", f"--persistence.file={file}"]
    command = ["prometheus-pushgateway", *flags, "--persistence.interval=1s"]
    with running("pushgateway", command, port, "/-/ready", tmp_path) as server:
        body = b"# TYPE m counter\nm 1\n"
        assert server.connect().ask("PUT", "/metrics/job/a/instance/b", [], body).status == 200
        deadline = time.monotonic() + SECONDS_MAX
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert file.stat().st_size > 0
    return file


def ended(*words: str) -> tuple[int, list[str]]:
    """The exit code of a shardgate that ends by itself, and its standard error without the log."""
    done = subprocess.run(
        [shardgate_binary(), *words], capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    return done.returncode, [line for line in done.stderr.splitlines() if not line.startswith("ts=")]


def test_the_file_of_a_pushgateway_is_refused_and_left_as_it_is(reference_file: Path) -> None:
    written = reference_file.read_bytes()
    code, errors = ended("--web.listen-address=127.0.0.1:0", f"--persistence.file={reference_file}")
    assert code != 0 and len(errors) == 1, errors
    assert str(reference_file) in errors[0] and REASON in errors[0]
    for command in ("check", "export"):
        code, errors = ended("store", command, str(reference_file))
        assert code == 1 and len(errors) == 1 and REASON in errors[0], errors
    assert reference_file.read_bytes() == written
