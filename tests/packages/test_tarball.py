"""The release tarball: what is in it, its SBOM and its sums."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import tomllib
from pathlib import Path

from conftest import REPOSITORY, binary

TARBALL = REPOSITORY / "packaging/tarball"


def made(directory: Path) -> Path:
    directory.mkdir()
    subprocess.run([TARBALL, "--dynamic", binary(), directory], check=True, capture_output=True)
    (tarball,) = directory.glob("*.tar.gz")
    return tarball


def test_it_holds_a_program_that_runs_and_the_same_binary_makes_the_same_bytes(tmp_path: Path) -> None:
    tarball = made(tmp_path / "one")
    assert tarball.read_bytes() == made(tmp_path / "two").read_bytes()
    with tarfile.open(tarball) as archive:
        members = {member.name.partition("/")[2]: member for member in archive.getmembers()}
        archive.extractall(tmp_path, filter="data")
    for name in ("shardgate", "LICENSE", "examples/alerts.yml", "examples/dashboard.json", "man/shardgate.1"):
        assert members[name].isfile() and members[name].uid == 0, members
    program = tmp_path / tarball.name.removesuffix(".tar.gz") / "shardgate"
    version = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    assert said.startswith(f"shardgate {version} ")


def test_the_sums_are_those_of_the_files_and_the_sbom_names_every_crate(tmp_path: Path) -> None:
    directory = made(tmp_path / "one").parent
    sums = dict(reversed(line.split("  ")) for line in (directory / "SHA256SUMS").read_text().splitlines())
    assert len(sums) == 2
    for name, expected in sums.items():
        assert hashlib.sha256((directory / name).read_bytes()).hexdigest() == expected
    (file,) = directory.glob("*.cdx.json")
    sbom = json.loads(file.read_text())
    assert sbom["metadata"]["component"]["name"] == "shardgate"
    parts = {part["name"]: part for part in sbom["components"]}
    direct = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["dependencies"]
    assert set(direct) <= set(parts)
    assert all(part["licenses"] and part["hashes"] for part in parts.values()), parts


def test_a_binary_that_needs_libraries_is_refused_unless_it_is_meant(tmp_path: Path) -> None:
    done = subprocess.run([TARBALL, binary(), tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "needs libraries of the system" in done.stderr
    assert not list(tmp_path.iterdir())
