"""Runs many sequences in parallel, each worker with its own pair of gateways."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from gateways import Server, pushgateway, shardgate
from generate import Sequence, draw_sequence
from replay import Failure, Replay
from request import Request
from shrink import shrink
from tally import Tally
from wire import NoAnswer

WORKERS = 2
FAILURES_MAX = 3
"""Per worker: a few differences say enough."""
DRAWS_PER_SEQUENCE_MAX = 2
"""How many sequences are drawn at most for each that is to be compared in full."""
WARM_UP = tuple(
    Request(method, b"/metrics/job/warm_up", body)
    for method, body in (("PUT", b""), ("POST", b""), ("DELETE", None))
)
"""Makes the counters of the gateways' own metrics exist, so that their names are taken."""


@dataclass(frozen=True)
class Plan:
    seed: str
    sequences: int
    """How many to compare in full, over all workers."""
    directory: Path
    draw: Callable[[str], Sequence] = draw_sequence
    """The sequence of a seed."""
    only: int | None = None
    """Replays this one sequence."""
    identical: bool = False
    """The reference on both sides."""


def run(plan: Plan) -> tuple[Tally, list[Failure | str]]:
    total = Tally()
    failures: list[Failure | str] = []
    with ProcessPoolExecutor(WORKERS) as pool:
        for tally, failed in pool.map(_work, [plan] * WORKERS, range(WORKERS)):
            total.add(tally)
            failures += failed
    return total, failures


def _work(plan: Plan, worker: int) -> tuple[Tally, list[Failure | str]]:
    subject: Callable[[Path], AbstractContextManager[Server]] = (
        pushgateway if plan.identical else shardgate
    )
    directory = plan.directory / f"worker-{worker}"
    directory.mkdir()
    with subject(directory) as left, pushgateway(directory) as right:
        connections = left.connect(), right.connect()
        for request in WARM_UP:
            for connection in connections:
                request.send(connection)
        return _replay_all(plan, worker, Replay(*connections, identical=plan.identical))


def _replay_all(plan: Plan, worker: int, replay: Replay) -> tuple[Tally, list[Failure | str]]:
    tally = Tally()
    failures: list[Failure | str] = []
    quota = len(range(worker, plan.sequences, WORKERS))
    indexes = range(worker, plan.sequences * DRAWS_PER_SEQUENCE_MAX, WORKERS)
    if plan.only is not None:
        indexes = range(plan.only, plan.only + (worker == 0))
    for index in indexes:
        if tally.sequences["compared in full"] == quota or len(failures) == FAILURES_MAX:
            break
        sequence = plan.draw(f"{plan.seed}/{index}")
        try:
            failure = replay.run(sequence, tally)
            if failure is not None:
                failures.append(shrink(replay, failure))
        except NoAnswer as silence:
            sent = "\n".join(f"  {step.request}" for step in sequence.steps)
            failures.append(f"sequence {sequence.seed}: no answer ({silence}) to one of\n{sent}")
            break
    return tally, failures
