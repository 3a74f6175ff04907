"""Pushes that are refused before their body has been read, and what real clients show of that."""

from __future__ import annotations

import http.client
import os
import ssl
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from certificates import self_signed
from gateways import REPOSITORY, Server, free_port, running, shardgate_binary

SECONDS_MAX = 300
SOURCE = Path(__file__).parent / "go_refusals"
BODIES = {"small": 200, "medium": 100_000, "large": 3_000_000}
# By version. Over HTTP/2 a large body may be reset once its time is over, which httpx does not stand.
SIZES = {1: ("small", "medium", "large"), 2: ("small", "medium")}
# Of the password "secret".
USER = "basic_auth_users: { pusher: $2b$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u }\n"


@dataclass(frozen=True)
class Refusal:
    """How a gateway comes to answer a push with this status."""

    status: int
    path: str = "/metrics/job/a"
    config: str = ""
    policy: str = ""
    flags: tuple[str, ...] = ()
    is_full: bool = False


REFUSALS = (
    Refusal(401, config=USER),
    Refusal(403, policy="default: { scrape: true }\n"),
    Refusal(404, path="/nothing"),
    Refusal(400, path="/metrics/job/a/odd"),
    Refusal(413, flags=("--push.max-body-bytes=100",)),
    Refusal(429, config="rate_limit: { interval: 1h, burst: 1 }\n"),
    Refusal(503, flags=("--web.max-connections=1",), is_full=True),
)


@contextmanager
def refusing(directory: Path, refusal: Refusal) -> Iterator[Server]:
    """A gateway over TLS that refuses so."""
    pair = self_signed(directory, "server")
    config = directory / "web.yml"
    tls = f"tls_server_config: {{ cert_file: {pair.cert}, key_file: {pair.key} }}\n"
    config.write_text(tls + refusal.config)
    port = free_port()
    listen = f"--web.listen-address=127.0.0.1:{port}"
    command = [shardgate_binary(), f"--web.config.file={config}", listen, *refusal.flags]
    if refusal.policy:
        policy = directory / "policy.yml"
        policy.write_text(refusal.policy)
        command.append(f"--auth.policy-file={policy}")
    with ExitStack() as until:
        server = until.enter_context(running("shardgate", command, port, None, directory))
        if refusal.status == 429:
            connect(server).close()
        if refusal.is_full:
            until.callback(connect(server).close)
        yield server


def connect(server: Server) -> http.client.HTTPSConnection:
    """A connection that has been served once and is kept: it takes a place among those of --web.max-connections."""
    context = ssl._create_unverified_context()
    while True:
        where = ("127.0.0.1", server.port)
        connection = http.client.HTTPSConnection(*where, context=context, timeout=20)
        connection.request("GET", "/-/healthy")
        answer = connection.getresponse()
        answer.read()
        if not answer.will_close:
            return connection
        connection.close()  # The place was taken by the one that waited for the start.


def url(server: Server, refusal: Refusal) -> str:
    return f"https://127.0.0.1:{server.port}{refusal.path}"


def curl(target: str, body: Path, count: int, version: int) -> Counter[str]:
    """A process for each push, as a shell script has it."""
    words = ["curl", "-sk", "-m", "20", "--http2" if version == 2 else "--http1.1", "-o", os.devnull]
    words += ["-w", "%{http_code} over HTTP/%{http_version}:%{exitcode} %{errormsg}"]
    words += ["-X", "PUT", "--data-binary", f"@{body}", target]

    def push(_: int) -> str:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
        answer, _, error = done.stdout.partition(":")
        is_whole = done.returncode == 0
        return answer.replace("HTTP/1.1", "HTTP/1") if is_whole else f"{answer}: {error}"

    with ThreadPoolExecutor(2) as side_by_side:
        return Counter(side_by_side.map(push, range(count)))


def python(target: str, body: Path, count: int, version: int) -> Counter[str]:
    """httpx, with a new connection for each other push."""
    outcomes: Counter[str] = Counter()
    content = body.read_bytes()
    for begin in range(0, count, 2):
        with httpx.Client(http2=version == 2, verify=False, timeout=20) as client:
            for _ in range(min(2, count - begin)):
                try:
                    answer = client.put(target, content=content)
                    version_of = answer.http_version.removesuffix(".1")
                    outcomes[f"{answer.status_code} over {version_of}"] += 1
                except httpx.HTTPError as error:
                    outcomes[f"{type(error).__name__}: {error}"] += 1
    return outcomes


def go(target: str, body: Path, count: int, version: int) -> Counter[str]:
    words = [go_program(), target, body, str(count), str(version)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS_MAX, check=True)
    outcomes: Counter[str] = Counter()
    for line in done.stdout.splitlines():
        seen, _, outcome = line.partition(" ")
        outcomes[outcome] += int(seen)
    return outcomes


def go_program() -> Path:
    """Built outside of the sources, anew where they have changed."""
    built = REPOSITORY / "target" / "peers" / "go-refusals"
    built.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GO111MODULE": "off", "GOFLAGS": "", "CGO_ENABLED": "0"}
    command = ["go", "build", "-o", str(built), "."]
    subprocess.run(command, cwd=SOURCE, env=environment, timeout=SECONDS_MAX, check=True)
    return built


CLIENTS: dict[str, Callable[[str, Path, int, int], Counter[str]]] = {
    "curl": curl,
    "Python": python,
    "Go": go,
}


def body(directory: Path, size: str) -> Path:
    path = directory / f"{size}.prom"
    path.write_bytes(b"x" * BODIES[size])
    return path
