"""Protobuf bodies that are cut, damaged or say what makes no sense, pushed to both gateways.

They answer alike, or a named rule says why shardgate refuses what the Pushgateway takes; never the
other way round. Shardgate's scrapes stay whole whatever was pushed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

import compare
from gateways import REPOSITORY, pushgateway, shardgate
from generate_protobuf import DRAWN, draw_family
from metrics_proto import CONTENT_TYPE, MetricFamily, encode, label_pairs
from rules_protobuf import RULES, explanation, shown_otherwise
from wire import Answer, Connection

DAMAGED = 300
DAMAGING_BYTES = bytes((0, 1, 2, 9, 0x7F, 0x80, 0xC3, 0xFF))
CUT_STEP_BYTES = 3
TARGET = "/metrics/job/broken"


@dataclass(frozen=True)
class Pair:
    subject: Connection
    reference: Connection

    def push(self, body: bytes) -> tuple[Answer, Answer]:
        """To gateways that are empty."""
        for connection in (self.subject, self.reference):
            connection.ask("PUT", "/api/v1/admin/wipe")
            while json.loads(connection.ask("GET", "/api/v1/metrics").body)["data"]:
                pass
        headers = [("Content-Type", CONTENT_TYPE)]
        return (
            self.subject.ask("PUT", TARGET, headers, body),
            self.reference.ask("PUT", TARGET, headers, body),
        )

    def compare(self, body: bytes) -> str:
        """The name of the rule that the push needs, or the status of both."""
        subject, reference = answers = self.push(body)
        state = compare.read_state(self.subject)
        if subject.status != reference.status:
            rule = explanation(subject, reference)
            assert rule is not None, answers
            assert set(state.scrape) <= set(compare.PUSH_TIMES)
            return rule.name
        if subject.status == 200:
            if (rule_name := shown_otherwise(body)) is not None:
                return rule_name
            assert compare.state_differences(state, compare.read_state(self.reference)) == []
        return str(subject.status)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    directory = tmp_path_factory.mktemp("broken")
    with shardgate(directory) as subject, pushgateway(directory) as reference:
        yield Pair(subject.connect(), reference.connect())


def family(kind: str, name: str = "m", labels: dict[str, str] | None = None, **value: Any) -> Any:
    metric = {"label": label_pairs(labels or {}), **value}
    return MetricFamily(name=name, type=kind, metric=[metric])


def gauge(name: str = "m", labels: dict[str, str] | None = None, **more: Any) -> bytes:
    return encode([family("GAUGE", name, labels, gauge={"value": 1.0}, **more)])


def histogram(**value: Any) -> bytes:
    return encode([family("HISTOGRAM", histogram=value)])


def summary(*quantiles: float) -> bytes:
    parts = [{"quantile": quantile, "value": 1.0} for quantile in quantiles]
    return encode([family("SUMMARY", summary={"quantile": parts})])


def native(**value: Any) -> bytes:
    return histogram(zero_threshold=1e-9, **value)


def fields(*written: bytes) -> bytes:
    """One family of fields as they stand on the wire."""
    message = b"".join(written)
    return bytes([len(message)]) + message


NAME, GAUGE, METRIC = b"\x0a\x01m", b"\x18\x01", b"\x22\x0b\x12\x09\x09" + bytes(8)
REFUSED_BY_BOTH = {
    "a timestamp": gauge(timestamp_ms=5),
    "an invalid label name": gauge(labels={"a-b": "1"}),
    "an empty label name": gauge(labels={"": "1"}),
    "a reserved label name": gauge(labels={"__x": "1"}),
    "a label name twice": fields(
        NAME, GAUGE, b"\x22\x1b" + b"\x0a\x06\x0a\x01x\x12\x011" * 2 + METRIC[2:]
    ),
    "a series twice": encode([MetricFamily(name="m", type="GAUGE", metric=[{"gauge": {}}] * 2)]),
    "quantile as a label of a summary": encode([family("SUMMARY", labels={"quantile": "1"}, summary={})]),
    "no value": encode([family("GAUGE")]),
    "a value of another type": encode([family("COUNTER", gauge={"value": 1.0})]),
    "no type, which means a counter": fields(NAME, METRIC),
    "the name of a histogram's part": encode(
        [family("HISTOGRAM", histogram={}), family("GAUGE", "m_count", gauge={})]
    ),
    "text": b"m 1\n",
    "a length beyond the end": b"\x7f" + gauge()[1:],
    "a length of eleven bytes": b"\xff" * 11 + gauge(),
    "field number zero": fields(NAME, GAUGE, METRIC, b"\x00\x01"),
    "an unknown wire type": fields(NAME, GAUGE, METRIC, b"\x0e"),
    "a group without its end": fields(NAME, GAUGE, METRIC, b"\xfb\x07"),
    "a varint of eleven bytes": fields(NAME, b"\x18" + b"\xff" * 10 + b"\x01", METRIC),
}  # fmt: skip
TAKEN_BY_BOTH = {
    "nothing": b"",
    "an unknown field": fields(NAME, GAUGE, METRIC, b"\xf8\x07\x01"),
    "an unknown group": fields(NAME, GAUGE, METRIC, b"\xfb\x07\xfc\x07"),
    "a value of no fields": encode([family("GAUGE", gauge={})]),
    "two families": gauge() + gauge("n"),
    "a family again, wrong at first": gauge(timestamp_ms=5) + gauge(),
    "a field again": fields(b"\x0a\x01n", NAME, GAUGE, METRIC),
}
SHOWN_OTHERWISE = {
    "a family without metrics": encode([MetricFamily(name="m", type="GAUGE")]),
    "a count beyond 2^53": histogram(sample_count=(1 << 53) + 1),
    "gauge histogram": encode([family("GAUGE_HISTOGRAM", histogram={})]),
}
NOT_A_NUMBER = float("nan")
TAKEN_BY_THE_REFERENCE = {
    "no name, or an invalid one, of a family or a label": [
        gauge(""), gauge("a-b"), fields(GAUGE, METRIC),
    ],
    "unknown type, a gauge histogram without its value": [fields(NAME, b"\x18\x09", METRIC)],
    "values of another type than the family's": [encode([family("GAUGE_HISTOGRAM")])],
    "a metric of a histogram with a label `le`": [
        encode([family("HISTOGRAM", labels={"le": "1"}, histogram={})]),
    ],
    "a bound or quantile that is not a number, a negative count": [
        histogram(bucket=[{"upper_bound": NOT_A_NUMBER, "cumulative_count": 1}]),
        histogram(sample_count_float=-1.0),
        summary(NOT_A_NUMBER),
    ],
    "bucket or quantile twice in one series": [
        histogram(bucket=[{"upper_bound": 1.0, "cumulative_count": 1}] * 2), summary(0.5, 0.5),
    ],
    "a native histogram that contradicts itself": [
        native(sample_count=1, schema=99, zero_count=1),
        native(sample_count=2, positive_span=[{"offset": 0, "length": 1}], positive_delta=[1]),
        native(sample_count=1, positive_span=[{"offset": 0, "length": 2}], positive_delta=[1]),
        native(
            sample_count=2,
            negative_span=[{"offset": 0, "length": 1}, {"offset": -1, "length": 1}],
            negative_delta=[1, 0],
        ),
    ],
    "a field with the wire type of another": [
        fields(NAME, b"\x10\x05", GAUGE, METRIC),
        fields(NAME, GAUGE, METRIC, b"\xfb\x07\x0c"),
        fields(NAME, GAUGE, METRIC, b"\x80" * 5 + b"\x10\x01"),
    ],
    "body cut": [gauge() + b"\xff", gauge() + b"\x01"],
    "text that is not UTF-8": [
        encode([MetricFamily(name="m", help="??", type="GAUGE", metric=[{"gauge": {}}])]).replace(
            b"??", b"\xff\xfe"
        ),
        gauge("m??").replace(b"??", b"\xff\xfe"),
    ],
    "series that differ only in labels with an empty value": [
        encode([MetricFamily(name="m", type=kind, metric=[
            {"label": label_pairs(labels), kind.lower(): value} for labels in ({}, {"x": ""})
        ])])
        for kind, value in (("GAUGE", {"value": 1.0}), ("HISTOGRAM", {}), ("SUMMARY", {}))
    ],
}  # fmt: skip
BREAKING = [
    body
    for rule in ("no name, or an invalid one, of a family or a label",
                 "unknown type, a gauge histogram without its value")
    for body in TAKEN_BY_THE_REFERENCE[rule]
]  # fmt: skip
"""Behind these the reference's scrape is no longer valid, or empty."""


@pytest.mark.parametrize("body", REFUSED_BY_BOTH.values(), ids=REFUSED_BY_BOTH.keys())
def test_both_refuse(pair: Pair, body: bytes) -> None:
    subject, reference = pair.push(body)
    assert (subject.status, reference.status) == (400, 400)
    failed = [answer.body.startswith(compare.REFUSED) for answer in (subject, reference)]
    assert failed[0] == failed[1], "only what is well-formed sets the failure time"


@pytest.mark.parametrize("body", TAKEN_BY_BOTH.values(), ids=TAKEN_BY_BOTH.keys())
def test_both_take(pair: Pair, body: bytes) -> None:
    assert pair.compare(body) == "200"


def test_both_take_what_only_shardgate_shows_well(pair: Pair) -> None:
    for name, body in SHOWN_OTHERWISE.items():
        assert pair.compare(body) == name


@pytest.mark.parametrize("rule", TAKEN_BY_THE_REFERENCE)
def test_what_only_the_reference_takes_falls_under_its_rule(pair: Pair, rule: str) -> None:
    for body in TAKEN_BY_THE_REFERENCE[rule]:
        assert pair.compare(body) == rule


@pytest.mark.parametrize("body", BREAKING)
def test_the_reference_is_broken_by_what_it_takes(pair: Pair, body: bytes) -> None:
    pair.push(body)
    with pytest.raises((compare.Broken, KeyError)):
        compare.read_state(pair.reference).scrape["push_time_seconds"]


def test_every_rule_has_a_case_and_is_documented() -> None:
    assert [rule.name for rule in RULES] == list(TAKEN_BY_THE_REFERENCE)
    documented = (REPOSITORY / "docs" / "compatibility.md").read_text()
    names = [rule.name for rule in RULES] + list(SHOWN_OTHERWISE)
    assert [name for name in names if name not in documented] == []


def test_a_body_that_is_cut_anywhere_stores_nothing_but_whole_families(pair: Pair) -> None:
    rng = Random("cut")
    families = [draw_family(rng, f"family_{kind}", kind) for kind in sorted(DRAWN)]
    body = encode(families)
    ends, behind_lengths = {0}, set()
    for count, last in enumerate(families, 1):
        start, end = max(ends), len(encode(families[:count]))
        behind_lengths |= set(range(start + 1, end - last.ByteSize() + 1))
        ends.add(end)
    for end in sorted(ends | behind_lengths | set(range(0, len(body), CUT_STEP_BYTES))):
        expected = "200" if end in ends else "body cut" if end in behind_lengths else "400"
        assert pair.compare(body[:end]) == expected, end


def test_damaged_bodies_are_answered_alike_or_under_a_rule(pair: Pair) -> None:
    outcomes: Counter[str] = Counter()
    for number in range(DAMAGED):
        body = _damaged(Random(f"damaged {number}"))
        try:
            outcomes[pair.compare(body)] += 1
        except (AssertionError, compare.Broken) as error:
            pytest.fail(f"{number}: {body!r}\n{error}", pytrace=False)
    print(f"\n{dict(outcomes)}")
    assert outcomes["200"] and outcomes["400"]
    assert len(outcomes) > 2, "some rules have been met"


def _damaged(rng: Random) -> bytes:
    """One family of which a byte is another. Its length stays right: the reference would believe it."""
    message = bytearray(
        draw_family(rng, rng.choice("mhs"), rng.choice(sorted(DRAWN))).SerializeToString()
    )
    position = rng.randrange(len(message))
    message[position] = rng.choice((rng.choice(DAMAGING_BYTES), message[position] ^ 1))
    length = len(message)
    return bytes([length & 0x7F | 0x80, length >> 7]) + bytes(message)


def test_values_of_another_type_never_hide_behind_a_family_of_theirs(
    pair: Pair, tmp_path: Path
) -> None:
    """The reference takes them, and once the other family is gone it takes and shows nothing at all."""
    honest = encode([family("COUNTER", counter={"value": 1.0})])
    hidden = encode([family("UNTYPED", counter={"value": 2.0})])
    statuses, scrapes = [], []
    with shardgate(tmp_path) as subject, pushgateway(tmp_path) as reference:
        for server in (subject, reference):
            connection, headers = server.connect(), [("Content-Type", CONTENT_TYPE)]
            assert connection.ask("PUT", "/metrics/job/honest", headers, honest).status == 200
            # Which of the two the reference meets first is up to the order of a map, so it may refuse some.
            for _ in range(50):
                status = connection.ask("PUT", "/metrics/job/hidden", headers, hidden).status
                if status == 200:
                    break
            statuses.append(status)
            connection.ask("DELETE", "/metrics/job/honest")
            while b'"honest"' in connection.ask("GET", "/api/v1/metrics").body:
                pass
            scrapes.append(connection.ask("GET", "/metrics").status)
    assert (statuses, scrapes) == ([400, 200], [200, 500])
