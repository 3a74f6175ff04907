"""Counts what a differential run has done: every kind of request, every pair of statuses, every rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from request import Request
from wire import Answer


@dataclass
class Tally:
    """Sums up over sequences and, added together, over workers."""

    requests: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By method, kind of path and kind of body."""
    statuses: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Shardgate's and the reference's."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Why the reference said 400, in its first words."""
    rewrites: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    sequences: Counter[str] = field(default_factory=Counter)
    """`compared in full`, `evened out by a rule`, `failed`."""
    checks: Counter[str] = field(default_factory=Counter)
    """States compared, and the groups and samples in them."""

    def count(self, request: Request, subject: Answer, reference: Answer) -> None:
        self.requests[request.method, request.path_kind, request.body_kind] += 1
        self.statuses[subject.status, reference.status] += 1
        if reference.status == 400:
            self.refusals[_reason(reference.body)] += 1

    def add(self, other: Tally) -> None:
        for name in (item.name for item in fields(self)):
            getattr(self, name).update(getattr(other, name))

    def report(self, rule_names: Iterable[str], rewrite_names: Iterable[str]) -> str:
        cells = [(method, path, body, n) for (method, path, body), n in self.requests.items()]
        pushes = [
            cell for cell in cells if cell[0] in ("PUT", "POST") and not cell[1].startswith("/")
        ]
        statuses = {f"{left} / {right}": n for (left, right), n in sorted(self.statuses.items())}
        parts = [
            _table("method x path", ((path, method, n) for method, path, _, n in cells)),
            _table("method x body", ((body, method, n) for method, _, body, n in cells)),
            _table("pushes, path x body", ((path, body, n) for _, path, body, n in pushes)),
            _list("status of shardgate / of the reference", statuses),
            _list("400s of the reference", dict(self.refusals.most_common())),
            _list("rewrites used", {name: self.rewrites[name] for name in rewrite_names}),
            _list("rules used", {name: self.rules[name] for name in rule_names}),
            _list("compared", dict(self.checks)),
            _list("sequences", dict(self.sequences)),
            f"requests: {sum(self.requests.values())}",
        ]
        return "\n\n".join(parts)


def _reason(body: bytes) -> str:
    """The words of an error that do not depend on the names and values in it."""
    text = body.decode("utf-8", "replace").rpartition("existing metrics: ")[2]
    words = text.partition(": ")[2] if text.startswith("text format parsing error") else text
    kept = [
        word
        for word in words.replace("\n", " ").split()
        if word.isalpha() or word in ("'='", "'\"'")
    ]
    return " ".join(kept[:6])


def _list(title: str, counts: dict[str, int]) -> str:
    return "\n".join([f"{title}:", *(f"  {n:>8}  {name}" for name, n in counts.items())])


def _table(title: str, cells: Iterable[tuple[str, str, int]]) -> str:
    """Counts by row and column; the columns are numbered below the title when they are many."""
    counts: Counter[tuple[str, str]] = Counter()
    for row, column, n in cells:
        counts[row, column] += n
    rows = sorted({row for row, _ in counts})
    columns = sorted({column for _, column in counts})
    width = max((len(row) for row in rows), default=0)
    lines = [
        f"{title}:",
        "  columns: " + ", ".join(f"{i} {name}" for i, name in enumerate(columns, 1)),
    ]
    lines.append(" " * (width + 2) + "".join(f"{i:>7}" for i in range(1, len(columns) + 1)))
    for row in rows:
        lines.append(
            f"  {row:<{width}}" + "".join(f"{counts[row, column]:>7}" for column in columns)
        )
    return "\n".join(lines)
