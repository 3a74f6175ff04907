"""docs/openapi.yaml against running gateways: each answer is one that it knows, and each that it knows is given."""

from __future__ import annotations

import base64
import json
import random
import re
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from contract import Contract, Operation
from gateways import Server, free_port, running, shardgate_binary
from wire import Answer

BODY = b"# TYPE m gauge\nm 1\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"
LARGE = [("Content-Length", str(5 << 20))]
SLOW = [("Content-Length", "10")]
ENCODED = [("Content-Encoding", "br")]
USERS = """
basic_auth_users:
  alice: $2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy
"""
POLICY = """
users:
  alice: { push: ["hers"] }
"""
RULES = """
rules:
  - match: '{job="summed"}'
    aggregate: { without: [instance] }
"""
FLAGS = {
    "open": ["--web.enable-admin-api", "--web.body-timeout=100ms", "--push.max-body-bytes=100000"],
    "plain": [],
    "unchecked": ["--push.disable-consistency-check"],
    "quitting": ["--web.enable-lifecycle"],
    "quitting too": ["--web.enable-lifecycle"],
    "guarded": ["--web.config.file=users.yml", "--auth.policy-file=policy.yml", "--web.enable-admin-api"],
    "limited": ["--web.config.file=limited.yml"],
    "taken": ["--web.max-connections=1"],
    "adding": ["--rules.file=rules.yml"],
}
USUAL = {
    "{job}": "j",
    "{labels}": "instance/a/path@base64/L3g",
    "{file}": "app.css",
    "{page}": "rules",
}
FUZZED = 600
SEAT_SECONDS_MAX = 10.0
PLACES = ("/api/v1/admin/groups/job/{job}", "/api/v1/admin/groups/job/{job}/{labels}")


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    directory = tmp_path_factory.mktemp("openapi")
    (directory / "users.yml").write_text(USERS)
    (directory / "policy.yml").write_text(POLICY)
    (directory / "rules.yml").write_text(RULES)
    (directory / "limited.yml").write_text("rate_limit: { interval: 1h, burst: 1 }\n")
    with ExitStack() as stack:
        servers = {}
        for name, flags in FLAGS.items():
            port = free_port()
            command = [shardgate_binary(), f"--web.listen-address=127.0.0.1:{port}", *flags]
            servers[name] = stack.enter_context(running(name, command, port, None, directory))
        yield servers


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


class Tried:
    """Asks gateways, and notes which answers there were."""

    def __init__(self, contract: Contract, gateways: dict[str, Server]) -> None:
        self.contract = contract
        self.seen: set[tuple[Operation, int]] = set()
        self._connections = {name: server.connect() for name, server in gateways.items()}
        self._gateways = gateways

    def ask(
        self,
        name: str,
        method: str,
        target: str,
        headers: list[tuple[str, str]] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        answer = self._connections[name].ask(method, target, headers or [], body)
        self.seen.add(self.contract.check(method, target, answer))
        return answer

    def status(self, name: str, status: int, method: str, target: str, *more: object) -> None:
        answer = self.ask(name, method, target, *more)  # type: ignore[arg-type]
        assert answer.status == status, f"{method} {target}: {answer}"

    def hold(self, name: str) -> None:
        """Keeps a connection that nobody else gets."""
        self._held = self._connections[name]
        deadline = time.monotonic() + SEAT_SECONDS_MAX
        while self._held.ask("GET", "/status").status != 200:
            assert time.monotonic() < deadline, "the connection is refused"
            time.sleep(0.02)
        self._connections[name] = self._gateways[name].connect()


def usual(path: str) -> str:
    for variable, value in USUAL.items():
        path = path.replace(variable, value)
    return path


def test_the_file_is_valid() -> None:
    validate(Contract().file)


def test_each_answer_is_documented_and_each_that_is_documented_is_given(
    gateways: dict[str, Server], contract: Contract
) -> None:
    tried = Tried(contract, gateways)
    _everybodys_answers(tried)
    _pushes(tried)
    _queries(tried)
    _sums(tried)
    _pages(tried)
    for path in PLACES:
        _places(tried, usual(path))
    if ("GET", "/api/v1/sd") in contract.operations:
        tried.status("open", 200, "GET", "/api/v1/sd")
    tried.status("plain", 403, "PUT", "/-/quit")
    tried.status("quitting", 200, "PUT", "/-/quit")
    tried.status("quitting too", 200, "POST", "/-/quit")
    documented = {(operation, status) for operation in contract.operations for status in contract.statuses(operation)}
    # A shard that dies, a load that is too much, and a host that cannot be scraped are what other tests are for.
    untried = {(operation, status) for operation, status in documented if status == 500}
    untried |= documented & {(("GET", "/-/ready"), 503), (("GET", "/-/ready/pushes"), 503), (("GET", "/-/leading"), 503), (("GET", "/api/v1/sd"), 400)}
    assert documented - tried.seen == untried


def test_each_path_allows_the_methods_that_are_documented(
    gateways: dict[str, Server], contract: Contract
) -> None:
    connection = gateways["open"].connect()
    for path in {path for _, path in contract.operations}:
        documented = {method for method, at in contract.operations if at == path}
        refused = connection.ask("PATCH", usual(path))
        allowed = set(refused.headers["allow"].split(", "))
        assert (refused.status, allowed) == (405, documented | {"OPTIONS"}), path
        assert connection.ask("OPTIONS", usual(path)).status == 200, path


def test_whatever_is_asked_the_answer_is_documented(
    gateways: dict[str, Server], contract: Contract
) -> None:
    rng, tried = random.Random(1), Tried(contract, gateways)
    values = ["", "0", "1", "-1", "9" * 30, "a", "j", "asc", "key", "bytes", "1/2", "2/1", "PUT", "/job/j", "/job/j/x"]
    values += ['{job="j"}', '{job=~".*"}', '{job=~"("}', "{", "\0", "é", "x" * 3000, "m", "true"]
    segments = ["j", "a", "instance", "x@base64", "L3g", "@base64", "L3", "%2F", "%C3%A9", "__name__", "a-b", "job", "!"]
    bodies = [b"", BODY, b"m{", b"m 1\nm 1\n", b"\xff 1\n", b"\x1f\x8b\x08", b"m 1"]
    encodings = ["identity", "gzip", "snappy", "br"]
    queried = [operation for operation in contract.operations if contract.parameters(operation)]
    pushes = [operation for operation in contract.operations if operation[1] == "/metrics/job/{job}/{labels}"]
    for _ in range(FUZZED):
        method, path = rng.choice(queried + pushes)
        names = contract.parameters((method, path)) + ["unknown"]
        query = [(rng.choice(names), rng.choice(values)) for _ in range(rng.randrange(4))]
        path = path.replace("{job}", rng.choice(segments[:2]))
        path = path.replace("{labels}", "/".join(rng.choice(segments) for _ in range(rng.randrange(1, 6))))
        headers = [("Content-Encoding", rng.choice(encodings))] if rng.random() < 0.3 else []
        body = None if method == "GET" else rng.choice(bodies)
        tried.ask("open", method, f"{path}?{urllib.parse.urlencode(query)}", headers, body)
    assert {status for _, status in tried.seen} >= {200, 202, 400}


def _everybodys_answers(tried: Tried) -> None:
    """Those that do not depend on what is asked for."""
    tried.hold("taken")
    tried.ask("limited", "GET", "/-/healthy")
    hers = [("Authorization", "Basic " + base64.b64encode(b"alice:open sesame").decode())]
    for (method, path), operation in tried.contract.operations.items():
        target = usual(path)
        tried.status("limited", 429, method, target)
        tried.status("guarded", 401, method, target)
        tried.ask("guarded", method, target, hers)
        probe = path in ("/-/healthy", "/-/ready", "/-/ready/pushes", "/-/leading")
        tried.status("taken", 200 if probe else 503, method, target)
        if "requestBody" in operation:
            tried.status("open", 413, method, target, LARGE)
        if "requestBody" in operation or path.startswith("/metrics/job"):
            tried.status("open", 408, method, target, SLOW)


def _pushes(tried: Tried) -> None:
    for path in ("/metrics/job/j", "/metrics/job/j/instance/a/path@base64/L3g"):
        for method in ("PUT", "POST"):
            tried.status("open", 200, method, path, [], BODY)
            tried.status("open", 400, method, path, [], b"m{")
            tried.status("open", 415, method, path, ENCODED, BODY)
            tried.status("unchecked", 202, method, path, [], BODY)
        tried.status("open", 202, "DELETE", path)
    for method in ("PUT", "POST", "DELETE"):
        tried.status("open", 400, method, "/metrics/job/%ff")
        tried.status("open", 400, method, "/metrics/job/j/odd")


def _queries(tried: Tried) -> None:
    for path, query in {"/metrics": "shard=2", "/-/metrics": "shard=2", "/api/v1/metrics": "limit=x", "/api/v1/groups": "sort=x", "/api/v1/rejections": "status=x"}.items():
        tried.status("open", 200, "PUT", "/metrics/job/j", [], BODY)
        tried.status("open", 400, "PUT", "/metrics/job/failed/at/first", [], b"# TYPE m counter\nm 1\n")
        tried.status("open", 200, "GET", path)
        tried.status("open", 400, "GET", f"{path}?{query}")
    protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    tried.status("open", 200, "GET", "/metrics", [("Accept", protobuf)])
    for path in ("/api/v1/status", "/api/v1/history", "/-/healthy", "/-/ready", "/-/ready/pushes", "/-/leading"):
        tried.status("open", 200, "GET", path)
    tried.status("open", 405, "GET", "/-/quit")
    tried.status("open", 200, "POST", "/api/v1/check", [], BODY)
    tried.status("open", 400, "POST", "/api/v1/check", [], b"m{")
    tried.status("open", 415, "POST", "/api/v1/check", ENCODED, BODY)
    tried.status("open", 400, "DELETE", "/api/v1/groups")
    tried.status("open", 200, "DELETE", "/api/v1/groups?job=j&dry_run=1")
    tried.status("open", 202, "PUT", "/api/v1/admin/wipe")
    tried.status("plain", 404, "DELETE", "/api/v1/groups?job=j")
    tried.status("plain", 404, "PUT", "/api/v1/admin/wipe")


def _sums(tried: Tried) -> None:
    for instance in ("a", "b"):
        tried.status("adding", 200, "PUT", f"/metrics/job/summed/instance/{instance}", [], BODY)
    for path in ("/api/v1/groups", "/api/v1/metrics"):
        answers = [json.loads(tried.ask("adding", "GET", path + query).body) for query in ("", "?sum=/job/summed")]
        tried.status("adding", 400, "GET", f"{path}?sum=summed")
        if path == "/api/v1/groups":
            sums, sources = (answer["data"]["groups"] for answer in answers)
            assert [group["sources"] for group in sums] == [2]
            assert [group["sum"] for group in sources] == [{"job": "summed"}] * 2


def _places(tried: Tried, path: str) -> None:
    tried.status("open", 200, "PUT", f"{path}?push_time=5e8&push_failure_time=0", [], b"placed 1\n")
    tried.status("open", 409, "PUT", f"{path}?push_time=4e8&keep_newer=true", [], b"placed 1\n")
    tried.status("open", 400, "PUT", f"{path}?push_time=x", [], b"placed 1\n")
    tried.status("open", 415, "PUT", f"{path}?push_time=5e8", ENCODED, b"placed 1\n")
    tried.status("open", 202, "PUT", "/api/v1/admin/wipe")
    tried.status("plain", 404, "PUT", path)


def _pages(tried: Tried) -> None:
    group = "/groups/job/j/instance/a"
    tried.status("open", 200, "PUT", "/metrics/job/j", [], BODY)
    tried.status("open", 200, "PUT", "/metrics/job/j/instance/a", [], b"n 1\n")
    for path in ("/", "/groups", "/jobs", "/jobs/j", "/groups/job/j", group, "/status", "/expired", "/manual", "/manual/rules", "/rejections", "/check", "/wipe"):
        tried.status("open", 200, "GET", path)
    for path in ("/groups?page=0", "/expired?page=0", "/rejections?page=0", "/jobs?sort=x", "/groups/job/j?page=x", f"{group}/odd", "/jobs/%ff"):
        tried.status("open", 400, "GET", path)
    for path in ("/groups/job/none", "/groups/job/none/at/all", "/jobs/none", "/static/none", "/manual/none"):
        tried.status("open", 404, "GET", path)
    for file in ("app.js", "icon.svg", "app.css"):
        answer = tried.ask("open", "GET", f"/static/{file}")
    tried.status("open", 304, "GET", "/static/app.css", [("If-None-Match", answer.headers["etag"])])
    page = tried.ask("open", "GET", "/groups").body.decode()
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token, page
    deleting = {"token": token[1], "what": "selected", "group": "/job/j/instance/a"}
    everything = {"token": token[1], "what": "matching", "matching": ""}
    tried.status("open", 400, "POST", "/groups/delete", [], urllib.parse.urlencode(everything).encode())
    for path, fields in {"/check": {"token": token[1]}, "/groups/delete": deleting, "/wipe": {"token": token[1]}}.items():
        tried.status("open", 200, "POST", path, [], urllib.parse.urlencode(fields).encode())
        tried.status("open", 403, "POST", path, [], b"")
        sure = urllib.parse.urlencode({**fields, "sure": "yes"}).encode()
        tried.status("open", 200 if path == "/check" else 303, "POST", path, [], sure)
