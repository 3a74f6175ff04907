"""The script that starts a set for a reader does what it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from programs import await_that

SCRIPT = Path(__file__).parent / "three"
START_SECONDS_MAX = 60.0


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)


def test_the_commands_that_it_prints_work(tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    with printed.open("wb") as output:
        # On the loopback, as a reader has it.
        environment = {name: value for name, value in os.environ.items() if name != "CLUSTER_ISOLATED"}
        script = subprocess.Popen([sys.executable, SCRIPT], stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        def printed_all() -> bool:
            return "Ctrl-C ends" in printed.read_text() or script.poll() is not None

        await_that(printed_all, "it has started", START_SECONDS_MAX)
        commands = re.findall(r"^  (\S.*)$", printed.read_text(), re.MULTILINE)
        assert len(commands) == 5, printed.read_text()
        push, first, second, kill = commands[:4]
        assert shell(push).returncode == 0
        for scrape in (first, second):
            # A replica that has not answered the push shows it some milliseconds later.
            shown = ['some_metric{instance="",job="some_job"} 3.14']
            await_that(lambda scrape=scrape: shell(scrape).stdout.splitlines()[1:] == shown, scrape, 5.0)
        assert shell(kill).returncode == 0
        # The next push waits for the next leader.
        assert shell(push.replace("curl ", "curl --fail ")).returncode == 0
        assert any(shell(scrape).stdout for scrape in (first, second))
    finally:
        script.terminate()
        script.wait(30)
    pids = [int(pid) for pid in re.findall(r"\bpid (\d+)", printed.read_text())]
    assert len(pids) == 6 and not any(Path(f"/proc/{pid}").exists() for pid in pids)
