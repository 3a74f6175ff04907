"""A job that is not base64: apart from the other requests, since 1.5.1 locks up after the first.

A later request of the same method to the same route is never answered there, so each value gets a
reference of its own and asks it once by each method and route.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from compare import answer_differences
from gateways import Server, pushgateway
from request import Request

METHODS = ("PUT", "POST", "DELETE")


@pytest.mark.parametrize("job", ["Y", "!", "YQ=x", "a+b", "%20", "%FF"])
def test_a_job_that_is_not_base64_is_answered_as_by_the_pushgateway(
    gateway: Server, tmp_path: Path, job: str
) -> None:
    with pushgateway(tmp_path) as reference:
        for method in METHODS:
            for labels in ("", "/x/1"):
                request = Request(method, f"/metrics/job@base64/{job}{labels}".encode(), b"m 1\n")
                answers = [request.send(server.connect()) for server in (gateway, reference)]
                assert answers[1].status == 400
                assert answer_differences(*answers) == []
