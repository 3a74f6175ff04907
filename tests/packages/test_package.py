"""What the package is made of."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

from conftest import REPOSITORY, Packages, binary, build

# `systemd-analyze security` counts from 0, nothing is left to attack, to 10. In docs/deploy/systemd.md, too.
EXPOSURE_MAX = 1.3


def said(*command: str | Path) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}"
    return done.stdout


def test_it_has_the_version_of_the_program(packages: Packages) -> None:
    version = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    assert said("dpkg-deb", "--field", packages.now, "Version").strip() == version
    for name in ("packaging/docker/Dockerfile", "packaging/kubernetes/shardgate.yaml"):
        assert f"shardgate:{version}" in (REPOSITORY / name).read_text(), name


def test_it_depends_on_what_the_binary_links(packages: Packages) -> None:
    depends = said("dpkg-deb", "--field", packages.now, "Depends")
    assert re.search(r"libc6 \(>= [\d.]+\)", depends) and "libgcc-s1" in depends and "adduser" in depends


def test_the_same_binary_makes_the_same_package(packages: Packages, tmp_path: Path) -> None:
    assert build(tmp_path / "again").read_bytes() == packages.now.read_bytes()


def test_its_files_are_roots_and_writable_by_nobody_else(packages: Packages) -> None:
    lines = said("dpkg-deb", "--contents", packages.now).splitlines()
    for line in lines:
        assert re.match(r"[-d]rw[-x]r-[-x]r-[-x] root/root ", line), line
    assert any(line.endswith("./usr/bin/shardgate") for line in lines)


def test_the_manual_and_the_completions_are_read_without_complaint(packages: Packages, tmp_path: Path) -> None:
    said("dpkg-deb", "--extract", packages.now, tmp_path)
    page = tmp_path / "usr/share/man/man1/shardgate.1.gz"
    # All that is wrong with the page; not that a long line cannot be broken nicely.
    warnings = "--warnings=mac,reg,syntax,escape,font,char,missing"
    shown = said("env", "MANWIDTH=100", "LC_ALL=C.UTF-8", "man", warnings, "--local-file", page)
    assert "warning:" not in shown, shown
    assert "--persistence.file" in shown and "shardgate store export" in shown
    completions = tmp_path / "usr/share/bash-completion/completions/shardgate"
    words = f"source {completions}; COMP_WORDS=(shardgate st); COMP_CWORD=1; _shardgate shardgate st; echo ${{COMPREPLY[@]}}"
    assert said("bash", "-c", words).strip() == "store"
    for name in ("zsh/vendor-completions/_shardgate", "fish/vendor_completions.d/shardgate.fish"):
        assert "web.listen-address" in (tmp_path / "usr/share" / name).read_text()


def test_its_samples_are_valid_as_they_are(packages: Packages, tmp_path: Path) -> None:
    said("dpkg-deb", "--extract", packages.now, tmp_path)
    samples = tmp_path / "usr/share/doc/shardgate/examples"
    said(binary(), "check", "web-config", samples / "web.yml")
    said(binary(), "check", "policy", samples / "policy.yml")
    for name in ("alerts.yml", "recording.yml", "replicas.yml", "replicas-scrape.yml", "replicas.cfg", "scrape.yml", "dashboard.json"):
        source = next((REPOSITORY / "packaging").glob(f"*/{name}"))
        assert (samples / name).read_bytes() == source.read_bytes(), name


def test_the_unit_leaves_little_to_attack() -> None:
    unit = REPOSITORY / "packaging/systemd/shardgate.service"
    shown = said("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    exposure = re.search(r"Overall exposure level for shardgate.service: ([\d.]+)", shown)
    assert exposure and float(exposure[1]) <= EXPOSURE_MAX, shown
    assert f"{EXPOSURE_MAX}" in (REPOSITORY / "docs/deploy/systemd.md").read_text()


def test_every_unit_and_manifest_starts_the_program_with_flags_that_it_has() -> None:
    shown = said(binary(), "--help")
    used = set()
    for file in (REPOSITORY / "packaging").rglob("*"):
        if file.is_file() and file.suffix != ".cfg":
            used |= set(re.findall(r"--(?:web|persistence|push|auth|log)\.[a-z.-]+[a-z]", file.read_text()))
    assert "--persistence.file" in used
    assert all(flag in shown for flag in used), used
