"""Owns the verified load: numbered pushes and deletes by many clients, and what the set may show after them.

Each writer has groups of its own and does one thing after the other, so the order of what happens to a group is known.
Each push carries one number in several families. Nothing here knows how a set works: only what was answered counts.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from ask import Client
from replica_set import Replica, ReplicaSet

FAMILIES = ("mark_first", "mark_second", "mark_third")
SHOWN = re.compile(r'^(mark_\w+)\{instance="",job="load",of="(\w+)"\} (\d+)$', re.MULTILINE)
DELETES = 0.1
"""The share of deletes."""
EXAMPLES_MAX = 10
ANSWER_SECONDS_MAX = 75.0
"""Longer than HAProxy and a replica take together: a client that gives up earlier would not know the order."""


@dataclass
class Standing:
    """What one group may show: what was acknowledged last, or anything in doubt since."""

    number: int = 0
    """Of the last change that was tried."""
    acknowledged: int = 0
    shown: bool = False
    """Whether the last acknowledged change was a push and not a delete."""
    doubts: dict[int, bool] = field(default_factory=dict)
    """Changes without an answer since, by number: whether each was a push."""
    rejected: set[int] = field(default_factory=set)
    """Changes that an answer said are not applied."""
    acknowledged_at: dict[int, float] = field(default_factory=dict)
    """When each push was acknowledged, by number."""

    def acknowledge(self, number: int, is_push: bool) -> None:
        self.acknowledged, self.shown = number, is_push
        self.acknowledged_at[number] = time.monotonic()
        self.doubts.clear()

    def was_acknowledged(self, number: int, before: float) -> bool:
        """Whether a push was acknowledged before this moment."""
        return self.acknowledged_at.get(number, before) < before

    def fault(self, numbers: set[int]) -> str | None:
        """What is wrong with a group that shows these numbers."""
        if len(numbers) > 1:
            return "half applied"
        if not numbers:
            may_be_gone = not self.shown or not all(self.doubts.values())
            return None if may_be_gone else "lost"
        number = next(iter(numbers))
        if number in self.doubts or (self.shown and number == self.acknowledged):
            return None
        if number in self.rejected or number > self.number:
            return "phantom"
        return "stale" if self.shown else "resurrected"


@dataclass
class Verdict:
    """Faults by kind, with some examples."""

    groups: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    withdrawn: int = 0
    """Pushes that a leader showed within its lease, that nobody had acknowledged, and that were then not there. No fault."""

    def count(self, fault: str, example: str) -> None:
        self.faults[fault] += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(f"{fault}: {example}")

    def add(self, other: Verdict) -> None:
        self.groups += other.groups
        self.withdrawn += other.withdrawn
        self.faults.update(other.faults)
        self.examples = (self.examples + other.examples)[:EXAMPLES_MAX]

    def __str__(self) -> str:
        kinds = ("lost", "stale", "resurrected", "half applied", "phantom", "went back")
        counts = ", ".join(f"{kind} {self.faults[kind]}" for kind in kinds)
        told = f"groups checked {self.groups}: {counts}; withdrawn while in doubt {self.withdrawn}"
        return "\n  ".join([told, *self.examples])


def marks(exposition: str) -> dict[str, set[int]]:
    """The numbers that each group shows. A family that is missing counts as the number 0."""
    found: dict[str, dict[str, int]] = {}
    for family, group, number in SHOWN.findall(exposition):
        found.setdefault(group, {})[family] = int(number)
    return {group: {families.get(family, 0) for family in FAMILIES} for group, families in found.items()}


class Writer(threading.Thread):
    """One client: pushes to and deletes its groups through the proxy, until it is told to stop."""

    def __init__(self, load: Load, name: str, groups: int, seed: int) -> None:
        super().__init__(name=f"writer-{name}", daemon=True)
        self.groups = {f"{name}_{at}": Standing() for at in range(groups)}
        self._load, self._random = load, random.Random(seed)
        self._client = Client(load.over.proxy.address, load.over.proxy.port, ANSWER_SECONDS_MAX)

    def run(self) -> None:
        while not self._load.stopped.is_set():
            if self._load.held.is_set():
                with self._load.lock:
                    self._load.idle.add(self.name)
                time.sleep(0.01)
                continue
            with self._load.lock:
                self._load.idle.discard(self.name)
            self._change()
            time.sleep(self._load.pause_seconds)
        self._client.close()

    def _change(self) -> None:
        group, standing = self._random.choice(list(self.groups.items()))
        is_push = self._random.random() >= DELETES
        standing.number += 1
        number, since = standing.number, time.monotonic()
        path = f"/metrics/job/load/of/{group}"
        if is_push:
            body = "".join(f"# TYPE {family} gauge\n{family} {number}\n" for family in FAMILIES)
            answer = self._client.ask("PUT", path, body.encode())
        else:
            answer = self._client.ask("DELETE", path)
        took = time.monotonic() - since
        if answer is not None and answer.status in (200, 202):
            standing.acknowledge(number, is_push)
            self._load.note("acknowledged", took)
        elif answer is not None and 400 <= answer.status < 500:
            standing.rejected.add(number)
            self._load.note(f"{answer.status}", took, answer.text)
        else:
            standing.doubts[number] = is_push
            said = f"{answer.status} {answer.text.strip()[:200]}" if answer else self._client.failure
            self._load.note("no answer" if answer is None else f"{answer.status}", took, said)


class Watcher(threading.Thread):
    """Scrapes one replica all along: no scrape may show half of a push, or less than one before it.

    A leader shows a push before it is acknowledged, for a lease at most. If the push is then in doubt, it may be gone.
    """

    def __init__(self, load: Load, replica: Replica) -> None:
        super().__init__(name=f"watcher-{replica.name}", daemon=True)
        self.replica, self.verdict, self.scrapes = replica, Verdict(), Counter[str]()
        self._load, self._seen = load, dict[str, list[int]]()

    def run(self) -> None:
        client = self.replica.client()
        while not self._load.stopped.is_set():
            since = time.monotonic()
            answer = client.ask("GET", "/metrics")
            self.scrapes["no answer" if answer is None else str(answer.status)] += 1
            if answer is not None and answer.status == 200:
                self._look(answer.text, since)
            time.sleep(0.1)
        client.close()

    def _look(self, exposition: str, since: float) -> None:
        standings = {group: standing for writer in self._load.writers for group, standing in writer.groups.items()}
        for group, numbers in marks(exposition).items():
            if len(numbers) > 1:
                self.verdict.count("half applied", f"{self.replica.name} shows {group} as {sorted(numbers)}")
                continue
            number, seen = next(iter(numbers)), self._seen.setdefault(group, [])
            standing = standings.get(group, Standing())
            while seen and number < seen[-1] and not standing.was_acknowledged(seen[-1], since):
                self.verdict.withdrawn += 1
                seen.pop()
            if seen and number < seen[-1]:
                self.verdict.count("went back", f"{self.replica.name} shows {group} as {number} after {seen[-1]}")
            elif not seen or number > seen[-1]:
                seen.append(number)


class Load:
    """Writers, watchers, and what they have seen."""

    def __init__(
        self, over: ReplicaSet, *, writers: int = 4, groups: int = 25, pause_seconds: float = 0.02, seed: int = 1
    ) -> None:
        self.over, self.pause_seconds = over, pause_seconds
        self.stopped, self.held, self.lock = threading.Event(), threading.Event(), threading.Lock()
        self.idle: set[str] = set()
        self.answers: Counter[str] = Counter()
        self.slowest_seconds = 0.0
        self.said: Counter[str] = Counter()
        """The words of answers that acknowledge nothing."""
        self.writers = [Writer(self, f"w{at}", groups, seed * 1000 + at) for at in range(writers)]
        self.watchers = [Watcher(self, replica) for replica in over.replicas]

    def __enter__(self) -> Load:
        for thread in (*self.writers, *self.watchers):
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.held.clear()
        self.stopped.set()
        for thread in (*self.writers, *self.watchers):
            thread.join(ANSWER_SECONDS_MAX)

    def note(self, answer: str, took: float, said: str = "") -> None:
        with self.lock:
            self.answers[answer] += 1
            self.slowest_seconds = max(self.slowest_seconds, took)
            if said:
                self.said[f"{answer}: {said}"] += 1

    def take(self) -> tuple[Counter[str], float]:
        """The answers since the last call, and the slowest of them."""
        with self.lock:
            taken = self.answers.copy(), self.slowest_seconds
            self.answers.clear()
            self.slowest_seconds = 0.0
        return taken

    def refused(self) -> int:
        """Changes since the last `take` that were not acknowledged."""
        with self.lock:
            return sum(count for answer, count in self.answers.items() if answer != "acknowledged")

    def await_acknowledged(self, count: int, seconds_max: float = 60.0) -> None:
        """Waits until as many more are acknowledged."""
        with self.lock:
            wanted = self.answers["acknowledged"] + count
        deadline = time.monotonic() + seconds_max
        while self.answers["acknowledged"] < wanted:
            assert time.monotonic() < deadline, f"{self.answers} {self.said.most_common(5)}"
            time.sleep(0.02)

    def check(self) -> Verdict:
        """Holds the writers, waits until all replicas show the same, and judges every one of them. Then goes on."""
        self.held.set()
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        while len(self.idle) < len(self.writers):
            assert time.monotonic() < deadline, "a writer waits for its answer for too long"
            time.sleep(0.02)
        try:
            self.over.await_same()
            verdict = self._judge()
        finally:
            with self.lock:
                self.idle.clear()
            self.held.clear()
        return verdict

    def _judge(self) -> Verdict:
        verdict = Verdict()
        for replica in self.over.replicas:
            shown = marks(replica.scrape())
            for writer in self.writers:
                for group, standing in writer.groups.items():
                    verdict.groups += 1
                    numbers = shown.pop(group, set())
                    if fault := standing.fault(numbers):
                        verdict.count(fault, f"{replica.name} shows {group} as {sorted(numbers)}, and {standing}")
            for group, numbers in shown.items():
                verdict.count("phantom", f"{replica.name} shows {group} as {sorted(numbers)}, which nobody pushed")
        self._settle()
        return verdict

    def _settle(self) -> None:
        """What was in doubt has been decided: what is shown now is what a later check starts from."""
        shown = marks(self.over.replicas[0].scrape())
        for writer in self.writers:
            for group, standing in writer.groups.items():
                if standing.doubts:
                    numbers = shown.get(group, set())
                    standing.acknowledge(max(numbers, default=standing.number), bool(numbers))

    def verdict(self) -> Verdict:
        """The last check, with all that the watchers have seen."""
        verdict = self.check()
        for watcher in self.watchers:
            verdict.add(watcher.verdict)
        return verdict
