"""Fixtures: a gateway of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateways import Server, shardgate


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Server]:
    """An empty shardgate."""
    with shardgate(tmp_path) as server:
        yield server
