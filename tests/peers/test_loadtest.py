"""The load tester against real gateways: in the modes that only the Pushgateway has yet, and verifying
that shardgate keeps what it acknowledges."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateways import REPOSITORY, Server, free_port, loadtest_binary, running

# bcrypt of "secret"
WEB_CONFIG = """
tls_server_config:
  cert_file: cert.pem
  key_file: key.pem
basic_auth_users:
  pusher: $2b$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u
"""

PROFILE = """
about = "Protobuf over TLS with a password."
connections = 8

[groups]
count = 50

[[bodies]]
families = 8
series = 3
histogram_share = 0.25
format = "protobuf"

[tls]
ca_file = "{ca}"

[basic_auth]
user = "pusher"
password = "{password}"
"""


def run(profile: Path, url: str, *more: str) -> tuple[int, dict[str, Any] | None, str]:
    command = [loadtest_binary(), "run", "--profile", str(profile), "--target", url]
    limits = ["--duration", "2s", "--warmup", "100ms", "--verify", "--json"]
    ended = subprocess.run([*command, *limits, *more], capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, json.loads(ended.stdout) if ended.stdout else None, ended.stderr


def certificate(directory: Path, name: str) -> None:
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    extensions = "-addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
    files = f"-keyout {name}key.pem -out {name}cert.pem"
    subprocess.run(f"{request} {extensions} {files}".split(), cwd=directory, check=True, capture_output=True)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Pushgateway that wants TLS and a password."""
    directory = tmp_path_factory.mktemp("guarded")
    certificate(directory, "")
    certificate(directory, "other-")
    (directory / "web.yml").write_text(WEB_CONFIG)
    port = free_port()
    flags = ["--persistence.file=", "--push.disable-consistency-check", "--web.config.file=web.yml"]
    command = ["prometheus-pushgateway", *flags, f"--web.listen-address=127.0.0.1:{port}"]
    with running("guarded", command, port, None, directory) as server:
        yield server


def guarded_profile(server: Server, ca: str, password: str) -> Path:
    profile = server.log.parent / "guarded.toml"
    profile.write_text(PROFILE.format(ca=ca, password=password))
    return profile


def test_protobuf_over_tls_with_a_password_arrives_at_the_pushgateway(guarded: Server) -> None:
    profile = guarded_profile(guarded, "cert.pem", "secret")
    code, report, log = run(profile, f"https://127.0.0.1:{guarded.port}")
    assert code == 0 and report is not None, log
    assert report["successes"] > 50 and report["errors"] == {}
    assert report["verified"]["lost"] == 0 and report["verified"]["groups"] == 50


def test_a_certificate_that_is_not_trusted_is_said_to_be_the_reason(guarded: Server) -> None:
    profile = guarded_profile(guarded, "other-cert.pem", "secret")
    code, _, log = run(profile, f"https://127.0.0.1:{guarded.port}")
    assert code != 0 and "TLS" in log and "ca_file" in log, log


def test_a_wrong_password_is_a_failed_run(guarded: Server) -> None:
    profile = guarded_profile(guarded, "cert.pem", "wrong")
    code, _, log = run(profile, f"https://127.0.0.1:{guarded.port}")
    assert code != 0 and "401" in log, log


@pytest.mark.parametrize("name", ["batch-job", "churn", "histograms", "wide-group", "scrape-heavy"])
def test_shardgate_loses_nothing_it_acknowledged(gateway: Server, name: str) -> None:
    # What is under way at the end has two seconds, in which an unoptimized gateway takes few pushes of 10,000 samples.
    few = ["--connections", "2"] if name == "wide-group" else []
    code, report, log = run(REPOSITORY / "profiles" / f"{name}.toml", gateway.url, *few)
    assert code == 0 and report is not None, log
    assert report["successes"] > 0 and report["errors"] == {}
    verified = report["verified"]
    assert verified["groups"] > 0
    assert [verified[kind] for kind in ("lost", "stale", "phantom", "half_applied")] == [0] * 4
