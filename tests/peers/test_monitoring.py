"""The rules and the dashboard that are shipped: all of their expressions find something in a real Prometheus, when
there is something to be found; the docs know all alerts and metrics."""

from __future__ import annotations

import json
import math
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from gateways import REPOSITORY, Server, free_port
from prometheus_server import configured, found
from troubles import gateways_in_trouble

RULES = REPOSITORY / "packaging" / "prometheus"
DASHBOARD = REPOSITORY / "packaging" / "grafana" / "dashboard.json"
DOCS = REPOSITORY / "docs"
FOUND_SECONDS_MAX = 25.0
VARIABLES = {"$job": "shardgate", "$instance": "127[.]0[.]0[.]1:.+", "$__rate_interval": "1m"}
LOWER = {
    "JobSilent": ("> 86400", ">= 0"),
    "ShardgateScrapeSlow": ("> 5", "> 0"),
    "ShardgateQueueLong": ("> 0.5", ">= 0"),
    "ShardgatePersistenceLag": ("> 60", "> 0.01"),
}
"""Bounds that a test cannot exceed; promtool tests them as they are."""
OWN_NAME = re.compile("shardgate_|pushgateway_|promhttp_|process_")
OF_A_SET = "shardgate_cluster_"
"""Metrics that only replicas have: tests/cluster/test_alerts.py looks for them, their alerts and their panels."""
METRIC_ROW = re.compile(r"^\| `(\w+)` \| (\w+) \|([^|]*)\| .+ \|$", re.MULTILINE)


def rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load((RULES / name).read_text()) for name in ("recording.yml", "alerts.yml")]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    found_panels: list[dict[str, Any]] = dashboard["panels"]
    return found_panels


def alerts_of_sets() -> set[str]:
    file = yaml.safe_load((RULES / "replicas.yml").read_text())
    return {rule["alert"] for group in file["groups"] for rule in group["rules"]}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, Server]]]:
    """A Prometheus with the shipped configuration, and the gateways that it scrapes: one of them is dead."""
    directory = tmp_path_factory.mktemp("monitoring")
    with gateways_in_trouble(directory) as gateways:
        config = yaml.safe_load((RULES / "scrape.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"}
        config["rule_files"] = [str(RULES / name) for name in config["rule_files"]]
        ports = [server.port for server in gateways.values()] + [free_port()]
        targets = [f"127.0.0.1:{port}" for port in ports]
        config["scrape_configs"][0]["static_configs"][0]["targets"] = targets
        with configured(directory, yaml.safe_dump(config)) as prometheus:
            yield prometheus, gateways


def await_each_found(prometheus: Server, expressions: dict[str, str]) -> None:
    """Polls until each has found a number at least once."""
    missing, deadline = dict(expressions), time.monotonic() + FOUND_SECONDS_MAX
    while missing:
        for what, expression in list(missing.items()):
            values = (float(one["value"][1]) for one in found(prometheus, expression))
            if any(not math.isnan(value) for value in values):
                del missing[what]
        assert time.monotonic() < deadline, f"nothing found: {json.dumps(missing, indent=1)}"
        time.sleep(0.2)


def test_promtool_agrees_with_the_rules() -> None:
    names = {rule["alert"] for rule in rules() if "alert" in rule}
    unit = yaml.safe_load((RULES / "alerts_test.yml").read_text())
    fires, silent = set[str](), set[str]()
    for case in (case for test in unit["tests"] for case in test["alert_rule_test"]):
        (fires if case["exp_alerts"] else silent).add(case["alertname"])
    assert fires == silent == names
    for words in (["check", "config", "scrape.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run(
            ["promtool", *words], cwd=RULES, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_finds_what_it_is_for(watched: tuple[Server, dict[str, Server]]) -> None:
    prometheus, _ = watched
    expressions = {}
    for at, rule in enumerate(rules()):
        name, expression = rule.get("alert") or f"{at} {rule['record']}", rule["expr"]
        if name in LOWER:
            assert expression.count(LOWER[name][0]) == 1, expression
            expression = expression.replace(*LOWER[name])
        expressions[name] = expression
    # Of long ago, since there are gateways now.
    expressions["ShardgateAbsent"] = expressions["ShardgateAbsent"].replace(")", " offset 1d)")
    await_each_found(prometheus, expressions)
    for bound in ("series", "bytes", "in_flight", "connections", "files"):
        assert found(prometheus, f'instance:shardgate_used:ratio{{bound="{bound}"}}'), bound
    fired = 'last_over_time(ALERTS{alertname="JobLate",alertstate="firing"}[1m])'
    await_each_found(prometheus, {"JobLate": fired})
    late = found(prometheus, fired)
    assert [one["metric"]["job"] for one in late] == ["late"]
    with urllib.request.urlopen(f"{prometheus.url}/api/v1/rules", timeout=10) as answer:
        groups = json.load(answer)["data"]["groups"]
    errors = {rule["name"]: rule["lastError"] for group in groups for rule in group["rules"] if "lastError" in rule}
    assert not errors and sum(len(group["rules"]) for group in groups) == len(rules())


def test_each_query_of_the_dashboard_finds_something(
    watched: tuple[Server, dict[str, Server]],
) -> None:
    prometheus, _ = watched
    expressions = {}
    for panel in panels():
        for target in panel.get("targets", []):
            expression = target["expr"]
            for variable, value in VARIABLES.items():
                expression = expression.replace(variable, value)
            assert "$" not in expression
            if OF_A_SET not in expression:
                expressions[f"{panel['title']} {target['refId']}"] = expression
    await_each_found(prometheus, expressions)


def test_the_dashboard_belongs_to_no_installation() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    assert dashboard["id"] is None and dashboard["schemaVersion"] >= 38
    variables = {one["name"]: one["type"] for one in dashboard["templating"]["list"]}
    assert variables == {"datasource": "datasource", "job": "query", "instance": "query"}
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'"uid": "([^"]+)"', DASHBOARD.read_text())) == {"shardgate", "${datasource}"}
    taken = set[tuple[int, int]]()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken and max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells


def test_the_docs_know_each_alert() -> None:
    text = (DOCS / "monitoring.md").read_text()
    told = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert told == {rule["alert"] for rule in rules() if "alert" in rule} | alerts_of_sets()


def test_the_docs_know_each_metric(watched: tuple[Server, dict[str, Server]]) -> None:
    _, gateways = watched
    told = {}
    for name, kind, labels in METRIC_ROW.findall((DOCS / "metrics.md").read_text()):
        if not name.startswith(OF_A_SET):
            told[name] = (kind, frozenset(re.findall(r"`(\w+)`", labels)))
    for grouping in ("push_time_seconds", "push_failure_time_seconds"):
        assert told.pop(grouping)[0] == "gauge"
    deadline = time.monotonic() + FOUND_SECONDS_MAX
    while (shown := own_families(gateways["full"]) | own_families(gateways["failing"])) != told:
        assert time.monotonic() < deadline, set(shown.items()) ^ set(told.items())
        time.sleep(0.2)


def own_families(gateway: Server) -> dict[str, tuple[str, frozenset[str]]]:
    """The type and the labels of each that was not pushed."""
    families = {}
    for family in text_string_to_metric_families(scraped(gateway)):
        name = family.name + "_total" * (family.type == "counter")
        if OWN_NAME.match(name):
            labels = frozenset(label for sample in family.samples for label in sample.labels)
            families[name] = (family.type, labels)
    return families


def scraped(gateway: Server) -> str:
    """A scrape, as soon as there is a connection for it."""
    connection = gateway.connect()
    deadline = time.monotonic() + FOUND_SECONDS_MAX
    while (answer := connection.ask("GET", "/metrics")).status != 200:
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    return answer.body.decode()
