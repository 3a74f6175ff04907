"""Several gateways behind a real HAProxy: each group is on one of them, whatever becomes of them."""

from __future__ import annotations

import base64
import itertools
import json
import re
import signal
import string
import subprocess
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleet import PACKAGING, Fleet, fleet, substituted
from gateways import Server, free_port, loadtest_binary, running
from prometheus_server import await_series, await_that, series

FINDINGS = ("lost", "stale", "phantom", "half_applied", "doubled", "api_differs")
PROFILE = """
about = "Many jobs, a group each."
connections = 48
warmup = "100ms"

[groups]
count = 600
path = "/metrics/job/job-{group}/instance/node-{group}"
prefill = false

[[bodies]]
families = 3
series = 2
"""
JOBS = ["backup", "a/b", "a b", "100%", "x+y", "é", "\N{SNOWMAN}", "//", "%41", "a=b;c", "@base64", "job", ".."]
DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
TEXT = b"some_metric 1\n"


@pytest.fixture(name="shared", scope="module")
def one_fleet_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("fleet")) as started:
        yield started


@pytest.fixture(name="three")
def three_gateways(shared: Fleet) -> Fleet:
    """Gateways that hold nothing."""
    for gateway in shared.gateways.values():
        assert gateway.connect().ask("PUT", "/api/v1/admin/wipe").status == 202
    return shared


def spellings(name: str, value: str) -> list[str]:
    """A label as a path may have it."""
    encoded = base64.urlsafe_b64encode(value.encode()).decode()
    line_end = f"{encoded[:2]}%0D%0A{encoded[2:]}"
    spelled = [f"{name}@base64/{text}" for text in (encoded, encoded.rstrip("=") or "=", line_end)]
    spelled.append(f"{name}%40base64/{encoded.replace('=', '%3D')}")
    if encoded.endswith("="):
        # The last digit has bits that stand for nothing.
        *digits, last = encoded.rstrip("=")
        spelled.append(f"{name}@base64/{''.join(digits)}{DIGITS[DIGITS.index(last) + 1]}")
    if "/" not in value and value != "..":
        everything = "".join(f"%{byte:02x}" for byte in value.encode())
        spelled += [f"{name}/{urllib.parse.quote(value, safe='')}", f"{name}/{everything}"]
    return spelled


def paths(job: str, labels: dict[str, str]) -> Iterator[str]:
    """Ways to write one grouping key: of the job, of the labels, and all of their orders."""
    spelled = [spellings(name, value) for name, value in labels.items()]
    for at, of_job in enumerate(spellings("job", job)):
        for order in itertools.permutations(spelled):
            rest = [of_label[at % len(of_label)] for of_label in order]
            yield "/".join(["/metrics", of_job, *rest])
    yield "/".join(["/metrics%2F" + spellings("job", job)[0], *(of_label[0] for of_label in spelled)])
    yield "/".join(["//metrics//" + spellings("job", job)[0], *(of_label[0] for of_label in spelled)])


def test_a_group_meets_one_gateway_however_its_path_is_written(three: Fleet) -> None:
    connection, pushed = three.proxy.connect(), {}
    for number, job in enumerate([*JOBS, *(f"{job}{n}" for job in JOBS for n in range(1))]):
        labels = {"instance": f"node-{number}", "path": "/var/tmp", "zone": "ü"}
        answers = [(path, connection.ask("PUT", path, (), TEXT)) for path in paths(job, labels)]
        assert {answer.status for _, answer in answers} == {200}, [a for a in answers if a[1].status != 200]
        met = {answer.headers["x-gateway"] for _, answer in answers}
        assert len(met) == 1, (job, met)
        pushed[frozenset({"job": job, **labels}.items())] = list(met)
    assert three.owners() == pushed
    assert set(three.gateways) == {name for names in pushed.values() for name in names}, "each has some"
    # Deletes go the same way.
    for group in pushed:
        labels = dict(group)
        path = list(paths(labels.pop("job"), labels))[-3]
        assert connection.ask("DELETE", path).status == 202
    assert three.owners() == {}


def test_only_pushes_come_through(three: Fleet) -> None:
    connection = three.proxy.connect()
    for method, path in [
        ("GET", "/metrics"),
        ("GET", "/api/v1/groups"),
        ("DELETE", "/api/v1/groups?job=a"),
        ("PUT", "/api/v1/admin/wipe"),
        ("PUT", "/metrics/jobs/a"),
        ("PUT", "/metrics/job/%zz"),
        ("PUT", "/metrics/job@base64/!"),
    ]:
        answer = connection.ask(method, path, (), b"")
        assert answer.status == 404 and b"each gateway" in answer.body, (path, answer)
    assert connection.ask("GET", "/-/healthy").status == 200


@pytest.fixture(name="durable")
def three_that_answer_once_it_is_on_disk(tmp_path: Path) -> Iterator[Fleet]:
    with fleet(tmp_path, "--persistence.sync=push") as started:
        yield started


def test_what_is_acknowledged_outlasts_a_gateway_that_is_killed(durable: Fleet, tmp_path: Path) -> None:
    three, profile = durable, tmp_path / "profile.toml"
    profile.write_text(PROFILE)
    scrapes = [f"--scrape={gateway.url}" for gateway in three.gateways.values()]
    command = [loadtest_binary(), "run", "--json", "--profile", str(profile), "--target", three.proxy.url]
    verified = [*command, "--duration=60s", "--verify", *scrapes]
    mine = {three.owner(f"mine-{number}"): f"mine-{number}" for number in range(50)}
    victim, other = "gateway-2", "gateway-3"
    with subprocess.Popen(verified, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as load:
        try:
            await_that(lambda: len(three.owners()) > 200, True, "many groups have been pushed")
            three.kill(victim)
            # The others go on, and take nothing that is not theirs.
            since = time.monotonic()
            assert three.proxy.connect().ask("PUT", f"/metrics/job/{mine[other]}", (), TEXT).status == 200
            assert time.monotonic() - since < 2.5, "who is alive does not wait for who is not"
            refused = three.proxy.connect().ask("PUT", f"/metrics/job/{mine[victim]}", (), TEXT)
            assert (refused.status, refused.headers.get("retry-after")) == (503, "1"), refused
            three.start(int(victim[-1]))
            taken = three.proxy.connect().ask("PUT", f"/metrics/job/{mine[victim]}", (), TEXT)
            assert (taken.status, taken.headers["x-gateway"]) == (200, victim)
            load.send_signal(signal.SIGINT)
            out, err = load.communicate(timeout=30)
        finally:
            load.kill()
    assert out, err
    report = json.loads(out)
    assert report["successes"] > 0 and report["verified"]["groups"] > 200, report
    assert report["errors"].get("status 503", 0) > 0, "it was killed under load"
    assert [report["verified"][kind] for kind in FINDINGS] == [0] * 6, report["verified"]
    assert all(len(names) == 1 for names in three.owners().values())


def add_fourth(three: Fleet) -> None:
    """Adds a line to each list of servers, before all others: it is the `id` that counts."""
    three.start(4)
    first = re.compile(r"^(    server gateway-1 .*\n)", re.MULTILINE)
    text = three.config.read_text()
    assert len(first.findall(text)) == 2
    address = f"127.0.0.1:{three.ports[9104]}"
    lines = [f"    server gateway-4 {address} id 4\n", f"    server gateway-4 {address}\n"]
    three.config.write_text(first.sub(lambda found: lines.pop(0) + found[1], text))
    three.reload()


def misplaced(three: Fleet) -> list[list[str]]:
    gateways = [f"{name}={gateway.url}" for name, gateway in three.gateways.items()]
    command = [str(PACKAGING / "haproxy" / "misplaced"), three.proxy.url, *gateways]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [line.split("\t") for line in listed.stdout.splitlines()]


def test_a_fourth_gateway_takes_over_a_quarter_and_nothing_else_moves(three: Fleet) -> None:
    connection, jobs = three.proxy.connect(), [f"job-{number}" for number in range(120)] + ['odd "job"\\/', "é"]

    def push(job: str) -> str:
        path = f"/metrics/{spellings('job', job)[0]}/instance/{job.encode().hex()}"
        answer = connection.ask("PUT", path, (), TEXT)
        assert answer.status == 200, answer
        return answer.headers["x-gateway"]

    before = {job: push(job) for job in jobs}
    assert min(Counter(before.values()).values()) > 25, "shares are even"
    assert misplaced(three) == []
    connection.close()
    add_fourth(three)
    moves = misplaced(three)
    assert {there for _, there, _ in moves} == {"gateway-4"}
    assert 0.15 < len(moves) / len(jobs) < 0.35, len(moves)
    # The jobs push again, and what they had pushed to where they no longer belong is deleted there.
    after = {job: push(job) for job in jobs}
    changed = {job for job in jobs if after[job] != before[job]}
    assert len(changed) == len(moves) and {after[job] for job in changed} == {"gateway-4"}
    assert len([names for names in three.owners().values() if len(names) > 1]) == len(moves)
    for here, _, selector in moves:
        query = urllib.parse.urlencode({"match[]": selector})
        answer = three.gateways[here].connect().ask("DELETE", f"/api/v1/groups?{query}")
        assert json.loads(answer.body)["data"]["deleted"] == 1, (selector, answer)
    assert misplaced(three) == []
    assert sorted(three.owners().values()) == sorted([name] for name in after.values())


def test_prometheus_finds_all_gateways_and_scrapes_each_once(tmp_path: Path) -> None:
    ports = {9100 + number: free_port() for number in (1, 2, 3)}
    named = [f"--web.sd-target=127.0.0.1:{port}" for port in ports.values()]
    three = Fleet(tmp_path, tuple(named), ports=ports)
    try:
        for number in ports:
            gateway = three.start(number - 9100)
            assert gateway.connect().ask("PUT", f"/metrics/job/job-{number}", (), TEXT).status == 200
        with prometheus_of(tmp_path, ports) as prometheus:
            urls = sorted(f"http://127.0.0.1:{port}/metrics" for port in ports.values())
            await_that(lambda: scraped(prometheus), {"file-sd": urls, "http-sd": urls}, "targets that are up")
            pushed = [series("some_metric", "1", job=f"job-{number}") for number in ports]
            await_series(prometheus, "some_metric", pushed[0] | pushed[1] | pushed[2])
    finally:
        three.close()


@contextmanager
def prometheus_of(directory: Path, ports: dict[int, int]) -> Iterator[Server]:
    """A Prometheus with both of the shipped configurations, each by a name of its own."""
    config, port = "global: {scrape_interval: 1s}\nscrape_configs:\n", free_port()
    for how in ("file-sd", "http-sd"):
        shipped = substituted((PACKAGING / "prometheus" / f"{how}.yml").read_text(), ports)
        config += shipped.split("scrape_configs:\n")[1].replace("job_name: shardgate", f"job_name: {how}")
    (directory / "prometheus.yml").write_text(config)
    targets = (PACKAGING / "prometheus" / "gateways.yml").read_text()
    (directory / "gateways.yml").write_text(substituted(targets, ports))
    flags = ["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", f"--web.listen-address=127.0.0.1:{port}"]
    with running("prometheus", ["prometheus", *flags], port, "/-/ready", directory) as server:
        yield server


def scraped(prometheus: Server) -> dict[str, list[str]]:
    """The URLs that are up, by how they were found."""
    with urllib.request.urlopen(f"{prometheus.url}/api/v1/targets", timeout=10) as answer:
        targets = json.load(answer)["data"]["activeTargets"]
    up: dict[str, list[str]] = {}
    for target in targets:
        if target["health"] == "up":
            up.setdefault(target["scrapePool"], []).append(target["scrapeUrl"])
    return {how: sorted(urls) for how, urls in up.items()}
