"""Makes a failing sequence small: only the requests, and the lines and families of their bodies, that matter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from generate import Sequence, Step
from replay import Failure, Replay
from request import Request
from tally import Tally

ATTEMPTS_MAX = 100


def shrink(replay: Replay, failure: Failure) -> Failure:
    """Compares after every request, then leaves out whatever the difference does not need."""
    smallest = _replay(replay, failure.seed, failure.requests) or failure
    attempts = 0
    shrinking = True
    while shrinking:
        shrinking = False
        for requests in _smaller(smallest.requests):
            if (attempts := attempts + 1) > ATTEMPTS_MAX:
                return smallest
            if (smaller := _replay(replay, failure.seed, requests)) is not None:
                smallest, shrinking = smaller, True
                break
    return smallest


def _smaller(requests: tuple[Request, ...]) -> Iterator[tuple[Request, ...]]:
    """The same requests without one of them, or without one line or family of a body."""
    for position in reversed(range(len(requests) - 1)):
        yield (*requests[:position], *requests[position + 1 :])
    for position, request in enumerate(requests):
        pieces = request.pieces
        for piece in range(len(pieces)) if len(pieces) > 1 else ():
            body = b"".join(pieces[:piece] + pieces[piece + 1 :])
            yield (*requests[:position], replace(request, body=body), *requests[position + 1 :])


def _replay(replay: Replay, seed: str, requests: tuple[Request, ...]) -> Failure | None:
    steps = tuple(Step(request, check=True, gzip=False) for request in requests)
    return replay.run(Sequence(seed, steps), Tally())
