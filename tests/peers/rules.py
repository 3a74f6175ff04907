"""Intended differences that leave the states apart: each names the requests and answers it covers.

A difference that no rule covers is a failure; the first rule that covers it explains it, those about
the path before those about the body. What it covers is then evened out: the group is deleted on the
reference, or on both sides, and the comparison goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import metrics_proto
import reading
from compare import REFUSED
from grouping import Grouping, group_of, grouping_of, path_of, without_empty_instance
from request import Request
from wire import Answer

DEVIATIONS = "Deviations on purpose"
CORRUPTING = f"{DEVIATIONS}: nothing accepted may break a scrape or another push"
VERSIONS = "Version differences of 1.5.1"


class Settle(Enum):
    """How the states are made equal again."""

    NOTHING = "neither side changed"
    DELETE_ON_REFERENCE = "shardgate stored nothing, the reference something harmful"
    DELETE_ON_BOTH = "the group differs, so it goes"


@dataclass(frozen=True)
class Exchange:
    """One request, what the two answered, and the groups the reference had before it."""

    request: Request
    subject: Answer
    reference: Answer
    groups: frozenset[Grouping]
    repeats: Callable[[], bool] = lambda: False
    """Whether the reference now exposes two series that differ only in labels with an empty value."""

    def statuses(self, subject: int, reference: int) -> bool:
        return (self.subject.status, self.reference.status) == (subject, reference)

    def reference_says(self, pattern: bytes) -> bool:
        return self.reference.status == 400 and re.search(pattern, self.reference.body) is not None

    @property
    def subject_read_it(self) -> bool:
        return self.request.is_push and _was_read(self.subject)

    @property
    def reference_read_it(self) -> bool:
        return self.request.is_push and _was_read(self.reference)

    def only_the_reference_read(self, test: Callable[[bytes], bool]) -> bool:
        """Shardgate found the text malformed, and it passes `test`."""
        is_malformed = self.subject.status == 400 and not self.subject_read_it
        return is_malformed and self.reference_read_it and test(self.request.text)


def _was_read(answer: Answer) -> bool:
    """The push was understood: applied, or refused and remembered as failed."""
    return answer.status == 200 or (answer.status == 400 and answer.body.startswith(REFUSED))


@dataclass(frozen=True)
class Rule:
    name: str
    why: str
    source: str
    """Where docs/compatibility.md lists it."""
    covers: Callable[[Exchange], bool]
    settle: Settle


def explanation(exchange: Exchange) -> Rule | None:
    return next((rule for rule in RULES if rule.covers(exchange)), None)


def _slashes_after_the_job(exchange: Exchange) -> bool:
    path = path_of(exchange.request.target)
    after = re.match(rb"/+metrics/+job(@base64)?/.*//|/+metrics/+job(@base64)?//", path, re.DOTALL)
    if after is None or exchange.reference.status != 301:
        return False
    if exchange.request.method in ("PUT", "POST", "DELETE"):
        return exchange.subject.status == 400 and b"@base64/=" in exchange.subject.body
    return "allow" in exchange.subject.headers


def _no_job(exchange: Exchange) -> bool:
    path = path_of(exchange.request.target)
    is_bare = re.fullmatch(rb"/+metrics/+job/", path) is not None
    is_named = b"job name is required" in exchange.subject.body
    return is_bare and is_named and exchange.statuses(400, 307)


def _head(exchange: Exchange) -> bool:
    return exchange.request.method == "HEAD" and exchange.statuses(200, 405)


def _grouping_not_utf8(exchange: Exchange) -> bool:
    values = grouping_of(exchange.request.target).values()
    return exchange.subject.status == 400 and not all(map(reading.is_utf8, values))


def _empty_instance_sibling(exchange: Exchange) -> bool:
    group = group_of(exchange.request.target)
    siblings = {group | {(b"instance", b"")}, without_empty_instance(group)} - {group}
    names = {name for name, _ in group}
    can_collide = b"instance" not in names or without_empty_instance(group) != group
    is_refused = exchange.statuses(400, 400) and exchange.reference_read_it
    return can_collide and is_refused and bool(siblings & exchange.groups)


def _differs_in_empty_labels_only(exchange: Exchange) -> bool:
    is_refused = exchange.subject.status == 400 and exchange.subject_read_it
    return is_refused and exchange.reference_read_it and exchange.repeats()


def _joined_comment(exchange: Exchange) -> bool:
    says = b"line ends are missing" in exchange.subject.body
    return says and exchange.only_the_reference_read(reading.is_one_long_comment)


def _kinds(request: Request) -> set[str]:
    """The types that a push declares, in lower case."""
    if request.is_push and request.is_protobuf:
        families = metrics_proto.decode(request.body or b"")
        return {metrics_proto.TYPES[family.type].lower() for family in families}
    return set(reading.type_names(request.text).values())


def _part_label_in_the_grouping(exchange: Exchange) -> bool:
    names = grouping_of(exchange.request.target).keys()
    kinds = _kinds(exchange.request)
    meets = any(reading.PART_LABEL[kind] in names for kind in kinds & reading.PART_LABEL.keys())
    return meets and exchange.subject.status == 400 and exchange.reference_read_it


def _malformed(test: Callable[[bytes], bool]) -> Callable[[Exchange], bool]:
    """Texts that pass `test`, malformed to shardgate alone."""
    return lambda exchange: exchange.only_the_reference_read(test)


def _repeated_part(exchange: Exchange) -> bool:
    refused_by_subject = exchange.statuses(400, 200) and exchange.subject_read_it
    return refused_by_subject and reading.has_repeated_part(exchange.request.text)


def _float_counts(exchange: Exchange) -> bool:
    return exchange.statuses(200, 200) and reading.has_inexact_histogram_count(
        exchange.request.text
    )


def _summary_count(exchange: Exchange) -> bool:
    return exchange.reference_read_it and reading.has_summary_count_out_of_range(
        exchange.request.text
    )


def _gauge_histogram(exchange: Exchange) -> bool:
    kinds = set(reading.type_names(exchange.request.text).values())
    unknown = exchange.reference_says(b"unknown metric type")
    return exchange.subject_read_it and "gaugehistogram" in kinds and unknown


def _damaged_gzip(exchange: Exchange) -> bool:
    is_damaged = exchange.request.damage in ("cut", "checksum", "trailing")
    return is_damaged and exchange.only_the_reference_read(lambda _: True)


def _unknown_encoding(exchange: Exchange) -> bool:
    is_known = exchange.request.encoding.lower() in ("", "identity", "gzip", "snappy")
    names_known = b"send gzip" in exchange.subject.body
    return not is_known and exchange.subject.status == 415 and names_known


def _go_names(exchange: Exchange) -> bool:
    return exchange.subject.status == 200 and exchange.reference_says(REFUSED + rb".*\bgo_[a-z_]+")


def _newer_own_names(exchange: Exchange) -> bool:
    names = reading.metric_names(exchange.request.text)
    return exchange.statuses(400, 200) and any(name.startswith(b"promhttp_") for name in names)


def _own_help(exchange: Exchange) -> bool:
    says = rb'(?s)gathered metric family pushgateway_http_\w+ has help ".*" but should have'
    return exchange.subject.status == 200 and exchange.reference_says(says)


RULES = (
    Rule(
        "slashes after the job",
        "Cleaning the path would address another group, so the answer names the way to an empty value.",
        f"{DEVIATIONS}: repeated slashes after /job/",
        _slashes_after_the_job,
        Settle.NOTHING,
    ),
    Rule(
        "no job at all",
        "The reference redirects to a path that does not exist; the answer says what is missing.",
        f"{DEVIATIONS}: a push without a job",
        _no_job,
        Settle.NOTHING,
    ),
    Rule(
        "HEAD of a probe or page",
        "Load balancers and link checkers ask so.",
        f"{DEVIATIONS}: HEAD on probes and pages",
        _head,
        Settle.NOTHING,
    ),
    Rule(
        "grouping value that is not UTF-8",
        "The reference refuses the push but keeps the group, and from then on every scrape fails.",
        CORRUPTING,
        _grouping_not_utf8,
        Settle.DELETE_ON_REFERENCE,
    ),
    Rule(
        "group beside one with an empty instance",
        "Both expose the same push times; the reference keeps both, and from then on every scrape fails.",
        CORRUPTING,
        _empty_instance_sibling,
        Settle.DELETE_ON_REFERENCE,
    ),
    Rule(
        "series that differ only in empty labels",
        "To Prometheus they are one series, of which it keeps one sample without a word.",
        CORRUPTING,
        _differs_in_empty_labels_only,
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "further lines in a comment, and no sample",
        "The body has lost its line ends; the reference empties the group.",
        f"{DEVIATIONS}: line ends are missing",
        _joined_comment,
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "le or quantile grouping a histogram or summary",
        "The grouping label would overwrite the one that tells the buckets apart.",
        CORRUPTING,
        _part_label_in_the_grouping,
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "count that is negative or not a number",
        "The reference stores it as a number near 2^63 or 2^64.",
        CORRUPTING,
        _malformed(reading.has_impossible_count),
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "bucket or quantile twice",
        "The reference exposes the same series twice.",
        CORRUPTING,
        _repeated_part,
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "HELP that is not UTF-8",
        "The reference stores it, and the scrape is no longer valid text.",
        CORRUPTING,
        _malformed(reading.has_help_that_is_not_utf8),
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "float counts of a histogram",
        "1.5.1 cuts them to integers, later versions keep them.",
        f"{VERSIONS}: no float histogram counts",
        _float_counts,
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "summary count beyond integers",
        "The reference converts NaN and huge counts as its processor happens to do.",
        "Text format, reading: summary and histogram lines",
        _summary_count,
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "backslash in a TYPE",
        "The reference drops it and reads what is left, by an accident of its reader.",
        "Text format, reading: an unknown type is a 400",
        _malformed(reading.has_backslash_in_type),
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "gauge histogram",
        "1.5.1 does not know the type, later versions do.",
        "Text format, reading: gaugehistogram is known",
        _gauge_histogram,
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "gzip that does not end well",
        "1.5.1 takes a stream that is cut or corrupt at its end for complete.",
        f"{DEVIATIONS}: a body that could not be read to its end",
        _damaged_gzip,
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "Content-Encoding that is not known",
        "The reference reads such a body as it is; what an unknown encoding hides is no text.",
        f"{DEVIATIONS}: any other Content-Encoding",
        _unknown_encoding,
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "names of Go's runtime",
        "The reference exposes go_* itself, which has no meaning here.",
        "Own metrics: Go's go_*",
        _go_names,
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "own names that 1.5.1 lacks",
        "Later versions expose promhttp_metric_handler_requests_*, so its type is taken.",
        "Own metrics: promhttp_metric_handler_requests_*",
        _newer_own_names,
        Settle.DELETE_ON_BOTH,
    ),
    Rule(
        "HELP of the gateway's own counters",
        "The reference refuses another HELP for own metrics that had no series when it started.",
        "Pushes: HELP differences are tolerated",
        _own_help,
        Settle.DELETE_ON_BOTH,
    ),
)
