"""The container and the manifests, as far as they can be checked without an engine and a cluster."""

from __future__ import annotations

import json
import re
import shlex
import socket
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
WITHOUT_SCHEMA = {"ServiceMonitor": "monitoring.coreos.com/v1", "ScrapeConfig": "monitoring.coreos.com/v1alpha1"}
ONE, SET = "shardgate", "shardgate-set"
"""The names of a single gateway and of a replica set."""


def documents() -> list[dict]:
    return [one for file in MANIFESTS for one in yaml.safe_load_all(file.read_text())]


def named(kind: str, name: str = ONE) -> dict:
    (found,) = (one for one in documents() if one["kind"] == kind and one["metadata"]["name"] == name)
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


@pytest.mark.parametrize("one", documents(), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_manifests_keep_their_schemas(one: dict) -> None:
    if one["kind"] in WITHOUT_SCHEMA:
        assert one["apiVersion"] == WITHOUT_SCHEMA[one["kind"]]
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


def test_manifests_of_a_set_find_each_other_and_the_program_takes_their_flags(tmp_path: Path) -> None:
    gateways, service, headless = named("StatefulSet", SET), named("Service", SET), named("Service", "shardgate-replicas")
    pods, spread = gateways["spec"]["template"], gateways["spec"]["template"]["spec"]["topologySpreadConstraints"]
    labels, (container,) = pods["metadata"]["labels"], pods["spec"]["containers"]
    policy = named("NetworkPolicy", SET)["spec"]
    selectors = [
        gateways["spec"]["selector"]["matchLabels"],
        named("PodDisruptionBudget", SET)["spec"]["selector"]["matchLabels"],
        policy["podSelector"]["matchLabels"],
        policy["egress"][0]["to"][0]["podSelector"]["matchLabels"],
        service["spec"]["selector"],
        headless["spec"]["selector"],
        *(one["labelSelector"]["matchLabels"] for one in spread),
    ]
    assert all(selector == labels for selector in selectors)
    # A single gateway in the same namespace has its own.
    assert labels.items().isdisjoint(named("StatefulSet")["spec"]["template"]["metadata"]["labels"].items())
    assert gateways["spec"]["replicas"] == 3 and named("PodDisruptionBudget", SET)["spec"]["maxUnavailable"] == 1
    assert gateways["spec"]["serviceName"] == headless["metadata"]["name"] and headless["spec"]["clusterIP"] == "None"
    ports = {port["name"] for port in container["ports"]}
    for one in (service, headless):
        assert {port["targetPort"] for port in one["spec"]["ports"]} <= ports
    monitor = named("ServiceMonitor", "shardgate-replicas")["spec"]
    wanted = monitor["selector"]["matchLabels"].items()
    assert wanted <= headless["metadata"]["labels"].items() and not wanted <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["path"] == "/-/metrics"
    scrape = named("ScrapeConfig", SET)["spec"]
    assert scrape["honorLabels"] is True
    assert scrape["staticConfigs"][0]["targets"][0].split(".")[0] == service["metadata"]["name"]
    (volume,), (mount,) = pods["spec"]["volumes"], container["volumeMounts"]
    assert mount["name"] == volume["name"] and volume["secret"]["defaultMode"] & 0o007 == 0
    # With these flags the program waits for NATS, and does not complain about a flag.
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef0123456789abcdef")
    secret.chmod(volume["secret"]["defaultMode"])
    replaced = {"$(POD_NAME)": "shardgate-set-0", "//nats:4222": "//127.0.0.1:1", mount["mountPath"]: str(tmp_path)}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    words = [f"--web.listen-address={address}"]
    for word in container["args"]:
        for name, value in replaced.items():
            word = word.replace(name, value)
        words.append(word)
    healthy = [binary(), "healthcheck", "--path=/-/healthy", f"--url=http://{address}"]
    with subprocess.Popen([binary(), *words], stderr=subprocess.PIPE, text=True) as gateway:
        try:
            while subprocess.run(healthy, capture_output=True, timeout=10, check=False).returncode != 0:
                assert gateway.poll() is None, gateway.stderr and gateway.stderr.read()
        finally:
            gateway.terminate()
