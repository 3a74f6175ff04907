"""Random sequences of protobuf pushes, replayed to shardgate and to the real Pushgateway.

`DIFFERENTIAL_SEED` and `DIFFERENTIAL_ONLY` mean what they mean to the pushes of text.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import differential
from differential import Plan
from generate_protobuf import draw_protobuf_sequence
from rewrites import REWRITES
from rules import RULES

SEQUENCES = 200


def test_protobuf_pushes_are_answered_and_exposed_as_by_the_pushgateway(tmp_path: Path) -> None:
    only = os.environ.get("DIFFERENTIAL_ONLY")
    plan = Plan(
        seed=os.environ.get("DIFFERENTIAL_SEED", "1"),
        sequences=SEQUENCES,
        directory=tmp_path,
        draw=draw_protobuf_sequence,
        only=int(only) if only else None,
    )
    tally, failures = differential.run(plan)
    print(tally.report([rule.name for rule in RULES], [rule.name for rule in REWRITES]))
    if failures:
        pytest.fail("\n\n".join(map(str, failures)), pytrace=False)
    if plan.only is None:
        assert tally.sequences["compared in full"] == SEQUENCES
        assert tally.statuses[200, 200] and tally.statuses[400, 400]
