"""The container and the manifests, as far as they can be checked without an engine and a cluster."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from conftest import REPOSITORY, binary

DOCKERFILE = REPOSITORY / "packaging/docker/Dockerfile"
MANIFESTS = sorted((REPOSITORY / "packaging/kubernetes").glob("*.yaml"))
# The operator's own kinds have no schema that is carried along.
WITHOUT_SCHEMA = {"ServiceMonitor"}


def documents() -> list[dict]:
    return [one for file in MANIFESTS for one in yaml.safe_load_all(file.read_text())]


def named(kind: str) -> dict:
    (found,) = (one for one in documents() if one["kind"] == kind)
    return found


def test_the_dockerfile_keeps_the_rules_of_hadolint() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_dockerfile_copies_what_there_is_and_cargo_needs_no_more(tmp_path: Path) -> None:
    ignored = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().splitlines()
    copied = set()
    for words in re.findall(r"^COPY (?!--)(.+)$", DOCKERFILE.read_text(), re.MULTILINE):
        copied |= set(shlex.split(words)[:-1])
    assert {f"!{source}" for source in copied} == set(ignored) - {"*"}
    for source in copied:
        (tmp_path / source).symlink_to((REPOSITORY / source).resolve(strict=True))
    # Reads every manifest, and that all that they name is there.
    command = ["cargo", "metadata", "--locked", "--offline", "--format-version=1", "--no-deps"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_health_check_of_the_image_is_a_command_that_the_program_has() -> None:
    check = re.search(r"^HEALTHCHECK .*\\\n\s+CMD (\[.+\])$", DOCKERFILE.read_text(), re.MULTILINE)
    assert check
    program, *words = json.loads(check[1])
    assert f" {program}\n" in DOCKERFILE.read_text()
    # No gateway is where no port is: the command is understood, and answers.
    done = subprocess.run([binary(), *words, "--url=http://127.0.0.1:1"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "/-/healthy: cannot connect" in done.stderr, done.stderr


@pytest.mark.parametrize("one", documents(), ids=lambda one: one["kind"])
def test_manifests_keep_their_schemas(one: dict) -> None:
    if one["kind"] in WITHOUT_SCHEMA:
        assert one["apiVersion"] == "monitoring.coreos.com/v1"
        return
    # The oldest and the newest that may be met.
    for version in ("1.25", "1.37"):
        kubernetes_validate.validate(one, version, strict=True)
    one["spec"]["shardgate"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(one, "1.37", strict=True)


def test_manifests_find_each_other() -> None:
    pods = named("StatefulSet")["spec"]["template"]
    labels, (container,) = pods["metadata"]["labels"], pods["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    service = named("Service")
    selectors = [
        named("StatefulSet")["spec"]["selector"]["matchLabels"],
        named("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        named("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        service["spec"]["selector"],
    ]
    assert all(selector == labels for selector in selectors)
    assert named("StatefulSet")["spec"]["serviceName"] == service["metadata"]["name"]
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for probe, path in [("startup", "/-/ready"), ("readiness", "/-/ready"), ("liveness", "/-/healthy")]:
        asked = container[f"{probe}Probe"]["httpGet"]
        assert asked["path"] == path and asked["port"] in ports
    monitor = named("ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["endpoints"]
    assert endpoint["honorLabels"] is True
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    (claim,) = named("StatefulSet")["spec"]["volumeClaimTemplates"]
    (mount,) = container["volumeMounts"]
    assert mount["name"] == claim["metadata"]["name"]
    assert any(arg.startswith(f"--persistence.file={mount['mountPath']}/") for arg in container["args"])
