"""The configurations of docs/deploy/reverse-proxy.md, run by a real nginx and a real HAProxy: a push arrives as it was sent."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from certificates import Pair, self_signed
from gateways import REPOSITORY, Server, free_port, running, shardgate
from secure import Curl, curl

PAGE = REPOSITORY / "docs" / "deploy" / "reverse-proxy.md"
NAME = "push.example.org"
LARGE_LINES = 200_000
"""Lines of a body larger than the 1 MB that nginx allows by default."""
PATHS = {
    "/metrics/job/plain": '{instance="",job="plain"}',
    "/metrics/job/coded/path@base64/L3Zhci90bXA/zone@base64/=": '{instance="",job="coded",path="/var/tmp",zone=""}',
    "/metrics/job/night%20shift/x/a%252Fb": '{instance="",job="night shift",x="a%2Fb"}',
    "/metrics//job/slashes": '{instance="",job="slashes"}',
}


def shown(tag: str) -> str:
    """The block of that kind on the page."""
    (block,) = re.findall(rf"^```{tag}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return str(block)


def substituted(text: str, *changes: tuple[str, str]) -> str:
    """The text with what differs here; each of it has to be there."""
    for old, new in changes:
        assert text.count(old) == 1, (old, text)
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(directory: Path, pair: Pair, gateway: int, *changes: tuple[str, str]) -> Iterator[Server]:
    port = free_port()
    site = substituted(
        shown("nginx"),
        ("127.0.0.1:9091", f"127.0.0.1:{gateway}"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        (f"/etc/ssl/{NAME}.crt", str(pair.cert)),
        (f"/etc/ssl/{NAME}.key", str(pair.key)),
        *changes,
    )
    folders = "".join(f"{kind}_temp_path {directory};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    config = directory / f"nginx-{port}.conf"
    config.write_text(
        f"user {getpass.getuser()}; pid {directory}/nginx-{port}.pid; error_log stderr; daemon off; worker_processes 1; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {directory}; {folders}\n{site}}}\n"
    )
    command = ["nginx", "-e", "stderr", "-c", str(config)]
    with running("nginx", command, port, None, directory) as server:
        yield server


@contextmanager
def haproxy(directory: Path, pair: Pair, gateway: int, *changes: tuple[str, str]) -> Iterator[Server]:
    port, both = free_port(), directory / "both.pem"
    both.write_text(pair.cert.read_text() + pair.key.read_text())
    config = directory / f"haproxy-{port}.cfg"
    config.write_text(
        substituted(
            shown("haproxy"),
            ("127.0.0.1:9091", f"127.0.0.1:{gateway}"),
            ("bind :443", f"bind 127.0.0.1:{port}"),
            (f"/etc/haproxy/{NAME}.pem", str(both)),
            *changes,
        )
    )
    with running("haproxy", ["haproxy", "-f", str(config)], port, None, directory) as server:
        yield server


PROXIES = {"nginx": nginx, "haproxy": haproxy}


@dataclass(frozen=True)
class Behind:
    """A gateway and the proxy in front of it."""

    gateway: Server
    proxy: Server
    certificate: Path

    def ask(self, path: str, *words: str) -> Curl:
        return curl(self.proxy, path, "--cacert", str(self.certificate), *words)

    def push(self, path: str, body: Path) -> Curl:
        return self.ask(path, "--data-binary", f"@{body}")

    def samples(self) -> set[str]:
        """The labels of each sample of `m`, as the gateway itself shows them."""
        lines = self.gateway.connect().ask("GET", "/metrics").body.decode().splitlines()
        return {line.removeprefix("m").split(" 1")[0] for line in lines if line.startswith("m{")}


@pytest.fixture(name="body")
def one_sample(tmp_path: Path) -> Path:
    path = tmp_path / "body.txt"
    path.write_text("m 1\n")
    return path


@pytest.fixture(name="started", params=PROXIES)
def a_gateway_behind_each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Behind]:
    proxy: Callable[..., Iterator[Server]] = PROXIES[request.param]
    pair = self_signed(tmp_path, "proxy")
    flag = f"--web.external-url=https://{NAME}/"
    with shardgate(tmp_path, flag) as gateway, proxy(tmp_path, pair, gateway.port) as server:
        yield Behind(gateway, server, pair.cert)


def test_pushes_reach_the_groups_that_their_paths_name(started: Behind, body: Path) -> None:
    for path in PATHS:
        answer = started.push(path, body)
        assert (answer.exit, answer.status) == (0, 200), (path, answer)
    assert started.samples() == set(PATHS.values())
    refused = started.push("/metrics/job/e/x//", body)
    assert refused.status == 400 and "empty path component" in refused.body


def test_a_large_body_comes_through(started: Behind, tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    large.write_text("".join(f'large{{n="{n}"}} {n}\n' for n in range(LARGE_LINES)))
    answer = started.push("/metrics/job/large", large)
    assert answer.status == 200, answer


def test_what_administers_does_not_come_through(started: Behind) -> None:
    for path in ("/-/quit", "/api/v1/admin/wipe"):
        assert started.ask(path, "-X", "PUT").status == 403
    assert started.ask("/-/ready").body == "OK"


def test_a_path_behind_the_name_makes_nginx_change_paths(tmp_path: Path, body: Path) -> None:
    pair = self_signed(tmp_path, "proxy")
    wrong = ("proxy_pass http://shardgate;", "proxy_pass http://shardgate/;")
    with shardgate(tmp_path) as gateway, nginx(tmp_path, pair, gateway.port, wrong) as server:
        behind = Behind(gateway, server, pair.cert)
        assert behind.push("/metrics/job/e/x//", body).status == 200
        assert behind.samples() == {'{instance="",job="e",x=""}'}


def test_haproxy_says_when_to_come_again_while_the_gateway_is_down(tmp_path: Path, body: Path) -> None:
    pair = self_signed(tmp_path, "proxy")
    with shardgate(tmp_path) as gateway, haproxy(tmp_path, pair, free_port()) as server:
        answer = Behind(gateway, server, pair.cert).push("/metrics/job/a", body)
        assert answer.status == 503 and "try again" in answer.body
        assert "retry-after: 1" in answer.trace.lower()
