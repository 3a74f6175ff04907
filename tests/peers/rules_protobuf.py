"""Where shardgate refuses a protobuf push that the Pushgateway takes: each reason, and who chose it.

A difference in status is explained by what shardgate says, and by nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import metrics_proto
from wire import Answer

EXACT_COUNT_MAX = 1 << 53


@dataclass(frozen=True)
class Rule:
    name: str
    """What is wrong with the push, as docs/compatibility.md has it."""
    says: str
    """A pattern in shardgate's answer."""


RULES = (
    Rule("no name, or an invalid one, of a family or a label", r"no name, or an invalid one"),
    Rule("unknown type, a gauge histogram without its value", r"unknown metric type|gauge histogram"),
    Rule("values of another type than the family's", r"without a value of the family's type"),
    Rule("a metric of a histogram with a label `le`", r'the label "le", which its type needs'),
    Rule("a bound or quantile that is not a number, a negative count",
         r"(bound|quantile) that is not a number|negative count"),
    Rule("bucket or quantile twice in one series", r"the same bucket or quantile twice"),
    Rule("a native histogram that contradicts itself", r"a native histogram "),
    Rule("a field with the wire type of another", r"a field has the wire type|a group of fields|expected a field number"),
    Rule("body cut", r"a number is cut|longer than what is left"),
    Rule("text that is not UTF-8", r"not valid UTF-8"),
    Rule("series that differ only in labels with an empty value", r"has an empty value in one of them"),
)  # fmt: skip


def explanation(subject: Answer, reference: Answer) -> Rule | None:
    """The rule that a push which only the reference takes falls under."""
    if (subject.status, reference.status) != (400, 200):
        return None
    reason = subject.body.decode()
    return next((rule for rule in RULES if re.search(rule.says, reason)), None)


def shown_otherwise(body: bytes) -> str | None:
    """Why what both take is not shown alike, as docs/compatibility.md has it."""
    for family in metrics_proto.decode(body):
        if not family.metric:
            return "a family without metrics"
        if metrics_proto.TYPES[family.type] == "GAUGE_HISTOGRAM":
            return "gauge histogram"  # 1.5.1 cannot show it as text.
        if any(count > EXACT_COUNT_MAX for metric in family.metric for count in _counts(metric)):
            return "a count beyond 2^53"
    return None


def _counts(metric: Any) -> list[int]:
    buckets = [bucket.cumulative_count for bucket in metric.histogram.bucket]
    return [metric.summary.sample_count, metric.histogram.sample_count, *buckets]
