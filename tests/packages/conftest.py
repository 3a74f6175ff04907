"""Fixtures: the packages, built from the binary under test, and machines to install them on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from machine import Machine, booted

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = REPOSITORY / "target" / "packages"
BUILD_SECONDS_MAX = 300.0


def binary() -> Path:
    """The gateway under test: `SHARDGATE_BIN`."""
    return Path(os.environ["SHARDGATE_BIN"])


def build(directory: Path, *version: str) -> Path:
    """The package of the binary, made in a new directory."""
    directory.mkdir(parents=True)
    command = [REPOSITORY / "packaging/debian/build", binary(), directory, *version]
    # xz, dpkg's own choice, would compress for longer than all tests take.
    quick = {"DPKG_DEB_COMPRESSOR_TYPE": "gzip", "DPKG_DEB_COMPRESSOR_LEVEL": "1"}
    environment = {**os.environ, **quick}
    subprocess.run(command, check=True, capture_output=True, env=environment, timeout=BUILD_SECONDS_MAX)
    (package,) = directory.glob("*.deb")
    return package


@dataclass(frozen=True)
class Packages:
    now: Path
    next: Path
    """The same binary as a later version."""


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    at = tmp_path_factory.mktemp("packages")
    return Packages(build(at / "now"), build(at / "next", "99.0"))


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with booted(tmp_path_factory.mktemp("machine")) as machine:
        yield machine
