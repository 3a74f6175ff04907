"""Draws sequences of protobuf pushes from one seed: families of every type, as a client might send them.

Valid in themselves, apart from what a rare push has wrong (`MISTAKES`), which both gateways refuse. What
1.5.1 cannot say in its text, counts that are not whole, is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from families import LABEL_NAMES, OWN_NAMES, Schema, draw_schema, value
from generate import CHECK_SHARE, REQUESTS_MAX, REQUESTS_MIN, Sequence, Step
from metrics_proto import CONTENT_TYPE, MetricFamily, encode, label_pairs
from paths import draw_path
from request import Request

MISTAKE_SHARE = 0.08
LABEL_VALUES = ("1", "2", "", "é", "a b", "\\", '"', "\n", "\\n", "<&>", "{}=,#", "\u2028", "😀")
HELPS = ("", "help", 'a \\ b "quoted"\n c', "two  blanks ", "é")
BOUNDS = (
    (0.1, 1.0, 10.0),
    (-1.0, 0.0, 5.0),
    (1.0,),
    (1e-3, 1e6, float("inf")),
    (float("inf"),),
    (),
)
QUANTILES = ((0.5, 0.9, 0.99), (0.0, 1.0), (0.5,), ())
COUNTS = (0, 1, 12345678, 1 << 53)
EXEMPLARS = (
    {"label": label_pairs({"trace_id": "0af7"}), "value": 0.5},
    {"value": 1.0, "timestamp": {"seconds": 1_700_000_000, "nanos": 5}},
)
CREATED = {"seconds": 1_600_000_000, "nanos": 7}


def draw_protobuf_sequence(seed: str) -> Sequence:
    rng = Random(f"protobuf {seed}")
    schema = draw_schema(rng)
    count = rng.randint(REQUESTS_MIN, REQUESTS_MAX)
    targets: list[tuple[str, bytes]] = []
    steps = []
    for position in range(count):
        request = _draw_request(rng, schema, targets)
        check = position == count - 1 or rng.random() < CHECK_SHARE
        steps.append(Step(request, check, gzip=rng.random() < 0.2))
    return Sequence(seed, tuple(steps))


def _draw_request(rng: Random, schema: Schema, targets: list[tuple[str, bytes]]) -> Request:
    if targets and rng.random() < 0.5:
        path_kind, target = rng.choice(targets)
    else:
        path_kind, target = draw_path(rng)
        targets.append((path_kind, target))
    method = rng.choices(("PUT", "POST", "DELETE"), (45, 43, 12))[0]
    if method == "DELETE":
        return Request(method, target, path_kind=path_kind, body_kind="none")
    body_kind, families = draw_families(rng, schema)
    return Request(
        method,
        target,
        encode(families),
        encoding=rng.choice(("", "", "", "gzip")),
        content_type=CONTENT_TYPE,
        chunked=rng.random() < 0.1,
        path_kind=path_kind,
        body_kind=body_kind,
    )


def draw_families(rng: Random, schema: Schema) -> tuple[str, list[Any]]:
    """A kind for the log, and the families of a push."""
    names = rng.sample(sorted(schema.kinds), rng.randint(0, 3))
    kinds = [
        schema.kinds[name] if rng.random() < 0.95 else rng.choice(sorted(DRAWN)) for name in names
    ]
    families = [draw_family(rng, name, kind) for name, kind in zip(names, kinds, strict=True)]
    if rng.random() < 0.04:
        name, kind = rng.choice(OWN_NAMES)
        return "own names", [*families, draw_family(rng, name, kind)]
    if families and rng.random() < 0.06:
        again = draw_family(rng, names[0], rng.choice(kinds))
        return "a name again", [*families, again]
    if families and rng.random() < MISTAKE_SHARE:
        kind = rng.choice(sorted(MISTAKES))
        MISTAKES[kind](rng, rng.choice(families))
        return kind, families
    return "valid" if families else "empty", families


def draw_family(rng: Random, name: str, kind: str) -> Any:
    """Its HELP depends on its name alone: of two, the reference shows one or the other."""
    family = MetricFamily(name=name, type=kind.upper(), help=HELPS[sum(name.encode()) % len(HELPS)])
    seen = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        labels = {
            rng.choice(LABEL_NAMES): rng.choice(LABEL_VALUES)
            for _ in range(rng.choice((0, 1, 1, 2)))
        }
        if labels not in seen:
            seen.append(labels)
            metric = family.metric.add(label=label_pairs(labels))
            DRAWN[kind](rng, metric)
    return family


def _counter(rng: Random, metric: Any) -> None:
    metric.counter.value = _number(rng)
    if rng.random() < 0.2:
        metric.counter.exemplar.MergeFrom(type(metric.counter.exemplar)(**rng.choice(EXEMPLARS)))
    if rng.random() < 0.1:
        metric.counter.created_timestamp.FromSeconds(CREATED["seconds"])


def _gauge(rng: Random, metric: Any) -> None:
    metric.gauge.value = _number(rng)


def _untyped(rng: Random, metric: Any) -> None:
    metric.untyped.value = _number(rng)


def _summary(rng: Random, metric: Any) -> None:
    metric.summary.sample_count = rng.choice(COUNTS)
    if rng.random() < 0.9:
        metric.summary.sample_sum = _number(rng)
    for quantile in rng.choice(QUANTILES):
        metric.summary.quantile.add(quantile=quantile, value=_number(rng))


def _histogram(rng: Random, metric: Any) -> None:
    histogram, count = metric.histogram, 0
    for bound in rng.choice(BOUNDS):
        count += rng.choice((0, 1, 7, 1000000))
        bucket = histogram.bucket.add(upper_bound=bound, cumulative_count=count)
        if rng.random() < 0.2:
            bucket.exemplar.MergeFrom(type(bucket.exemplar)(**rng.choice(EXEMPLARS)))
    histogram.sample_sum = _number(rng)
    histogram.sample_count = count
    if rng.random() < 0.3:
        _native(rng, histogram)


def _native(rng: Random, histogram: Any) -> None:
    """Observations in `count` buckets around 1, all positive, and the rest of them around zero."""
    histogram.sample_sum = 1.5
    histogram.schema = rng.randint(-4, 8)
    histogram.zero_threshold = rng.choice((0.0, 2.0**-128))
    histogram.zero_count = histogram.sample_count
    last = 0
    for _ in range(rng.randint(1, 3)):
        length = rng.randint(1, 3)
        histogram.positive_span.add(offset=rng.randint(0, 5), length=length)
        for _ in range(length):
            observed = rng.randint(0, 9)
            histogram.positive_delta.append(observed - last)
            histogram.sample_count += observed
            last = observed


def _number(rng: Random) -> float:
    return float(value(rng))


DRAWN: dict[str, Callable[[Random, Any], None]] = {
    "counter": _counter,
    "gauge": _gauge,
    "untyped": _untyped,
    "summary": _summary,
    "histogram": _histogram,
}


def _timestamp(rng: Random, family: Any) -> None:
    rng.choice(family.metric).timestamp_ms = rng.choice((0, 1_700_000_000_000))


def _series_twice(rng: Random, family: Any) -> None:
    family.metric.add().MergeFrom(family.metric[0])


def _label_twice(rng: Random, family: Any) -> None:
    for text in ("1", "2"):
        family.metric[0].label.add(name="x", value=text)


MISTAKES: dict[str, Callable[[Random, Any], None]] = {
    "timestamp": _timestamp,
    "series twice": _series_twice,
    "label twice": _label_twice,
}
