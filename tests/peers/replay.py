"""Replays a sequence to both gateways and compares them, step by step.

The two start empty. A difference that the rules do not explain ends the replay as a `Failure`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import exposition
from compare import Broken, State, answer_differences, read_state, state_differences
from generate import WIPE, Sequence, Step
from grouping import Grouping, group_of
from request import Request
from rewrites import rewrite
from rules import Exchange, Settle, explanation
from tally import Tally
from wire import Connection

DELETE_SECONDS_MAX = 5.0
"""How long the reference may take to apply what it has answered with 202."""


@dataclass(frozen=True)
class Failure:
    """An unexplained difference: what was sent, and where the two part."""

    seed: str
    requests: tuple[Request, ...]
    lines: tuple[str, ...]

    def __str__(self) -> str:
        sent = (f"  {number}. {request}" for number, request in enumerate(self.requests, 1))
        title = f"sequence {self.seed} (left: shardgate, right: the reference)"
        return "\n".join([title, *sent, *self.lines])


class Difference(Exception):
    """The two part, and no rule says they may."""


class Replay:
    """The two gateways, and what is known of the reference's groups."""

    def __init__(self, subject: Connection, reference: Connection, identical: bool = False) -> None:
        """`identical`: both are the reference, so there are no rules, and both may delete late."""
        self._subject = subject
        self._reference = reference
        self._identical = identical
        self._groups: set[Grouping] = set()
        self._deletes_pending = False
        self._evened_out = False

    def run(self, sequence: Sequence, tally: Tally) -> Failure | None:
        """Counts the sequence in `tally` as what it turned out to be."""
        self._evened_out = False
        sent: list[Request] = []
        try:
            self._clear()
            for step in sequence.steps:
                sent.append(step.request)
                self._step(step, tally)
        except (Difference, Broken) as difference:
            tally.sequences["failed"] += 1
            return Failure(sequence.seed, tuple(sent), tuple(str(difference).split("\n")))
        tally.sequences["evened out by a rule" if self._evened_out else "compared in full"] += 1
        return None

    def _clear(self) -> None:
        for connection in (self._subject, self._reference):
            WIPE.send(connection)
        self._groups.clear()
        self._deletes_pending = True
        self._compare(gzip=False)

    def _step(self, step: Step, tally: Tally) -> None:
        request, groups = step.request, frozenset(self._groups)
        for_reference, rewrites = (request, []) if self._identical else rewrite(request, groups)
        subject, reference = request.send(self._subject), for_reference.send(self._reference)
        tally.count(request, subject, reference)
        tally.rewrites.update(rewrites)
        exchange = Exchange(for_reference, subject, reference, groups, self._reference_repeats)
        self._note_groups(exchange)
        self._explain(exchange, tally)
        if step.check:
            state = self._compare(step.gzip)
            if state is not None:
                tally.checks.update(_sizes(state))

    def _reference_repeats(self) -> bool:
        scrape = self._reference.ask("GET", "/metrics")
        return scrape.status == 200 and exposition.repeats_a_series(scrape.body)

    def _explain(self, exchange: Exchange, tally: Tally) -> None:
        rule = None if self._identical else explanation(exchange)
        if rule is not None:
            tally.rules[rule.name] += 1
            self._settle(rule.settle, exchange.request)
        elif lines := answer_differences(exchange.subject, exchange.reference):
            bodies = (
                f"left: {exchange.subject.body[:300]!r}",
                f"right: {exchange.reference.body[:600]!r}",
            )
            raise Difference("\n".join([*lines, *bodies]))

    def _settle(self, settle: Settle, request: Request) -> None:
        if settle is Settle.NOTHING:
            return
        self._evened_out = True
        delete = Request("DELETE", request.target)
        delete.send(self._reference)
        self._deletes_pending = True
        self._groups.discard(group_of(request.target))
        if settle is Settle.DELETE_ON_BOTH:
            delete.send(self._subject)

    def _note_groups(self, exchange: Exchange) -> None:
        if exchange.reference_read_it:
            self._groups.add(group_of(exchange.request.target))
        elif exchange.reference.status == 202:
            if exchange.request.target == WIPE.target:
                self._groups.clear()
            self._groups.discard(group_of(exchange.request.target))
            self._deletes_pending = True

    def _compare(self, gzip: bool) -> State | None:
        """Shardgate has to show its state at once; the reference may still be deleting."""
        deadline = time.monotonic() + DELETE_SECONDS_MAX
        subject = self._read(self._subject, gzip)
        while lines := _state_differences(
            subject, self._read(self._reference, gzip), self._identical
        ):
            if not self._deletes_pending or time.monotonic() > deadline:
                raise Difference("\n".join(lines))
            if self._identical:
                subject = self._read(self._subject, gzip)
        self._deletes_pending = False
        return subject if isinstance(subject, State) else None

    def _read(self, connection: Connection, gzip: bool) -> State | Broken:
        try:
            return read_state(connection, gzip)
        except Broken as broken:
            return broken


def _state_differences(
    subject: State | Broken, reference: State | Broken, identical: bool
) -> list[str]:
    if isinstance(subject, State) and isinstance(reference, State):
        return state_differences(subject, reference)
    if identical:  # Which of two HELPs shows, one of them not text, is the reference's own lottery.
        return []
    names = ((subject, "shardgate"), (reference, "the reference"))
    return [f"{name} is broken: {state}" for state, name in names if isinstance(state, Broken)]


def _sizes(state: State) -> dict[str, int]:
    samples: Iterable[int] = (family["samples"].total() for family in state.scrape.values())
    return {"states": 1, "groups": len(state.groups), "samples": sum(samples)}
