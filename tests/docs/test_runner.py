"""The runner notices what it must: a page that is wrong in one way, each time, is found to be."""

from __future__ import annotations

from pathlib import Path

import pytest

import counts
from pages import blocks
from play import play

PAGE = Path("docs/made-up.md")


@pytest.fixture(autouse=True)
def _counts_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("run", "compared", "shown", "not_run"):
        monkeypatch.setattr(counts, name, type(getattr(counts, name))())
    counts.not_run.default_factory = list


def fenced(tag: str, text: str) -> str:
    return f"```{tag}\n{text}\n```\n"


PUSH = fenced("sh", "echo 'm 1' | curl --data-binary @- http://localhost:9091/metrics/job/j")
SHOWN = "curl -s http://gateway.example.org:9091/metrics | grep ^m"

GOOD = {
    "a push and its output": PUSH
    + fenced("sh", SHOWN)
    + "<!-- output -->\n"
    + fenced("text", 'm{instance="",job="j"} 1'),
    "a console": PUSH + fenced("console", f'$ {SHOWN}\nm{{...,job="j"}} 1\n$ true\n$ echo a \\\n> b\na b'),
    "a gateway with flags": fenced(
        "sh",
        "target/release/shardgate --web.enable-admin-api\ncurl -X PUT http://localhost:9091/api/v1/admin/wipe",
    ),
    "what is marked": "<!-- not run: needs docker -->\n\n" + fenced("sh", "exit 1"),
    "a file that is used further down": fenced("yaml", "# a.yml\nusers:\n  a: { scrape: true }")
    + fenced("sh", "shardgate check policy a.yml"),
    "what a reader has before": "<!-- given: prometheus-pushgateway --persistence.file= -->\n"
    + fenced("console", "$ curl -s http://localhost:9091/metrics | grep -o shardgate_series")
    + "<!-- given: echo 3 >here -->\n"
    + fenced("console", "$ cat here\n3"),
    "a gateway that takes the place of another": PUSH
    + fenced("sh", "shardgate")
    + fenced("console", f"$ {SHOWN}"),
    "two gateways": fenced("sh", "shardgate --web.listen-address=:9102")
    + PUSH.replace("9091", "9102")
    + fenced("console", f"$ {SHOWN}\n$ {SHOWN.replace('9091', '9102')}\nm{{...}} 1"),
    "a program": fenced("python", "import prometheus_client"),
}

BAD = {
    "a command that fails": (fenced("sh", "true\nfalse\ntrue"), "status 1"),
    "a pipe that fails": (fenced("sh", "false | true"), "status 1"),
    "a 404": (fenced("sh", "curl http://localhost:9091/nothing"), "404"),
    "a flag that is not there": (fenced("sh", "shardgate --no-such-flag"), "no-such-flag"),
    "another output": (
        fenced("sh", "echo a") + "<!-- output -->\n" + fenced("text", "b"),
        "made-up.md:5: another output",
    ),
    "something given that fails": ("<!-- given: false -->\n" + PUSH, "what is given failed"),
    "output of nothing": ("<!-- output -->\n" + fenced("text", "b"), "output of nothing"),
    "another output on a console": (fenced("console", "$ echo a\nb"), "it printed\na"),
    "more output on a console": (fenced("console", "$ echo a; echo b\na"), "it printed\na\nb"),
    "a console without a prompt": (fenced("console", "echo a"), "begins with"),
    "no tag": (fenced("", "echo a"), "no `<!-- not run: REASON -->`"),
    "an unknown tag": (fenced("cobol", "STOP RUN."), "no `<!-- not run: REASON -->`"),
    "a marker without a reason": ("<!-- not run: -->\n" + fenced("cobol", "x"), "not run: REASON"),
    "a marker of another block": (
        "<!-- not run: needs docker -->\n" + fenced("sh", "x") + fenced("cobol", "x"),
        "made-up.md:5",
    ),
    "a marker far away": ("<!-- not run: no -->\nText.\n" + fenced("cobol", "x"), "made-up.md:3"),
    "YAML of no kind": (fenced("yaml", "kind: Pod"), "of no kind"),
    "a policy that is wrong": (fenced("yaml", "users:\n  a: { fly: true }"), "fly"),
    "a web configuration that is wrong": (fenced("yaml", "rate_limit: { often: 1 }"), "often"),
    "a Prometheus configuration that is wrong": (
        fenced("yaml", "scrape_configs:\n  - job_name: a\n    honour_labels: true"),
        "honour_labels",
    ),
    "rules that are wrong": (
        fenced("yaml", "groups:\n  - name: a\n    rules:\n      - alert: A\n        expr: sum("),
        "sum(",
    ),
    "a unit that is wrong": (
        fenced("ini", "# /etc/systemd/system/a.service\n[Service]\nExecStart=/bin/true\nRestrat=no"),
        "Restrat",
    ),
    "JSON that is none": (fenced("json", "{"), "not JSON"),
    "a Python program that fails": (fenced("python", "raise SystemExit(3)"), "status 3"),
    "a Node program that fails": (fenced("js", "throw new Error('no')"), "Error: no"),
    "a block without an end": ("```sh\ntrue\n", "without an end"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_page_that_is_right(name: str, tmp_path: Path) -> None:
    assert play(PAGE, GOOD[name], tmp_path / "page") == []


@pytest.mark.parametrize("name", BAD)
def test_a_page_that_is_wrong(name: str, tmp_path: Path) -> None:
    text, named = BAD[name]
    wrong = "\n".join(play(PAGE, text, tmp_path / "page"))
    assert named in wrong, wrong
    assert wrong.startswith(str(PAGE))


def test_what_is_not_run_is_counted_by_its_reason(tmp_path: Path) -> None:
    assert play(PAGE, GOOD["what is marked"], tmp_path / "page") == []
    assert counts.lines()[-1].split() == ["1", "needs", "docker:", "docs/made-up.md:3"]


def test_blocks_in_lists_are_found() -> None:
    (block,) = blocks(PAGE, "1. First\n\n   ```sh\n   cat <<E\n     deep\n   E\n   ```\n")
    assert block.text == "cat <<E\n  deep\nE\n" and block.line == 3
