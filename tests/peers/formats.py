"""What a scrape says, read in each of its formats into one form that can be compared.

Owns the differences that the formats are meant to have: OpenMetrics names a counter's family without
`_total`, ends every one of its samples in it, and has other words for the parts of a gauge histogram,
which the text format shows as a histogram. Whatever else differs between two readings is a difference.
Readers are strict where there is a strict one, and raise `ValueError` at what is shown twice; what the
gateway says about itself is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_open_metrics,
)
from prometheus_client.parser import text_string_to_metric_families as read_text

import metrics_proto
from wire import Connection

Sample = tuple[str, dict[str, str], float]
Series = tuple[str, frozenset[tuple[str, str]]]
GAUGE_HISTOGRAM_PARTS = {"_gcount": "_count", "_gsum": "_sum"}


@dataclass(frozen=True)
class Shown:
    """What was pushed, as a scrape shows it."""

    types: dict[str, str] = field(default_factory=dict)
    """By the name of the family in OpenMetrics; in its words, too."""
    helps: dict[str, str] = field(default_factory=dict)
    samples: dict[Series, str] = field(default_factory=dict)
    """Values as Python writes them, so that each equals itself; -0 is 0, as in text."""

    def add(self, name: str, kind: str, help_text: str, samples: Iterable[Sample]) -> None:
        """Samples without a job are the gateway's own."""
        for sample, labels, value in samples:
            if "job" in labels:
                self.add_sample(sample, labels, value)
                self.types[name], self.helps[name] = kind, help_text

    def add_sample(self, name: str, labels: dict[str, str], value: float) -> None:
        """Bounds and quantiles count as the numbers that they are."""
        exact = {
            label: _number(text) if label in ("le", "quantile") else text
            for label, text in labels.items()
        }
        series = name, frozenset(exact.items())
        if series in self.samples:
            raise ValueError(f"{series} is shown twice")
        self.samples[series] = repr(float(value) + 0.0)

    def as_in(self, accept: str) -> Shown:
        """The text format has no gauge histograms."""
        if accept != TEXT:
            return self
        plain = {"gaugehistogram": "histogram"}
        return replace(
            self, types={name: plain.get(kind, kind) for name, kind in self.types.items()}
        )

    def differences(self, other: Shown) -> list[str]:
        lines = []
        for part in ("types", "helps", "samples"):
            left, right = getattr(self, part), getattr(other, part)
            for key in left.keys() | right.keys():
                if left.get(key) != right.get(key):
                    lines.append(f"{part} {key}: {left.get(key)} != {right.get(key)}")
        return lines


def _number(text: str) -> str:
    """As it is where it is none: a family without parts may have such a label."""
    try:
        return repr(float(text))
    except ValueError:
        return text


def from_text(body: str, grouping: dict[str, str] | None = None) -> Shown:
    """`grouping`: labels that are added to each sample, where the text is a push.

    The parser knows no gauge histograms: it reads their samples as families of their own.
    """
    shown = Shown()
    gauge_histograms: dict[str, Metric] = {}
    for family in read_text(body):
        if family.type == "gaugehistogram":
            gauge_histograms[family.name] = family
        whole = gauge_histograms.get(family.name.rpartition("_")[0], family)
        samples = (
            (name, labels | (grouping or {}), value) for name, labels, value in _samples(family)
        )
        shown.add(whole.name, whole.type, whole.documentation, samples)
    return shown


def from_open_metrics(body: str) -> Shown:
    shown = Shown()
    for family in read_open_metrics(body):  # type: ignore[no-untyped-call]
        samples = _samples(family)
        if family.type == "gaugehistogram":
            samples = (_with_plain_part(family.name, sample) for sample in samples)
        shown.add(family.name, family.type, family.documentation, samples)
    return shown


def from_protobuf(body: bytes) -> Shown:
    shown, seen = Shown(), set()
    for family in metrics_proto.decode(body):
        if family.name in seen:
            raise ValueError(f"{family.name} is shown twice")
        seen.add(family.name)
        kind = metrics_proto.TYPES[family.type].lower().replace("_", "")
        kind = "unknown" if kind == "untyped" else kind
        name = family.name.removesuffix("_total") if kind == "counter" else family.name
        for metric in family.metric:
            shown.add(name, kind, family.help, metric_samples(name, kind, metric))
    return shown


def _samples(family: Metric) -> Iterator[Sample]:
    return ((sample.name, sample.labels, sample.value) for sample in family.samples)


def _with_plain_part(family: str, sample: Sample) -> Sample:
    name, labels, value = sample
    part = name.removeprefix(family)
    return family + GAUGE_HISTOGRAM_PARTS.get(part, part), labels, value


def metric_samples(name: str, kind: str, metric: Any) -> Iterator[Sample]:
    """A histogram without a bucket for infinity has one nevertheless, as Prometheus reads it."""
    labels = metrics_proto.labels(metric)
    if kind == "counter":
        yield f"{name}_total", labels, metric.counter.value
    elif kind in ("gauge", "unknown", "untyped"):
        yield name, labels, (metric.gauge if kind == "gauge" else metric.untyped).value
    elif kind == "summary":
        for quantile in metric.summary.quantile:
            yield name, labels | {"quantile": repr(quantile.quantile)}, quantile.value
        yield f"{name}_count", labels, metric.summary.sample_count
        yield f"{name}_sum", labels, metric.summary.sample_sum
    else:
        count = metrics_proto.count(metric.histogram, "sample_count")
        bounds = [bucket.upper_bound for bucket in metric.histogram.bucket]
        counts = [
            metrics_proto.count(bucket, "cumulative_count") for bucket in metric.histogram.bucket
        ]
        if math.inf not in bounds:
            bounds, counts = [*bounds, math.inf], [*counts, count]
        for bound, cumulative in zip(bounds, counts, strict=True):
            yield f"{name}_bucket", labels | {"le": repr(bound)}, cumulative
        yield f"{name}_count", labels, count
        yield f"{name}_sum", labels, metric.histogram.sample_sum


TEXT = "text/plain; version=0.0.4"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
READERS: dict[str, Callable[[bytes], Shown]] = {
    TEXT: lambda body: from_text(body.decode()),
    OPEN_METRICS: lambda body: from_open_metrics(body.decode()),
    metrics_proto.CONTENT_TYPE: from_protobuf,
}
"""By what a scraper asks for."""


def scrape_bytes(
    connection: Connection, accept: str = TEXT, target: str = "/metrics", *, gzip: bool = False
) -> bytes:
    """The body of a scrape, which has to be in the format and encoding that were asked for."""
    headers = [("Accept", accept)] + [("Accept-Encoding", "gzip")] * gzip
    answer = connection.ask("GET", target, headers)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].partition(";")[0] == accept.partition(";")[0]
    assert answer.headers.get("content-encoding") == ("gzip" if gzip else None)
    return answer.body


def shown(connection: Connection, accept: str = TEXT, target: str = "/metrics") -> Shown:
    return READERS[accept.partition("; escaping")[0]](scrape_bytes(connection, accept, target))
