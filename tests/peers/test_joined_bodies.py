"""Bodies that lost their line ends, sent to shardgate and to the real Pushgateway, by real curl where curl is what loses them.

Shardgate answers 400 to each and keeps the group with its push time. The Pushgateway does so, too, but where a last line
end makes one long comment of the body: there it empties the group.
"""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateways import Server, pushgateway, shardgate

HELP_FIRST = b'# HELP m Some text.\n# TYPE m gauge\nm{a="1"} 1\nn 2\n'
TYPE_FIRST = b"# TYPE m gauge\nm 1\n# TYPE n counter\nn 2\n"
NOTE_FIRST = b"# pushed by a script\nm 1\nn 2\n"
SAMPLE_FIRST = b"m 1\nn 2\n"
FILES = {
    "HELP first": HELP_FIRST,
    "TYPE first": TYPE_FIRST,
    "a comment first": NOTE_FIRST,
    "a sample first": SAMPLE_FIRST,
    "labels first": b'm{a="1"} 1\nm{a="2"} 2\n',
    "a comment later": b"m 1\n# TYPE n gauge\nn 2\n",
    "EOF at the end": b"# TYPE m gauge\nm 1\n# EOF\n",
    "CRLF": HELP_FIRST.replace(b"\n", b"\r\n"),
    "carriage returns alone": HELP_FIRST.replace(b"\n", b"\r"),
    "UTF-16": HELP_FIRST.decode().encode("utf-16-le"),
    "UTF-16 with its mark": b"\xff\xfe" + NOTE_FIRST.decode().encode("utf-16-le"),
    "UTF-8 with its mark": b"\xef\xbb\xbf" + HELP_FIRST,
}


def written(text: bytes, line_end: bytes, end: bytes = b"\n") -> bytes:
    return text.rstrip(b"\n").replace(b"\n", line_end) + end


JOINED = {
    "by blanks, without an end": written(HELP_FIRST, b" ", b""),
    "written out, TYPE first": written(TYPE_FIRST, b"\\n"),
    "written out, a sample first": written(SAMPLE_FIRST, b"\\n"),
    "written out, without an end": written(HELP_FIRST, b"\\n", b""),
    "written out with \\r": written(HELP_FIRST, b"\\r\\n"),
    "UTF-16 as it is": HELP_FIRST.decode().encode("utf-16-le"),
    "cut in a TYPE": b"m 1\n# TYPE n gau",
    "cut in a HELP": b"m 1\n# HELP",
}
TAKEN_FOR_A_COMMENT = {
    "by blanks": written(HELP_FIRST, b" "),
    "written out, HELP first": written(HELP_FIRST, b"\\n"),
    "written out, a comment first": written(NOTE_FIRST, b"\\n"),
    "carriage returns and one line end": written(NOTE_FIRST, b"\r"),
}


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    with (
        shardgate(tmp_path_factory.mktemp("s")) as subject,
        pushgateway(tmp_path_factory.mktemp("p")) as reference,
    ):
        yield subject, reference


def group(gateway: Server) -> list[bytes]:
    scrape = gateway.connect().ask("GET", "/metrics").body
    return [line for line in scrape.splitlines() if b'job="a"' in line]


def curl(gateway: Server, method: str, file: Path, *options: str) -> int:
    url = f"{gateway.url}/metrics/job/a"
    command = ["curl", "-s", "-o", file.with_suffix(".out"), "-w", "%{http_code}", "-X", method]
    done = subprocess.run([*command, *options, url], capture_output=True, check=True, timeout=30)
    return int(done.stdout)


def keeps_its_group(gateway: Server, method: str, body: bytes, encoding: str = "") -> bool:
    connection = gateway.connect()
    assert connection.ask("PUT", "/metrics/job/a", [], b"m 7\n").status == 200
    before = group(gateway)
    headers = [("Content-Encoding", encoding)] if encoding else []
    status = connection.ask(method, "/metrics/job/a", headers, body).status
    return status == 400 and group(gateway) == before


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("form", FILES)
def test_a_file_that_curl_joins_is_refused_by_both(
    gateways: tuple[Server, Server], tmp_path: Path, form: str, method: str
) -> None:
    file = tmp_path / "metrics.txt"
    file.write_bytes(FILES[form])
    for gateway in gateways:
        assert gateway.connect().ask("PUT", "/metrics/job/a", [], b"m 7\n").status == 200
        before = group(gateway)
        assert curl(gateway, method, file, "-d", f"@{file}") == 400, gateway.name
        assert group(gateway) == before, gateway.name
        if form in ("HELP first", "TYPE first", "a comment first", "a sample first"):
            assert curl(gateway, method, file, "--data-binary", f"@{file}") == 200, gateway.name


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("form", JOINED)
def test_a_joined_body_is_refused_by_both(
    gateways: tuple[Server, Server], form: str, method: str, encoding: str
) -> None:
    body = gzip.compress(JOINED[form]) if encoding else JOINED[form]
    for gateway in gateways:
        assert keeps_its_group(gateway, method, body, encoding), gateway.name


@pytest.mark.parametrize("form", TAKEN_FOR_A_COMMENT)
def test_one_long_comment_is_refused_by_shardgate_where_the_pushgateway_empties_the_group(
    gateways: tuple[Server, Server], form: str
) -> None:
    subject, reference = gateways
    assert keeps_its_group(subject, "PUT", TAKEN_FOR_A_COMMENT[form])
    assert not keeps_its_group(reference, "PUT", TAKEN_FOR_A_COMMENT[form])
    assert not any(line.startswith(b"m{") for line in group(reference))
