"""Reads the manual: which pages there are, and the fenced blocks of one with what is said about them.

Three comments that readers do not see tell what to do with the block behind them: `<!-- not run: REASON -->`,
`<!-- given: COMMAND -->`, for what a reader has before, and `<!-- output -->`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gateways import REPOSITORY

FENCE = re.compile(r"^(?P<indent> *)(?P<marks>`{3,})(?P<tag>[^`]*)$")
COMMENT = re.compile(r"^\s*<!--\s*(?P<said>.*?)\s*-->\s*$")
NOT_RUN = re.compile(r"not run:\s*(?P<reason>\S.*)")
GIVEN = re.compile(r"given:\s*(?P<command>\S.*)")
OUTPUT = "output"
NAME = re.compile(r"^(?:#|//)\s*(?P<name>/?[\w.@-]+(?:/[\w.@-]+)*\.\w+)$")
"""A first line that says nothing but the name of the file that the block is."""


class PageError(Exception):
    """A page that cannot be read as one: `PATH:LINE: what is wrong`."""


@dataclass(frozen=True)
class Block:
    """A fenced block. `line` is that of its fence, counted from 1."""

    page: Path
    line: int
    tag: str
    text: str
    not_run: str | None
    given: str | None
    is_output: bool

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def name(self) -> str | None:
        """The file that it is, as its first line says."""
        named = NAME.match(self.text.split("\n", 1)[0])
        return named["name"] if named else None


def manual() -> list[Path]:
    """README.md and every page below docs/, from the root of the repository."""
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
    return [page.relative_to(REPOSITORY) for page in pages]


def blocks(page: Path, text: str) -> list[Block]:
    """The blocks of a page in their order."""
    found: list[Block] = []
    comment: str | None = None
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        fence = FENCE.match(line)
        if fence is None:
            said = COMMENT.match(line)
            if said:
                comment = said["said"]
            elif line.strip():
                comment = None
            continue
        body = []
        for _, inner in lines:
            if inner.strip() == fence["marks"]:
                break
            body.append(inner.removeprefix(fence["indent"]))
        else:
            raise PageError(f"{page}:{number}: a block without an end")
        reason, given = NOT_RUN.fullmatch(comment or ""), GIVEN.fullmatch(comment or "")
        found.append(
            Block(
                page=page,
                line=number,
                tag=fence["tag"].strip(),
                text="\n".join(body) + "\n",
                not_run=reason["reason"] if reason else None,
                given=given["command"] if given else None,
                is_output=comment == OUTPUT,
            )
        )
        comment = None
    return found
