"""The gzip of a scrape, stitched from parts that were compressed apart: every reader reads it whole."""

from __future__ import annotations

import gzip
import re
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

import shell
from formats import OPEN_METRICS, TEXT, scrape_bytes
from gateways import Server, shardgate
from metrics_proto import CONTENT_TYPE as PROTOBUF
from wire import Connection

GROUPS = 40
FAMILIES = 2000
RATIO_MIN = 5
NODE = """
const parts = [];
process.stdin.on("data", (part) => parts.push(part));
process.stdin.on("end", () =>
  process.stdout.write(require("node:zlib").gunzipSync(Buffer.concat(parts))));
"""
OWN_LINES = re.compile(
    rb"^(# (HELP|TYPE) )?(process|promhttp|pushgateway|shardgate)_.*\n", re.MULTILINE
)


def _python(member: bytes) -> bytes:
    return gzip.decompress(member)


def _one_member(member: bytes) -> bytes:
    """As strictly as zlib can: one member, its checks right, nothing behind it."""
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    plain = inflate.decompress(member)
    assert inflate.eof and not inflate.unused_data
    return plain


def _piped_to(*command: str) -> Callable[[bytes], bytes]:
    def read(member: bytes) -> bytes:
        done = subprocess.run(command, input=member, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    return read


READERS = {
    "Python's gzip": _python,
    "zlib": _one_member,
    "zcat": _piped_to("zcat"),
    "Node's zlib": _piped_to("node", "--eval", NODE),
}


def push(connection: Connection, group: int, value: float) -> None:
    """Large, middling and small families."""
    lines = ["# HELP large Some help.", "# TYPE large gauge"]
    lines += (f'large{{sample="{sample}"}} {value + sample}' for sample in range(60))
    lines += (f'middling{{sample="{sample}"}} {value + sample}' for sample in range(8))
    lines += [f"# TYPE small_{group % 7}_total counter", f"small_{group % 7}_total {group}"]
    body = "".join(f"{line}\n" for line in lines)
    path = f"/metrics/job/gzip/instance/node-{group:04}.example.org"
    assert connection.ask("PUT", path, body=body.encode()).status == 200


def of_jobs(text: bytes) -> bytes:
    """Without what changes from scrape to scrape."""
    return OWN_LINES.sub(b"", text)


def check(gateway: Server) -> None:
    """The compressed scrape is the plain one, to every reader."""
    connection = gateway.connect()
    plain = of_jobs(scrape_bytes(connection))
    member = scrape_bytes(connection, gzip=True)
    assert subprocess.run(["gzip", "-t"], input=member, check=False).returncode == 0
    for name, read in READERS.items():
        assert of_jobs(read(member)) == plain, name
    by_curl = shell.run(gateway, "curl -sf --compressed $GATEWAY/metrics")
    assert of_jobs(by_curl.encode()) == plain


def test_every_reader_reads_the_plain_scrape_whatever_has_changed(gateway: Server) -> None:
    check(gateway)
    connection = gateway.connect()
    for group in range(GROUPS):
        push(connection, group, group / 8)
    check(gateway)
    check(gateway)

    push(connection, GROUPS // 2, 1e6)
    check(gateway)

    for group in range(GROUPS):
        push(connection, group, -group)
    check(gateway)

    for group in range(0, GROUPS, 2):
        path = f"/metrics/job/gzip/instance/node-{group:04}.example.org"
        assert connection.ask("DELETE", path).status == 202
    check(gateway)


@pytest.mark.parametrize("accept", [TEXT, OPEN_METRICS, PROTOBUF], ids=lambda a: a.split(";")[0])
@pytest.mark.parametrize("query", ["job=gzip", "job=gzip&shard=1/2", "name[]=large"])
def test_every_format_and_part_is_compressed_whole(tmp_path: Path, accept: str, query: str) -> None:
    with shardgate(tmp_path, "--web.enable-openmetrics") as gateway:
        connection, target = gateway.connect(), f"/metrics?{query}"
        for group in range(GROUPS):
            push(connection, group, group / 8)
        for _ in range(2):
            plain = scrape_bytes(connection, accept, target)
            assert _one_member(scrape_bytes(connection, accept, target, gzip=True)) == plain
            push(connection, 1, 1e9)


def test_many_families_of_one_line_are_compressed_together(gateway: Server) -> None:
    connection = gateway.connect()
    body = "".join(
        f"# HELP family_{number} What it is.\n# TYPE family_{number} gauge\nfamily_{number} {number}\n"
        for number in range(FAMILIES)
    )
    assert connection.ask("PUT", "/metrics/job/many", body=body.encode()).status == 200
    more = b"# TYPE family_1000 gauge\nfamily_1000 1\n"
    for _ in range(2):
        check(gateway)
        plain = scrape_bytes(connection)
        member = scrape_bytes(connection, gzip=True)
        assert plain.count(b"# TYPE family_") == FAMILIES
        assert len(plain) > RATIO_MIN * len(member), (len(plain), len(member))
        assert connection.ask("POST", "/metrics/job/one", body=more).status == 200
