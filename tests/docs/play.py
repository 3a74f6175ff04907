"""Plays a page: its blocks one after the other, each as it is marked."""

from __future__ import annotations

from pathlib import Path

import counts
from kinds import Failure, Unknown, expect, run
from pages import Block, PageError, blocks
from sandbox import Done, Sandbox, sandbox

SHOWN = {"text"}
"""Kinds of block that say nothing that could be wrong."""


def play(page: Path, text: str, directory: Path) -> list[str]:
    """What is wrong with the page, each with its line."""
    try:
        found = blocks(page, text)
    except PageError as error:
        return [str(error)]
    if not any(block.not_run is None and block.tag not in SHOWN for block in found):
        return _blocks(found, None)
    with sandbox(directory) as place:
        return _blocks(found, place)


def _blocks(found: list[Block], place: Sandbox | None) -> list[str]:
    wrong: list[str] = []
    last: Done | None = None
    for block in found:
        try:
            last = _block(block, place, last)
        except Unknown as unknown:
            wrong.append(f"{block.where}: {unknown}, and no `<!-- not run: REASON -->` before it")
            last = None
        except Failure as failure:
            wrong.append(f"{block.where}: {failure}")
            last = None
    return wrong


def _block(block: Block, place: Sandbox | None, last: Done | None) -> Done | None:
    if block.not_run:
        counts.not_run[block.not_run].append(block.where)
        return None
    if block.is_output:
        if last is None or place is None:
            raise Failure("output of nothing: no block that was run stands before it")
        expect(place.mapped(block.text), last.output, "another output")
        counts.compared[block.tag] += 1
        return None
    if block.tag in SHOWN:
        counts.shown[block.tag] += 1
        return None
    if place is None:
        raise Unknown("a block of no known kind")
    kind, done = run(block, place)
    counts.run[kind] += 1
    return done
