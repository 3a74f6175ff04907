"""Looks into a push body, leniently: what the rules have to know about counts, buckets and names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

TYPE_LINE = re.compile(rb"[ \t]*#[ \t]*TYPE[ \t]+([a-zA-Z_:][\w:]*)[ \t]+([^\n]*)", re.ASCII)
HELP_LINE = re.compile(rb"([ \t]*#[ \t]*HELP[ \t]+[a-zA-Z_:][\w:]*[ \t]+)([^\n]*)", re.ASCII)
SAMPLE_LINE = re.compile(
    rb"[ \t]*([a-zA-Z_:][\w:]*)[ \t]*(?:\{(.*)\})?[ \t]*([^ \t]+)(?:[ \t]+-?\d+)?", re.ASCII
)
LABEL = re.compile(rb'([a-zA-Z_]\w*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"', re.ASCII)
BASE_SUFFIXES = {
    "summary": (b"_sum", b"_count"),
    "histogram": (b"_sum", b"_count", b"_bucket"),
}
PART_LABEL = {"summary": b"quantile", "histogram": b"le"}
EXACT_COUNTS_END = 2.0**63


@dataclass(frozen=True)
class Part:
    """A sample of a histogram or summary."""

    family: bytes
    kind: str
    suffix: bytes
    labels: frozenset[tuple[bytes, bytes]]
    """Without the one that names the part."""
    part: float | None
    """The bucket's bound or the quantile."""
    value: float

    @property
    def counts(self) -> bool:
        return self.suffix == b"_count" or (self.kind == "histogram" and self.suffix != b"_sum")


def type_names(text: bytes) -> dict[bytes, str]:
    """The declared type of each family, in lower case, as far as it is known."""
    lines = (TYPE_LINE.fullmatch(line) for line in text.split(b"\n"))
    return {line[1]: line[2].strip().decode("latin-1").lower() for line in lines if line}


def metric_names(text: bytes) -> set[bytes]:
    return {matched[1] for line in text.split(b"\n") if (matched := SAMPLE_LINE.fullmatch(line))}


def parts(text: bytes) -> Iterator[Part]:
    """The samples of histograms and summaries, in the families their names fold into."""
    kinds: dict[bytes, str] = {}
    for line in text.split(b"\n"):
        if header := TYPE_LINE.fullmatch(line):
            kinds.setdefault(header[1], header[2].strip().decode("latin-1").lower())
        elif sample := SAMPLE_LINE.fullmatch(line):
            name, labels, value = sample.groups()
            family, suffix = _fold(name, kinds)
            number = _number(value)
            if family is None or number is None:
                kinds.setdefault(name, "untyped")
                continue
            kind = kinds[family]
            pairs = dict(LABEL.findall(labels or b""))
            part = _number(pairs.pop(PART_LABEL[kind], b"NaN"))
            part = None if part is None or math.isnan(part) else part
            yield Part(family, kind, suffix, frozenset(pairs.items()), part, number)


def has_impossible_count(text: bytes) -> bool:
    """A count or bucket that is negative or not a number."""
    return any(part.counts and not part.value >= 0 for part in parts(text))


def has_inexact_histogram_count(text: bytes) -> bool:
    """A histogram's count or bucket that an older, integer-only reader cuts short."""
    return any(
        part.kind == "histogram" and part.counts and _is_inexact(part.value) for part in parts(text)
    )


def has_summary_count_out_of_range(text: bytes) -> bool:
    return any(
        part.kind == "summary" and part.counts and not part.value < EXACT_COUNTS_END
        for part in parts(text)
    )


def has_repeated_part(text: bytes) -> bool:
    """The same bucket or quantile twice in one metric."""
    keys = [
        (part.family, part.labels, part.part)
        for part in parts(text)
        if part.part is not None and part.suffix in (b"", b"_bucket")
    ]
    return len(keys) != len(set(keys))


def has_help_that_is_not_utf8(text: bytes) -> bool:
    return any(not is_utf8(help[2]) for help in map(HELP_LINE.fullmatch, text.split(b"\n")) if help)


def has_backslash_in_type(text: bytes) -> bool:
    return any(b"\\" in line[2] for line in map(TYPE_LINE.fullmatch, text.split(b"\n")) if line)


def is_one_long_comment(text: bytes) -> bool:
    """No line is a sample, and a comment holds what looks like the end of a line and the begin of another."""
    lines = [line.strip() for line in text.split(b"\n")]
    joined = rb"#.*(# (TYPE|HELP) |\\n|\r).*"
    is_comment = all(not line or line.startswith(b"#") for line in lines)
    return is_comment and any(re.fullmatch(joined, line, re.DOTALL) for line in lines)


def ends_in_an_open_comment(text: bytes) -> bool:
    """The last line has no end, and is a comment that does not say that this is the end."""
    last = text.rpartition(b"\n")[2].strip()
    return last.startswith(b"#") and last != b"# EOF"


def is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _fold(name: bytes, kinds: dict[bytes, str]) -> tuple[bytes | None, bytes]:
    if name in kinds:
        return (name, b"") if kinds[name] in BASE_SUFFIXES else (None, b"")
    for kind, suffixes in BASE_SUFFIXES.items():
        for suffix in suffixes:
            if name.endswith(suffix) and kinds.get(name.removesuffix(suffix)) == kind:
                return name.removesuffix(suffix), suffix
    return None, b""


def _number(text: bytes) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_inexact(value: float) -> bool:
    return not (value.is_integer() and value < EXACT_COUNTS_END)
