"""How a block of each kind is run or checked: by its tag, and for YAML by its keys."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from pages import Block
from sandbox import Done, Sandbox

SHELL = """
# A 4xx or 5xx is a failure, whether or not the manual asks curl to say so.
curl() {
  case " $* " in
    *" --fail"* | *" -f"* | *" -sf"*) command curl "$@" ;;
    *) command curl --fail-with-body "$@" ;;
  esac
}
export -f curl
"""
PROMPT, CONTINUED = "$ ", "> "
END = "end-of-command-"
ANYTHING = "..."
TOP_LEVEL = re.compile(r"^(\w+):", re.MULTILINE)
PROMETHEUS_KEYS = {"global", "rule_files", "scrape_configs", "alerting"}
WEB_KEYS = {"tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"}
POLICY_KEYS = {"users", "tokens", "certificates", "families", "default"}


class Failure(Exception):
    """A block that does not do what the manual says."""


class Unknown(Exception):
    """A block that nothing here can run, and that no marker excuses."""


def matches(shown: str, printed: str) -> bool:
    """Whether that is what was printed; `...` stands for anything."""
    pieces = map(re.escape, shown.rstrip().split(ANYTHING))
    return re.fullmatch(".*?".join(pieces), printed.rstrip(), re.DOTALL) is not None


def expect(shown: str, printed: str, what: str) -> None:
    if not matches(shown, printed):
        raise Failure(f"{what}\n--- the manual shows\n{shown}\n--- it printed\n{printed}")


def run(block: Block, sandbox: Sandbox) -> tuple[str, Done]:
    """The kind that the block is of, and how it went."""
    runner = RUNNERS.get(block.tag)
    if runner is None:
        raise Unknown(f"no way to run a block of kind {block.tag!r}")
    text = sandbox.mapped(block.text)
    if block.given:
        before = sandbox.run("bash", "-euo", "pipefail", "-c", sandbox.mapped(block.given))
        if before.status != 0:
            raise Failure(f"what is given failed: {block.given}\n{before.output}{before.errors}")
    if block.name:
        sandbox.file(block.name).write_text(text)
    kind, done = runner(block, text, sandbox)
    if done.status != 0:
        raise Failure(f"status {done.status}:\n{text}--- it printed\n{done.output}{done.errors}")
    return kind, done


def _sh(_block: Block, text: str, sandbox: Sandbox) -> tuple[str, Done]:
    sandbox.serve()
    return "sh", sandbox.run("bash", "-euo", "pipefail", "-c", SHELL + text)


def _console(_block: Block, text: str, sandbox: Sandbox) -> tuple[str, Done]:
    """What each command prints is compared; how it ends is only what it prints."""
    sandbox.serve()
    commands: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith(PROMPT):
            commands.append((line.removeprefix(PROMPT), []))
        elif not commands:
            raise Failure(f"a console block begins with {PROMPT!r}, not {line!r}")
        elif line.startswith(CONTINUED) and not commands[-1][1]:
            command, shown = commands.pop()
            commands.append((f"{command}\n{line.removeprefix(CONTINUED)}", shown))
        else:
            commands[-1][1].append(line)
    script = "".join(f"{command}\nprintf '\\n{END}%s\\n' $?\n" for command, _ in commands)
    done = sandbox.run("bash", "-c", script, merged=True)
    printed = re.split(rf"\n?{END}\d+\n", done.output)
    if len(printed) != len(commands) + 1:
        raise Failure(f"the block ended early:\n{done.output}{done.errors}")
    for (command, shown), said in zip(commands, printed, strict=False):
        expect("\n".join(shown), said, command)
    return "console", Done(0, done.output)


def _program(kind: str, file: str, *command: str) -> Callable[[Block, str, Sandbox], tuple[str, Done]]:
    def runner(block: Block, text: str, sandbox: Sandbox) -> tuple[str, Done]:
        sandbox.serve()
        path = sandbox.file(block.name or file)
        path.write_text(text)
        return kind, sandbox.run(*command, path)

    return runner


def _yaml(block: Block, text: str, sandbox: Sandbox) -> tuple[str, Done]:
    path = sandbox.file(block.name or "block.yml")
    path.write_text(text)
    keys = set(TOP_LEVEL.findall(text))
    if keys and keys <= PROMETHEUS_KEYS:
        return "yaml: Prometheus", sandbox.run("promtool", "check", "config", path)
    if keys == {"groups"}:
        return "yaml: rules", sandbox.run("promtool", "check", "rules", path)
    if keys and keys <= WEB_KEYS:
        return "yaml: web configuration", sandbox.run("shardgate", "check", "web-config", path)
    if keys and keys <= POLICY_KEYS:
        return "yaml: policy", sandbox.run("shardgate", "check", "policy", path)
    if keys == {"rules"}:
        return "yaml: rules for groups", sandbox.run("shardgate", "check", "rules", path)
    raise Unknown(f"YAML of no kind that is known here: {sorted(keys)}")


def _unit(block: Block, text: str, sandbox: Sandbox) -> tuple[str, Done]:
    if block.name is None:
        raise Unknown("an ini block without the name of a unit in its first line")
    program = sandbox.file("bin/shardgate")
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    path = sandbox.file(block.name)
    path.write_text(re.sub(r"^(ExecStart=)shardgate\b", rf"\1{program}", text, flags=re.MULTILINE))
    done = sandbox.run("systemd-analyze", "verify", "--man=no", path, merged=True)
    # It says of some mistakes that it passes over them, and ends with 0.
    return "ini: systemd unit", Done(1 if str(path) in done.output else done.status, done.output)


def _json(_block: Block, text: str, _sandbox: Sandbox) -> tuple[str, Done]:
    try:
        json.loads(text.replace(", " + ANYTHING, ""))
    except ValueError as error:
        raise Failure(f"not JSON: {error}") from error
    return "json: read", Done(0, "")


RUNNERS: dict[str, Callable[[Block, str, Sandbox], tuple[str, Done]]] = {
    "sh": _sh,
    "console": _console,
    "python": _program("python", "block.py", "python"),
    "go": _program("go", "block.go", "go", "run"),
    "java": _program("java", "Block.java", "java"),
    "js": _program("js", "block.mjs", "node"),
    "ruby": _program("ruby", "block.rb", "ruby"),
    "php": _program("php", "block.php", "php"),
    "yaml": _yaml,
    "ini": _unit,
    "json": _json,
}
