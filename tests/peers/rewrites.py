"""Intended differences that can be said exactly: the reference is sent what shardgate makes of it.

Where a rewrite matches, the reference gets the rewritten request and the two answers and states must
then agree in full, so that such a rule hides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from grouping import PUSH_PATH, Grouping, group_of, path_of
from reading import BASE_SUFFIXES, HELP_LINE, TYPE_LINE, ends_in_an_open_comment, type_names
from request import Request

BYTE_ORDER_MARK = "\ufeff".encode()
OPEN_METRICS_TYPES = {b"unknown": b"untyped", b"info": b"gauge", b"stateset": b"gauge"}
FAILURE_TIME = b"push_failure_time_seconds"
FAILURE_TIME_LINE = rb"[ \t]*(#[ \t]*(TYPE|HELP)[ \t]+)?push_failure_time_seconds(%s)[ \t{][^\n]*"


@dataclass(frozen=True)
class Rewrite:
    name: str
    why: str
    source: str
    """Where docs/compatibility.md lists it."""
    apply: Callable[[Request, frozenset[Grouping]], Request]
    """The same request where the rule does not apply; also given the groups that exist."""


def rewrite(request: Request, groups: frozenset[Grouping]) -> tuple[Request, list[str]]:
    """What to send to the reference, and the names of the rules that made it so."""
    used = []
    for rule in REWRITES:
        rewritten = rule.apply(request, groups)
        if rewritten != request:
            used.append(rule.name)
            request = rewritten
    return request, used


def _end_the_last_line(request: Request, _: frozenset[Grouping]) -> Request:
    if not request.text or request.text.endswith(b"\n") or ends_in_an_open_comment(request.text):
        return request
    return replace(request, body=request.text + b"\n")


def _end_lines_with_lf(request: Request, _: frozenset[Grouping]) -> Request:
    if b"\r" not in request.text:
        return request
    return replace(request, body=re.sub(rb"\r(\n|\Z)", rb"\1", request.text))


def _without_marks(request: Request, _: frozenset[Grouping]) -> Request:
    if BYTE_ORDER_MARK not in request.text:
        return request
    return replace(request, body=re.sub(rb"(?m)^" + BYTE_ORDER_MARK, b"", request.text))


def _without_blanks_at_the_end(request: Request, _: frozenset[Grouping]) -> Request:
    if not re.search(rb"[ \t](\n|\Z)", request.text):
        return request
    lines = [
        line.rstrip(b" \t") if not HELP_LINE.fullmatch(line) and _is_read(line) else line
        for line in request.text.split(b"\n")
    ]
    return replace(request, body=b"\n".join(lines))


def _is_read(line: bytes) -> bool:
    """A sample, or a type that is named."""
    line = line.strip(b" \t")
    return not line.startswith(b"#") or TYPE_LINE.fullmatch(line) is not None


def _types_of_open_metrics(request: Request, _: frozenset[Grouping]) -> Request:
    if not re.search(rb"(?i)unknown|info|stateset", request.text):
        return request
    lines = [_with_plain_type(line) for line in request.text.split(b"\n")]
    return replace(request, body=b"\n".join(lines))


def _with_plain_type(line: bytes) -> bytes:
    found = TYPE_LINE.fullmatch(line)
    plain = found and OPEN_METRICS_TYPES.get(found[2].strip(b" \t").lower())
    return line[: found.start(2)] + plain if found and plain else line


def _clean_slashes_before_the_job(request: Request, _: frozenset[Grouping]) -> Request:
    path, question, query = request.target.partition(b"?")
    cleaned = re.sub(rb"\A/+metrics/+job", PUSH_PATH, path)
    is_group = re.match(rb"/metrics/job(@base64)?/", path_of(cleaned))
    if cleaned == path or not is_group:
        return request
    return replace(request, target=cleaned + question + query)


def _gzip_in_lower_case(request: Request, _: frozenset[Grouping]) -> Request:
    return replace(request, encoding="gzip") if request.encoding.lower() == "gzip" else request


def _unescape_quotes_in_help(request: Request, _: frozenset[Grouping]) -> Request:
    if b'\\"' not in request.text:
        return request
    lines = (HELP_LINE.fullmatch(line) or line for line in request.text.split(b"\n"))
    unescaped = [
        line if isinstance(line, bytes) else line[1] + _without_quotes(line[2]) for line in lines
    ]
    return replace(request, body=b"\n".join(unescaped))


def _without_quotes(help_text: bytes) -> bytes:
    return re.sub(
        rb"\\(.)", lambda pair: b'"' if pair[1] == b'"' else pair[0], help_text, flags=re.DOTALL
    )


def _leave_out_the_failure_time(request: Request, groups: frozenset[Grouping]) -> Request:
    if FAILURE_TIME not in (request.body or b"") or group_of(request.target) not in groups:
        return request
    if request.is_protobuf:
        pieces = request.pieces
        return replace(request, body=b"".join(p for p in pieces if FAILURE_TIME not in p))
    kind = type_names(request.text).get(FAILURE_TIME, "")
    suffixes = b"|".join((b"", *BASE_SUFFIXES.get(kind, ())))
    line_of_it = re.compile(FAILURE_TIME_LINE % suffixes)
    kept = [line for line in request.text.split(b"\n") if not line_of_it.fullmatch(line)]
    return replace(request, body=b"\n".join(kept))


REWRITES = (
    Rewrite(
        "byte order mark at the start of a line",
        "Editors on Windows write one, and files are put together, so it is accepted.",
        "Deviations on purpose: a UTF-8 byte order mark",
        _without_marks,
    ),
    Rewrite(
        "CRLF line ends",
        "Windows jobs send them, so they are accepted.",
        "Deviations on purpose: a last line without newline, and CRLF line ends",
        _end_lines_with_lf,
    ),
    Rewrite(
        "last line without newline",
        "Hand-written pushes forget it, so it is accepted.",
        "Deviations on purpose: a last line without newline, and CRLF line ends",
        _end_the_last_line,
    ),
    Rewrite(
        "blanks before a line's end",
        "The shell of Windows writes one, so they are accepted.",
        "Deviations on purpose: blanks before the end of a line",
        _without_blanks_at_the_end,
    ),
    Rewrite(
        "types of OpenMetrics",
        "Bodies of OpenMetrics are pushed as text, so its types are known.",
        "Deviations on purpose: unknown, info, stateset",
        _types_of_open_metrics,
    ),
    Rewrite(
        "slashes before the job",
        "A base URL with a slash too many still pushes, without a redirect that clients do not follow.",
        "Deviations on purpose: repeated slashes before the job",
        _clean_slashes_before_the_job,
    ),
    Rewrite(
        "gzip in any case",
        "1.5.1 knows the lower-case name only, later versions any spelling.",
        "Version differences of 1.5.1",
        _gzip_in_lower_case,
    ),
    Rewrite(
        "quotes escaped in HELP",
        "1.5.1 refuses the escape that later versions read.",
        "Text format, reading: HELP escapes (newer)",
        _unescape_quotes_in_help,
    ),
    Rewrite(
        "pushed failure time",
        "The gateway's own failure time always wins, where the reference lets a later push replace it.",
        "Deviations on purpose: push_failure_time_seconds in a body",
        _leave_out_the_failure_time,
    ),
)
