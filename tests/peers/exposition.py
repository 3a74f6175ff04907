"""A strict reader of the text format 0.0.4: whatever a lenient scraper would forgive is an error.

Owns the promise that a scrape is valid: families sorted and each exactly once, HELP and TYPE before
the samples, no series twice, no two families that expose the same name, whole histograms and
summaries, labels sorted. Values stay text, so that their spelling can be compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

METRIC = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({METRIC})(?:\{{(.+)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,(?=.)|\Z)')
HEADER = re.compile(rf"# (HELP|TYPE) ({METRIC}) (.*)")
VALUE = re.compile(r"NaN|[+-]Inf|-?[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]{2,3})?")

SUFFIXES = {
    "counter": ("",),
    "gauge": ("",),
    "untyped": ("",),
    "summary": ("", "_sum", "_count"),
    "histogram": ("_bucket", "_sum", "_count"),
    "gaugehistogram": ("_bucket", "_sum", "_count"),
}
TWICE = "the same series twice"
PART_LABEL = {"summary": "quantile", "histogram": "le", "gaugehistogram": "le"}
"""The label that tells the samples of one metric apart, and comes last."""

Labels = tuple[tuple[str, str], ...]


class Invalid(Exception):
    """The exposition breaks the format."""


@dataclass(frozen=True)
class Sample:
    name: str
    labels: Labels
    value: str


@dataclass
class Family:
    name: str
    kind: str
    help: str | None
    samples: list[Sample] = field(default_factory=list)


def parse(exposition: bytes) -> dict[str, Family]:
    """The families by name; raises `Invalid` with the line at fault."""
    try:
        text = exposition.decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"not UTF-8: {error}") from error
    if text and not text.endswith("\n"):
        raise Invalid("the last line has no end")
    families: dict[str, Family] = {}
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    pending_help: tuple[str, str] | None = None
    current: Family | None = None
    for line in text.split("\n")[:-1]:
        if line.startswith("#"):
            header = HEADER.fullmatch(line)
            if header is None:
                raise Invalid(f"not a header: {line!r}")
            keyword, name, rest = header.groups()
            if keyword == "HELP":
                if pending_help is not None:
                    raise Invalid(f"HELP without a TYPE before {line!r}")
                pending_help = (name, rest)
                continue
            current = _open_family(families, name, rest, pending_help)
            pending_help = None
        else:
            if current is None or pending_help is not None:
                raise Invalid(f"a sample without a TYPE: {line!r}")
            sample = _sample(line, current)
            # To Prometheus, a label with an empty value is no label.
            series = (sample.name, frozenset(label for label in sample.labels if label[1]))
            if series in seen:
                raise Invalid(f"{TWICE}: {line!r}")
            seen.add(series)
            current.samples.append(sample)
    if pending_help is not None:
        raise Invalid(f"HELP without a TYPE: {pending_help[0]}")
    _check_whole(families)
    return families


def repeats_a_series(exposition: bytes) -> bool:
    try:
        parse(exposition)
    except Invalid as invalid:
        return str(invalid).startswith(TWICE)
    return False


def _open_family(
    families: dict[str, Family], name: str, kind: str, pending_help: tuple[str, str] | None
) -> Family:
    if kind not in SUFFIXES:
        raise Invalid(f"unknown type {kind!r} of {name}")
    if families and name <= next(reversed(families)):
        raise Invalid(f"family {name} is repeated or out of order")
    if pending_help is not None and pending_help[0] != name:
        raise Invalid(f"HELP of {pending_help[0]} before TYPE of {name}")
    families[name] = Family(name, kind, pending_help[1] if pending_help else None)
    return families[name]


def _sample(line: str, family: Family) -> Sample:
    matched = SAMPLE.fullmatch(line)
    if matched is None:
        raise Invalid(f"not a sample: {line!r}")
    name, labels_text, value = matched.groups()
    suffix = name.removeprefix(family.name)
    if not name.startswith(family.name) or suffix not in SUFFIXES[family.kind]:
        raise Invalid(f"{line!r} does not belong to the {family.kind} {family.name}")
    if VALUE.fullmatch(value) is None:
        raise Invalid(f"not a canonical number: {line!r}")
    labels = _labels(labels_text, line) if labels_text else ()
    part = PART_LABEL.get(family.kind) if suffix in ("", "_bucket") else None
    names = [label for label, _ in labels]
    if part is not None and (not names or names.pop() != part):
        raise Invalid(f"no {part} at the end of the labels: {line!r}")
    if any(left >= right for left, right in pairwise(names)):
        raise Invalid(f"labels repeated or out of order: {line!r}")
    return Sample(name, labels, value)


def _labels(text: str, line: str) -> Labels:
    labels, end = [], 0
    for label in LABEL.finditer(text):
        if label.start() != end:
            break
        labels.append((label[1], label[2]))
        end = label.end()
    if end != len(text):
        raise Invalid(f"malformed labels: {line!r}")
    return tuple(labels)


def _check_whole(families: dict[str, Family]) -> None:
    """No family without samples, none that exposes another one's name, no metric in part."""
    owners: dict[str, str] = {}
    for family in families.values():
        if not family.samples:
            raise Invalid(f"{family.name} has no samples")
        for suffix in SUFFIXES[family.kind]:
            owner = owners.setdefault(family.name + suffix, family.name)
            if owner != family.name:
                raise Invalid(f"{family.name} and {owner} both expose {family.name + suffix}")
        if (part := PART_LABEL.get(family.kind)) is not None:
            _check_parts(family, part)


def _check_parts(family: Family, part: str) -> None:
    parts: dict[frozenset[tuple[str, str]], list[str]] = {}
    for sample in family.samples:
        suffix = sample.name.removeprefix(family.name)
        is_part = suffix in ("", "_bucket")
        metric = frozenset(sample.labels[:-1] if is_part else sample.labels)
        found = parts.setdefault(metric, [])
        found.append(f"{suffix} {sample.labels[-1][1]}" if is_part else suffix)
    needed = {"_sum", "_count"} | ({"_bucket +Inf"} if part == "le" else set())
    for metric, found in parts.items():
        if missing := needed - set(found):
            raise Invalid(f"{family.name}{dict(metric)} lacks {sorted(missing)}")
