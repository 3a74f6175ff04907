"""The rules and panels about replica sets find in a real Prometheus what they are for; the docs know their metrics."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from gateways import REPOSITORY
from load import Load
from programs import await_that
from prometheus_server import configured, found
from replica_set import Replica, ReplicaSet
from test_monitoring import DASHBOARD, DOCS, METRIC_ROW, OF_A_SET, RULES, await_each_found

VARIABLES = {"$job": "shardgate-replica", "$instance": ".+", "$__rate_interval": "1m"}
LOWER = {
    "ShardgateReplicaBehind": ("> 10", ">= 0"),
    "ShardgateLeaderChanges": ("> 5", "> 0"),
    "ShardgateAppendsSlow": ("> 0.5", "> 0"),
    "ShardgateAppendsInDoubt": ("> 0", ">= 0"),
    "ShardgatePushesHeld": ("> 0", ">= 0"),
    "ShardgateForwardsFailing": ('result!~"answered|late|refused"', 'result="answered"'),
    "ShardgateSetWithoutLeader": ("== 0", ">= 0"),
}
"""Bounds that a test cannot exceed in its time; promtool tests them as they are."""


def rules() -> list[dict[str, Any]]:
    file = yaml.safe_load((RULES / "replicas.yml").read_text())
    return [rule for group in file["groups"] for rule in group["rules"]]


def test_promtool_agrees_with_the_rules() -> None:
    names = {rule["alert"] for rule in rules()}
    unit = yaml.safe_load((RULES / "replicas_test.yml").read_text())
    fires, silent = set[str](), set[str]()
    for case in (case for test in unit["tests"] for case in test["alert_rule_test"]):
        (fires if case["exp_alerts"] else silent).add(case["alertname"])
    assert fires == silent == names
    for words in (["check", "config", "replicas-scrape.yml"], ["test", "rules", "replicas_test.yml"]):
        done = subprocess.run(["promtool", *words], cwd=RULES, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def of_sets(panel: dict[str, Any]) -> dict[str, str]:
    expressions = {}
    for target in panel.get("targets", []):
        expression = target["expr"]
        for variable, value in VARIABLES.items():
            expression = expression.replace(variable, value)
        if OF_A_SET in expression:
            expressions[f"{panel['title']} {target['refId']}"] = expression
    return expressions


def test_each_rule_and_each_panel_finds_what_it_is_for(three: ReplicaSet, tmp_path: Path) -> None:
    config = yaml.safe_load((RULES / "replicas-scrape.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"}
    config["rule_files"] = [str(RULES / name) for name in config["rule_files"]]
    proxy, replicas = (job["static_configs"][0] for job in config["scrape_configs"])
    proxy["targets"] = [f"127.0.0.1:{three.proxy.port}"]
    replicas["targets"] = [replica.url.removeprefix("http://") for replica in three.replicas]
    expressions = {}
    for rule in rules():
        name, expression = rule["alert"], rule["expr"]
        if name in LOWER:
            assert expression.count(LOWER[name][0]) == 1, expression
            expression = expression.replace(*LOWER[name])
        expressions[name] = expression
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        expressions |= of_sets(panel)
    with configured(tmp_path, yaml.safe_dump(config)) as prometheus, Load(three) as load:
        # An increase needs a sample from before it.
        takeovers = "shardgate_cluster_takeovers_total"
        await_that(lambda: len(found(prometheus, takeovers)) == len(three.replicas), "a scrape of each replica")
        three.leader().program.kill()
        load.await_acknowledged(50)
        apart = 'last_over_time(shardgate_cluster_role{role=~"connecting|stepped_back"}[1m])'
        expressions["ShardgateReplicaApart"] = apart
        await_each_found(prometheus, {"ShardgateReplicaDown": expressions.pop("ShardgateReplicaDown")})
        three.start()
        await_each_found(prometheus, expressions)
        up = 'up{job="shardgate"}'
        await_that(lambda: [one["value"][1] for one in found(prometheus, up)] == ["1"], "the set is one target that is up")


def families(replica: Replica) -> dict[str, tuple[str, frozenset[str]]]:
    answer = replica.ask("GET", "/-/metrics")
    assert answer is not None and answer.status == 200, answer
    shown = {}
    for family in text_string_to_metric_families(answer.text):
        name = family.name + "_total" * (family.type == "counter")
        if name.startswith(OF_A_SET):
            labels = frozenset(label for sample in family.samples for label in sample.labels)
            shown[name] = (family.type, labels)
    return shown


def test_the_docs_know_each_metric_of_a_replica(three: ReplicaSet) -> None:
    told = {
        name: (kind, frozenset(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in METRIC_ROW.findall((DOCS / "metrics.md").read_text())
        if name.startswith(OF_A_SET)
    }
    three.push("one", 1)
    for replica in three.replicas:
        assert families(replica) == told, replica.name


@pytest.mark.parametrize("alert", [rule["alert"] for rule in rules()])
def test_the_runbook_has_each_alert(alert: str) -> None:
    assert f"| `{alert}` |" in (REPOSITORY / "docs" / "monitoring.md").read_text()
