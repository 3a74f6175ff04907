"""Node's prom-client, as jobs push with it; each push is checked by what a scrape then holds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gateways import REPOSITORY, Server
from scrape import scrape

NODE_PACKAGE = Path(__file__).parent / "node"


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """prom-client installed once, outside of the sources: `PEERS_NODE_DIR` or under target/."""
    directory = Path(os.environ.get("PEERS_NODE_DIR", REPOSITORY / "target" / "peers" / "node"))
    directory.mkdir(parents=True, exist_ok=True)
    for source in NODE_PACKAGE.iterdir():
        shutil.copy(source, directory)
    if not (directory / "node_modules" / "prom-client").is_dir():
        install = ["npm", "ci", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=directory, check=True, timeout=300, capture_output=True)
    return directory


def node(
    directory: Path, gateway: Server, action: str, groupings: dict[str, str], *options: str
) -> int:
    """The status that prom-client saw."""
    arguments = [gateway.url, action, json.dumps(groupings), *options]
    done = subprocess.run(
        ["node", "push.mjs", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("key", [{}, {"instance": "node-1"}, {"city": "Zürich"}], ids=str)
def test_node_pushes_adds_and_deletes_a_group(
    gateway: Server, node_modules: Path, key: dict[str, str]
) -> None:
    assert node(node_modules, gateway, "push", key) == 200
    found = scrape(gateway)
    assert found.types["node_rows"] == "counter"
    assert found.value("node_rows_total", job="node batch", kind="é", **key) == 5
    assert found.value("node_seconds_bucket", job="node batch", le="+Inf", **key) == 1

    assert node(node_modules, gateway, "pushAdd", key) == 200
    assert scrape(gateway).value("node_rows_total", job="node batch", kind="é", **key) == 5

    assert node(node_modules, gateway, "delete", key) == 202
    assert scrape(gateway).values("push_time_seconds") == []


def test_node_pushes_gzip(gateway: Server, node_modules: Path) -> None:
    assert node(node_modules, gateway, "push", {}, "gzip") == 200
    assert scrape(gateway).value("node_rows_total", job="node batch", kind="é") == 5
