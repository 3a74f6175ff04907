"""The package from its installation to its purge, on a machine that systemd runs."""

from __future__ import annotations

import json
import re
import shutil

from conftest import REPOSITORY, Packages
from machine import Machine, wait_until

ACCOUNTS = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid")
PUSH = "echo 'kept{a=\"b\"} 3.5' | curl -sSf --data-binary @- localhost:9091/metrics/job/nightly"


def accounts(machine: Machine) -> list[str]:
    return [(machine.root / file.lstrip("/")).read_text() for file in ACCOUNTS]


def scrape(machine: Machine) -> str:
    return machine.run("curl", "-sSf", "localhost:9091/metrics")


def test_it_is_installed_upgraded_removed_and_purged(machine: Machine, packages: Packages) -> None:
    before, accounts_before = machine.changed(), accounts(machine)
    machine.install(packages.now)
    # systemd has heard that it is ready: the start of a service that notifies ends only then.
    assert machine.show("ActiveState") == "active"
    assert machine.run("systemctl", "is-enabled", "shardgate").strip() == "enabled"
    assert machine.run("systemctl", "is-enabled", "shardgate.socket", ok=False).strip() == "disabled"
    assert machine.run("shardgate", "healthcheck").startswith("http://127.0.0.1:9091/-/ready: 200")
    process = machine.show("MainPID")
    assert machine.run("ps", "-o", "user=", process).strip() == "shardgate"
    machine.shell(PUSH)
    shown = scrape(machine)
    assert 'kept{a="b",instance="",job="nightly"} 3.5' in shown
    # What the gateway reads of the kernel it may still read, hardened as it is.
    for family in ("process_start_time_seconds", "process_open_fds", "process_max_fds"):
        assert f"\n{family} " in shown, family

    machine.write("/etc/default/shardgate", 'ARGS="--web.enable-admin-api --log.level=debug"\n')
    machine.install(packages.next)
    assert machine.show("ActiveState") == "active" and machine.show("MainPID") != process
    assert "version: 99.0" in machine.run("dpkg-query", "-W", "-f", "version: ${Version}", "shardgate")
    assert "--log.level=debug" in (machine.root / "etc/default/shardgate").read_text()
    flags = json.loads(machine.run("curl", "-sSf", "localhost:9091/api/v1/status"))["data"]["flags"]
    assert flags["web.enable-admin-api"] == "true"
    assert flags["persistence.file"] == "/var/lib/shardgate/metrics.store"
    assert 'kept{a="b",instance="",job="nightly"} 3.5' in scrape(machine)

    machine.run("dpkg", "--remove", "shardgate")
    assert machine.show("ActiveState") == "inactive"
    machine.run("test", "-s", "/var/lib/shardgate/metrics.store")
    machine.install(packages.next)
    assert 'kept{a="b",instance="",job="nightly"} 3.5' in scrape(machine)

    machine.run("dpkg", "--purge", "shardgate")
    (machine.root / "root" / packages.now.name).unlink()
    (machine.root / "root" / packages.next.name).unlink()
    left = {path for path in machine.changed() - before if path.rstrip("-") not in ACCOUNTS}
    assert not left, left
    assert accounts(machine) == accounts_before
    assert not (machine.root / "var/lib/shardgate").exists()


def test_one_that_hangs_is_started_anew(machine: Machine, packages: Packages) -> None:
    quick = "[Service]\nWatchdogSec=1\nRestartSec=50ms\n"
    machine.write("/etc/systemd/system/shardgate.service.d/quick.conf", quick)
    machine.install(packages.now)
    hung = machine.show("MainPID")
    machine.run("kill", "-STOP", hung)
    wait_until(
        "the watchdog notices",
        lambda: machine.show("MainPID") not in ("0", hung) and machine.show("ActiveState") == "active",
        seconds=120,  # Ten to notice; a busy machine takes its time to end and start it.
    )
    assert machine.show("NRestarts") == "1"
    machine.run("shardgate", "healthcheck")


def test_the_socket_outlives_the_gateway(machine: Machine, packages: Packages) -> None:
    machine.install(packages.now)
    machine.write("/etc/default/shardgate", 'ARGS="--web.systemd-socket"\n')
    machine.shell("systemctl stop shardgate; systemctl enable --now shardgate.socket")
    assert machine.show("ActiveState") == "inactive"
    # The first push starts it.
    machine.shell(PUSH)
    wait_until("it has started", lambda: machine.show("ActiveState") == "active")
    assert "200 OK" in machine.run("shardgate", "healthcheck", "--url=unix:///run/shardgate.sock")
    socket = machine.run("stat", "-c", "%U:%G %a", "/run/shardgate.sock").strip()
    assert socket == "root:shardgate 660"
    machine.run("systemctl", "stop", "shardgate")
    # Answered, though nothing ran when it was asked.
    machine.run("curl", "-sSf", "localhost:9091/-/healthy")
    wait_until("it has started again", lambda: machine.show("ActiveState") == "active")
    assert "kept" in scrape(machine)


def test_a_port_that_prometheus_pushgateway_has_is_left_to_it(machine: Machine, packages: Packages) -> None:
    machine.run("systemctl", "start", "prometheus-pushgateway")
    theirs = "curl -sf localhost:9091/metrics | grep -q '^pushgateway_build_info'"
    wait_until("the Pushgateway serves", lambda: machine.run("sh", "-c", f"{theirs} && echo yes", ok=False) != "")
    machine.install(packages.now)
    assert machine.show("ActiveState") != "active"
    log = machine.run("journalctl", "--unit=shardgate", "--output=cat")
    assert "cannot listen on" in log and "9091" in log, log
    # Over to shardgate, with the flags that the Pushgateway had.
    machine.write("/etc/default/shardgate", 'ARGS="--web.enable-lifecycle --web.telemetry-path=/m"\n')
    machine.shell("systemctl stop prometheus-pushgateway; systemctl reset-failed shardgate; systemctl start shardgate")
    assert "shardgate_" in machine.run("curl", "-sSf", "localhost:9091/m")


def test_the_commands_of_the_docs_work(machine: Machine, packages: Packages) -> None:
    page = (REPOSITORY / "docs/deploy/packages.md").read_text()
    blocks = re.findall(r"tests/packages runs it[^\n]*-->\n```sh\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 3
    shutil.copy(packages.now, machine.root / "root")
    # Root needs no sudo, and may have none.
    said = "".join(machine.shell("cd /root\n" + block.replace("sudo ", "")) for block in blocks)
    assert "some_metric" in said and "200 OK" in said
    assert machine.run("getent", "passwd", "shardgate", ok=False) == ""
