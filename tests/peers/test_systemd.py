"""Sockets that systemd hands over: its own socket activation, and file descriptors as it passes them."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateways import START_SECONDS_MAX, STOP_SECONDS_MAX, free_port, shardgate_binary

HEALTHY = b"GET /-/healthy HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


@contextmanager
def handed(*sockets: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """A gateway that gets these sockets from descriptor 3 on."""
    moves = "".join(f" {3 + at}<&{s.fileno()}" for at, s in enumerate(sockets))
    shell = f"export LISTEN_PID=$$ LISTEN_FDS={len(sockets)}; exec \"$@\"{moves}"
    process = subprocess.Popen(
        ["bash", "-c", shell, "bash", shardgate_binary(), "--web.systemd-socket"],
        pass_fds=[s.fileno() for s in sockets],
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=STOP_SECONDS_MAX)


def high(bound: socket.socket) -> socket.socket:
    """The socket under a descriptor that the gateway's do not overwrite."""
    moved = socket.socket(fileno=fcntl.fcntl(bound.fileno(), fcntl.F_DUPFD, 50))
    bound.close()
    return moved


def answer(connected: socket.socket) -> bytes:
    connected.settimeout(START_SECONDS_MAX)
    with connected:
        connected.sendall(HEALTHY)
        return b"".join(iter(lambda: connected.recv(4096), b""))


def unix_client(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return client


def test_tcp_and_unix_sockets_are_taken_by_their_family(tmp_path: Path) -> None:
    tcp = high(socket.create_server(("127.0.0.1", 0)))
    path = tmp_path / "handed.sock"
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(path))
    unix.listen()
    unix = high(unix)
    with handed(tcp, unix) as gateway:
        assert answer(socket.create_connection(tcp.getsockname())).startswith(b"HTTP/1.1 200")
        assert answer(unix_client(path)).startswith(b"HTTP/1.1 200")
        gateway.terminate()
        assert gateway.wait(STOP_SECONDS_MAX) == 0
    assert path.exists(), "the file is systemd's"


def test_what_cannot_be_accepted_from_is_refused() -> None:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    connected, _other = socket.socketpair()
    for bad, reason in [(datagrams, b"no stream"), (connected, b"Accept=no")]:
        with handed(high(bad)) as gateway:
            _, log = gateway.communicate(timeout=START_SECONDS_MAX)
            assert gateway.returncode != 0
            assert b"--web.systemd-socket" in log and reason in log, log


def test_a_service_is_started_by_its_first_connection() -> None:
    """With systemd's own activation: nothing runs until somebody connects."""
    if shutil.which("systemd-socket-activate") is None:
        raise FileNotFoundError("systemd-socket-activate is not installed")
    port = free_port()
    command = ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", shardgate_binary()]
    activator = subprocess.Popen([*command, "--web.systemd-socket"], stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                client = socket.create_connection(("127.0.0.1", port))
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        assert answer(client).startswith(b"HTTP/1.1 200")
        assert os.readlink(f"/proc/{activator.pid}/exe").endswith("shardgate")
    finally:
        activator.terminate()
        activator.communicate(timeout=STOP_SECONDS_MAX)
