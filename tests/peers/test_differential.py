"""Random sequences of requests, replayed to shardgate and to the real Pushgateway.

`DIFFERENTIAL_SEQUENCES` sets how many are compared in full, `DIFFERENTIAL_SEED` which ones, and
`DIFFERENTIAL_ONLY` replays a single one of them, as a failure names it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import differential
from differential import Plan
from replay import Failure
from rewrites import REWRITES
from rules import RULES

EVENED_OUT_SHARE_MAX = 0.25


def test_shardgate_answers_and_exposes_what_the_pushgateway_does(tmp_path: Path) -> None:
    only = os.environ.get("DIFFERENTIAL_ONLY")
    plan = Plan(
        seed=os.environ.get("DIFFERENTIAL_SEED", "1"),
        sequences=int(os.environ.get("DIFFERENTIAL_SEQUENCES", "3000")),
        directory=tmp_path,
        only=int(only) if only else None,
    )
    tally, failures = differential.run(plan)
    print(f"\nDIFFERENTIAL_SEED={plan.seed}")
    print(tally.report([rule.name for rule in RULES], [rule.name for rule in REWRITES]))
    _fail_on(plan, failures)
    if plan.only is None:
        full = tally.sequences["compared in full"]
        assert full == plan.sequences, f"only {full} sequences were compared in full"
        assert full >= (1 - EVENED_OUT_SHARE_MAX) * tally.sequences.total(), (
            "the rules touch too much"
        )


def test_the_pushgateway_does_not_differ_from_itself(tmp_path: Path) -> None:
    plan = Plan(seed="itself", sequences=100, directory=tmp_path, identical=True)
    tally, failures = differential.run(plan)
    _fail_on(plan, failures)
    assert tally.rules.total() == tally.rewrites.total() == 0
    assert tally.sequences["compared in full"] == plan.sequences


def _fail_on(plan: Plan, failures: list[Failure | str]) -> None:
    if failures:
        how = f"replay one with DIFFERENTIAL_SEED={plan.seed} DIFFERENTIAL_ONLY=<number after the slash>"
        parts = [f"{len(failures)} unexplained differences", *map(str, failures), how]
        pytest.fail("\n\n".join(parts), pytrace=False)
