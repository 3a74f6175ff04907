"""docs/deploy/first-ten-minutes.md: its commands, as they stand there, lead from a package to a group in a real Prometheus."""

from __future__ import annotations

import re
import shutil

from conftest import REPOSITORY, Packages
from machine import Machine, wait_until

PAGE = REPOSITORY / "docs/deploy/first-ten-minutes.md"
FENCE = re.compile(r"<!-- not run: (?P<reason>[^\n]*) -->\n```sh\n(?P<text>.*?)```", re.DOTALL)
# Root needs no sudo, and a machine for tests has none.
AS_ROOT = 'sudo() { "$@"; }\ncd /root\n'


def commands() -> list[str]:
    """The blocks of the page but for the build."""
    text = PAGE.read_text()
    found = [block["text"] for block in FENCE.finditer(text) if "builds" not in block["reason"]]
    assert text.count("```sh") == len(found) + 1, "every block but one is run"
    return found


def test_the_page_leads_from_nothing_to_a_group_in_prometheus(machine: Machine, packages: Packages) -> None:
    shutil.copy(packages.now, machine.root / "root")
    install, push, demo, configure, ask = commands()
    assert packages.now.name in install, "the page names the package"
    assert "-/ready: 200 OK" in machine.shell(AS_ROOT + install)
    assert 'rows{instance="",job="nightly"} 12' in machine.shell(AS_ROOT + push)
    assert "pushed" in machine.shell(AS_ROOT + demo)
    machine.shell(AS_ROOT + configure)
    quick = ask.replace("sleep 10\n", "")

    def is_shown() -> bool:
        answer = machine.run("bash", "-c", quick, ok=False)
        return '"job":"nightly"' in answer and '"12"' in answer

    wait_until("the group is in Prometheus", is_shown, seconds=120)
    jobs = machine.run(
        "curl", "-s", "-G", "localhost:9090/api/v1/query", "--data-urlencode", "query=count(job_duration_seconds)"
    )
    assert '"value"' in jobs, jobs
