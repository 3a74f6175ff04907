"""The tools of the differential test themselves: what they must notice."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError

import exposition
from compare import REFUSED, answer_differences, differences, protobuf_view
from generate import draw_sequence
from generate_protobuf import draw_protobuf_sequence
from grouping import grouping_of
from metrics_proto import MetricFamily, decode, encode, label_pairs
from wire import Answer

VALID = b"""# HELP a Some help.
# TYPE a gauge
a{x="\\"\\\\\\n"} 1
a 1e-05
# TYPE h histogram
h_bucket{a="1",z="2",le="1"} 0
h_bucket{a="1",z="2",le="+Inf"} 1
h_sum{a="1",z="2"} NaN
h_count{a="1",z="2"} 1
# TYPE s summary
s{quantile="0.5"} -Inf
s_sum 0
s_count 0
"""
INVALID = {
    "a second TYPE": b"# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na 2\n",
    "families out of order": b"# TYPE b gauge\nb 1\n# TYPE a gauge\na 2\n",
    "a family in two places": b"# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\na 2\n",
    "the same series twice": b'# TYPE a gauge\na{x="1",y="2"} 1\na{x="1",y="2"} 2\n',
    "no TYPE": b"a 1\n",
    "an unknown type": b"# TYPE a thing\na 1\n",
    "a family without samples": b"# TYPE a gauge\n",
    "HELP alone": b"# TYPE a gauge\na 1\n# HELP b help\n",
    "labels out of order": b'# TYPE a gauge\na{y="1",x="2"} 1\n',
    "a label twice": b'# TYPE a gauge\na{x="1",x="2"} 1\n',
    "a comma at the end": b'# TYPE a gauge\na{x="1",} 1\n',
    "an unknown escape": b'# TYPE a gauge\na{x="\\t"} 1\n',
    "a number that is not canonical": b"# TYPE a gauge\na +1\n",
    "a timestamp": b"# TYPE a gauge\na 1 2\n",
    "le not at the end": b'# TYPE h histogram\nh_bucket{le="+Inf",x="1"} 1\n'
    b'h_sum{x="1"} 1\nh_count{x="1"} 1\n',
    "no +Inf bucket": b'# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
    "no sum": b"# TYPE s summary\ns_count 1\n",
    "a name that a histogram exposes": b'# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n'
    b"# TYPE h_count gauge\nh_count 1\n",
    "no line end": b"# TYPE a gauge\na 1",
    "text that is not UTF-8": b'# TYPE a gauge\na{x="\xff"} 1\n',
}


def test_a_valid_exposition_is_read() -> None:
    families = exposition.parse(VALID)
    assert {name: len(family.samples) for name, family in families.items()} == {
        "a": 2,
        "h": 4,
        "s": 3,
    }


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID.keys())
def test_an_invalid_exposition_is_noticed(text: bytes) -> None:
    with pytest.raises(exposition.Invalid):
        exposition.parse(text)


def test_a_seed_gives_the_same_sequence_for_ever() -> None:
    assert draw_sequence("1/7") == draw_sequence("1/7") != draw_sequence("1/8")


@pytest.mark.parametrize(
    ("target", "grouping"),
    [
        (b"/metrics/job/a", {b"job": b"a"}),
        (b"/metrics/job/a/", {b"job": b"a"}),
        (b"/metrics/job/a/x/", {b"job": b"a", b"x": b""}),
        (b"/metrics/job@base64/YQ/x@base64/=", {b"job": b"a", b"x": b""}),
        (b"/metrics/job/a/x/1/x@base64/Mg==/job/b?y=1", {b"job": b"a", b"x": b"2"}),
        (b"/metrics/job/a%2Fx/%C3%A9", {b"job": b"a", b"x": "é".encode()}),
        (b"/metrics/job/a/x@base64/M%0AR", {b"job": b"a", b"x": b"1"}),
        (b"/metrics/job/a/x", {}),
        (b"/metrics/job/a/x@base64/Y", {}),
        (b"/metrics/job@base64/=", {}),
        (b"/metrics", {}),
        (b"/foo", {}),
    ],
)
def test_the_group_of_a_path_is_known(target: bytes, grouping: dict[bytes, bytes]) -> None:
    assert grouping_of(target) == grouping


def test_a_seed_gives_the_same_protobuf_for_ever_and_text_is_not_looked_for_in_it() -> None:
    sequence = draw_protobuf_sequence("1/7")
    assert sequence == draw_protobuf_sequence("1/7") != draw_protobuf_sequence("1/8")
    pushes = [step.request for step in sequence.steps if step.request.is_push]
    assert pushes and not any(push.text for push in pushes)
    assert all(b"".join(push.pieces) == push.body for push in pushes)


def test_protobuf_scrapes_differ_by_values_types_help_and_what_text_cannot_say() -> None:
    def view(kind: str = "COUNTER", help: str = "", **value: Any) -> dict[str, Any]:
        metric = {"label": [{"name": "job", "value": "a"}], "counter": value}
        families = [MetricFamily(name="m", type=kind, help=help, metric=[metric])]
        group = {"m": {"help": help}}
        return protobuf_view(decode(encode(families)), {frozenset(): group})

    plain = view(value=1.0)
    assert differences(plain, view(value=1.0)) == []
    assert differences(plain, view(value=2.0))
    assert differences(plain, view("GAUGE", value=1.0))
    assert differences(plain, view(help="other", value=1.0))
    assert differences(plain, view(value=1.0, exemplar={"value": 1.0}))
    assert differences(plain, view(value=1.0, created_timestamp={"seconds": 1}))


@pytest.mark.parametrize(
    "families",
    [
        [MetricFamily(name="m"), MetricFamily(name="m")],
        [MetricFamily(name="n"), MetricFamily(name="m")],
        [MetricFamily(name="m", metric=[{"label": label_pairs({"job": "a", "b": ""})}])],
    ],
    ids=["a family twice", "families out of order", "labels out of order"],
)
def test_an_invalid_protobuf_scrape_is_noticed(families: list[Any]) -> None:
    with pytest.raises(ValueError, match="out of order"):
        protobuf_view(families, {})


def test_a_stream_of_families_that_is_cut_is_noticed() -> None:
    stream = encode([MetricFamily(name="m"), MetricFamily(name="n", help="x")])
    assert [family.name for family in decode(stream)] == ["m", "n"]
    for end in range(len(encode([MetricFamily(name="m")])) + 1, len(stream)):
        with pytest.raises((DecodeError, ValueError)):
            decode(stream[:end])


OK = Answer(200, {}, b"")
MALFORMED = Answer(400, {}, b"text format parsing error in line 1: x\n")
REFUSED_PUSH = Answer(400, {}, REFUSED + b"x\n")


def test_answers_differ_by_status_headers_and_kind_of_refusal() -> None:
    assert answer_differences(OK, OK) == []
    assert answer_differences(OK, MALFORMED)
    assert answer_differences(MALFORMED, REFUSED_PUSH)
    moved, elsewhere = Answer(301, {"location": "/a"}, b""), Answer(301, {"location": "/"}, b"")
    assert answer_differences(moved, elsewhere)
    allowed, reordered = (
        Answer(405, {"allow": "GET, PUT"}, b""),
        Answer(405, {"allow": "PUT,GET"}, b""),
    )
    assert answer_differences(allowed, reordered) == []
