"""Counts what was run and what was not, and why not."""

from __future__ import annotations

from collections import Counter, defaultdict

run: Counter[str] = Counter()
compared: Counter[str] = Counter()
shown: Counter[str] = Counter()
not_run: defaultdict[str, list[str]] = defaultdict(list)
"""By reason, where the blocks are."""


def lines() -> list[str]:
    """The count, as the test prints it at its end."""
    said = [f"run: {run.total()}"]
    said += [f"  {count:3} {kind}" for kind, count in sorted(run.items())]
    said += [f"output compared: {compared.total()}", f"only shown: {shown.total()}"]
    said += [f"not run: {sum(map(len, not_run.values()))}"]
    for reason, places in sorted(not_run.items()):
        said.append(f"  {len(places):3} {reason}: {', '.join(places)}")
    return said
