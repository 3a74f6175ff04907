"""A push that is refused before its body has been read: every client sees the status, over HTTP/2 and HTTP/1.1."""

from __future__ import annotations

from pathlib import Path

import pytest

from refusals import CLIENTS, REFUSALS, SIZES, Refusal, body, refusing, url

COUNT = 200


@pytest.mark.parametrize("version", [2, 1], ids=["http2", "http1"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: str(refusal.status))
def test_a_refusal_is_seen_by_every_client(
    tmp_path: Path, refusal: Refusal, client: str, version: int
) -> None:
    with refusing(tmp_path, refusal) as server:
        target = url(server, refusal)
        each = -(-COUNT // len(SIZES[version]))
        for size in SIZES[version]:
            seen = CLIENTS[client](target, body(tmp_path, size), each, version)
            assert seen == {f"{refusal.status} over HTTP/{version}": each}, size
