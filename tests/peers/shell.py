"""Runs shell lines as a tutorial prints them, with the gateway's address in `$GATEWAY`."""

from __future__ import annotations

import os
import subprocess

from gateways import Server

SECONDS_MAX = 30


def run(gateway: Server, script: str) -> str:
    """What the script prints; fails where any command of it fails, curl on a 4xx included."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, "GATEWAY": gateway.url},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout
