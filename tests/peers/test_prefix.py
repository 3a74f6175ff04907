"""Paths of a gateway that lives under a prefix are answered as by the Pushgateway."""

from __future__ import annotations

import http.client
from pathlib import Path

from gateways import Server, pushgateway, shardgate

PREFIX = "/a/b"
METHODS = ["GET", "PUT", "POST", "DELETE", "OPTIONS"]
PATHS = [
    "/", "/a", "/a/", "/a/b", "/a/b/", "/a/b//", "/a/bc", "/metrics", "/-/healthy", "/-/ready",
    "/-/quit", "/a/b/-/quit", "/a/b/-/healthy", "/a/b/-/ready", "/a/b/metrics", "/a/b/metrics/",
    "/a/b/status", "/a/b/status/", "/a/b/../x", "/a/./b/metrics", "/a//b/metrics", "//a/b/metrics",
    "/a/b//metrics", "/a/b/api/v1", "/a/b/api/v1/status", "/api/v1/status", "/a/b/metrics/job/x",
    "/metrics/job/x", "/a/b/metrics/job/x/i/../j", "/a%2Fb/metrics", "/%61/b/metrics",
    "/a/b/static/x", "/static/x",
]
# Pushes are applied where the Pushgateway redirects: see docs/compatibility.md.
APPLIED = ["/a/b//metrics/job/x", "/a/b/metrics//job/x"]


def ask(server: Server, method: str, path: str) -> tuple[int, str | None, str | None]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.putrequest(method, path)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location"), answer.getheader("Allow")
    finally:
        connection.close()


def test_statuses_and_redirects_are_the_same_under_a_prefix(tmp_path: Path) -> None:
    with pushgateway(tmp_path, PREFIX) as theirs, shardgate(tmp_path, prefix=PREFIX) as ours:
        asked = [(method, path) for path in PATHS for method in METHODS]
        differing = [
            (*request, expected, answered)
            for request in asked
            if (expected := ask(theirs, *request)) != (answered := ask(ours, *request))
        ]
        assert differing == []
        for path in APPLIED:
            assert ask(theirs, "PUT", path)[0] == 301
            assert ask(ours, "PUT", path)[0] == 200
        beside = ask(ours, "GET", "/-/healthy")
        assert beside[0] == 404, "all of that was under the prefix"
