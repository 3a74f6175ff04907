"""What each rule of the differential test covers, and what none may."""

from __future__ import annotations

import pytest

from compare import REFUSED
from grouping import group_of
from request import Request
from rewrites import rewrite
from rules import RULES, Exchange, explanation
from wire import Answer


def push(
    body: bytes, target: bytes = b"/metrics/job/a", encoding: str = "", damage: str = ""
) -> Request:
    return Request("PUT", target, body, encoding, damage)


OK, MALFORMED = Answer(200, {}, b""), Answer(400, {}, b"text format parsing error in line 1: x\n")
REFUSED_PUSH = Answer(400, {}, REFUSED + b"x\n")
MOVED = Answer(301, {"location": "/metrics/job/a/x"}, b"")
EMPTY_VALUE_HINT = Answer(400, {}, b"use @base64/= for an empty value\n")


def refused(reason: bytes) -> Answer:
    return Answer(400, {}, REFUSED + reason)


REPEATS = "series that differ only in empty labels"
CASES = {
    "slashes after the job": (push(b"", b"/metrics/job/a//x"), EMPTY_VALUE_HINT, MOVED),
    "no job at all": (
        push(b"", b"/metrics/job/"),
        Answer(400, {}, b"job name is required\n"),
        Answer(307, {"location": "/metrics/job"}, b""),
    ),
    "HEAD of a probe or page": (
        Request("HEAD", b"/-/healthy", b"", "", ""),
        OK,
        Answer(405, {}, b""),
    ),
    "grouping value that is not UTF-8": (push(b"", b"/metrics/job/%FF"), MALFORMED, REFUSED_PUSH),
    "group beside one with an empty instance": (push(b""), REFUSED_PUSH, REFUSED_PUSH),
    REPEATS: (
        push(b'm 1\nm{x=""} 1\n', b"/metrics/job/b/y/1"),
        refused(b"and a label with an empty value is the same as no label\n"),
        OK,
    ),
    "further lines in a comment, and no sample": (
        push(b"# HELP m text\\n# TYPE m gauge\\nm 1\n"),
        Answer(400, {}, b"text format parsing error in line 1: line ends are missing\n"),
        OK,
    ),
    "le or quantile grouping a histogram or summary": (
        push(b"# TYPE h histogram\nh_count 1\n", b"/metrics/job/b/le/1"),
        REFUSED_PUSH,
        OK,
    ),
    "count that is negative or not a number": (
        push(b"# TYPE h histogram\nh_count -1\n"),
        MALFORMED,
        OK,
    ),
    "bucket or quantile twice": (
        push(b'# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="0.50"} 1\n'),
        REFUSED_PUSH,
        OK,
    ),
    "HELP that is not UTF-8": (push(b"# HELP m \xff\nm 1\n"), MALFORMED, OK),
    "float counts of a histogram": (push(b"# TYPE h histogram\nh_count 1.5\n"), OK, OK),
    "summary count beyond integers": (push(b"# TYPE s summary\ns_count 1e30\n"), OK, OK),
    "backslash in a TYPE": (push(b"# TYPE m gau\\ge\n"), MALFORMED, OK),
    "gauge histogram": (
        push(b"# TYPE g gaugehistogram\ng_count 1\n"),
        OK,
        Answer(400, {}, b'line 1: unknown metric type "gaugehistogram"\n'),
    ),
    "gzip that does not end well": (push(b"m 1\n", encoding="gzip", damage="cut"), MALFORMED, OK),
    "Content-Encoding that is not known": (
        push(b"m 1\n", encoding="deflate", damage="plain"),
        Answer(415, {}, b'Content-Encoding "deflate" is not known: send gzip\n'),
        OK,
    ),
    "names of Go's runtime": (
        push(b"go_goroutines 1\n"),
        OK,
        refused(b"gathered metric family go_goroutines has type UNTYPED"),
    ),
    "own names that 1.5.1 lacks": (push(b"promhttp_x 1\n"), REFUSED_PUSH, OK),
    "HELP of the gateway's own counters": (
        push(b"pushgateway_http_requests_total 1\n"),
        OK,
        refused(
            b'gathered metric family pushgateway_http_requests_total has help "" but should have "x"'
        ),
    ),
}
BESIDE = frozenset([group_of(b"/metrics/job/a/instance/")])
"""The groups there are: one that differs from the pushed one by an empty instance."""


@pytest.mark.parametrize("rule", CASES)
def test_each_rule_covers_its_case_and_no_other_does(rule: str) -> None:
    exchange = Exchange(*CASES[rule], BESIDE, lambda: rule == REPEATS)
    assert [found.name for found in RULES if found.covers(exchange)] == [rule]


def test_every_rule_has_a_case_a_reason_and_a_source() -> None:
    assert [rule.name for rule in RULES] == list(CASES)
    assert all(rule.why.endswith(".") and rule.source for rule in RULES)


def test_no_rule_covers_an_ordinary_push() -> None:
    ordinary = push(b'# TYPE h histogram\nh_bucket{le="1"} 1\nh_count 1\n')
    for answers in (
        (OK, MALFORMED),
        (MALFORMED, OK),
        (OK, REFUSED_PUSH),
        (REFUSED_PUSH, OK),
        (OK, OK),
    ):
        assert explanation(Exchange(ordinary, *answers, frozenset())) is None


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        (push(b"m 1"), push(b"m 1\n")),
        (push(b"m 1\r\nn 2\r\n"), push(b"m 1\nn 2\n")),
        (push(b"m 1\r"), push(b"m 1\n")),
        (push(b"m 1\n# EOF"), push(b"m 1\n# EOF\n")),
        (
            push("\ufeff# TYPE m Info \r\nm 1 \t\n# HELP m x \n".encode()),
            push(b"# TYPE m gauge\nm 1\n# HELP m x \n"),
        ),
        (push(b"# TYPE m unknown\n\xef\xbb\xbfm 1 "), push(b"# TYPE m untyped\nm 1\n")),
        (push(b"m 1\n# TYPE n gau"), push(b"m 1\n# TYPE n gau")),
        (
            push(b'# HELP m a \\" \\\\"\nm{x="\\""} 1\n'),
            push(b'# HELP m a " \\\\"\nm{x="\\""} 1\n'),
        ),
        (push(b"", b"//metrics//job/a?x//y"), push(b"", b"/metrics/job/a?x//y")),
        (push(b"m 1\n", encoding="GZIP"), push(b"m 1\n", encoding="gzip")),
        (push(b"m 1\n"), push(b"m 1\n")),
        (push(b"", b"/metrics/job//a"), push(b"", b"/metrics/job//a")),
        (Request("GET", b"//metrics"), Request("GET", b"//metrics")),
    ],
)
def test_a_rewrite_says_what_the_request_means(request_: Request, sent: Request) -> None:
    assert rewrite(request_, frozenset())[0] == sent


def test_the_failure_time_is_left_out_only_where_the_group_exists() -> None:
    body = b'm 1\n# TYPE push_failure_time_seconds gauge\npush_failure_time_seconds{x="1"} 1\n'
    request = push(body)
    assert rewrite(request, frozenset()) == (request, [])
    assert rewrite(request, frozenset([group_of(request.target)]))[0] == push(b"m 1\n")
