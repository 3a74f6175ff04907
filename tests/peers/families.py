"""Draws metric families of every type, in all the spellings the text format allows."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from random import Random

PLAIN_NAMES = ("n", "load:ratio", "_x", "m_total", "h_total", "A9")
SUFFIX_NAMES = ("h_sum", "h_count", "h_bucket", "s_sum", "s_count", "s_bucket")
"""What a histogram `h` or a summary `s` occupies, or nearly so."""
SIMPLE_KINDS = ("counter", "gauge", "untyped")
KINDS = (*SIMPLE_KINDS, "histogram", "summary")
OWN_NAMES = (
    ("process_cpu_seconds_total", "counter"),
    ("process_open_fds", "gauge"),
    ("process_start_time_seconds", "gauge"),
    ("pushgateway_build_info", "gauge"),
    ("pushgateway_http_requests_total", "counter"),
    ("pushgateway_http_push_size_bytes_sum", "untyped"),
    ("pushgateway_http_push_duration_seconds_count", "untyped"),
    ("push_time_seconds", "gauge"),
    ("push_time_seconds_count", "untyped"),
    ("push_failure_time_seconds", "gauge"),
    ("go_goroutines", "gauge"),
    ("promhttp_metric_handler_requests_total", "counter"),
)
PLAIN_VALUES = ("0", "1", "3.14", "-2", "42", "1e6", "0.001", "123456789")
SPECIAL_VALUES = (
    "+1", "-0", "1.", ".5", "1E5", "1e+5", "1e-5", "1e0005", "00012", "NaN", "nan", "nAn", "+Inf", "inf",
    "-inf", "Infinity", "-INFINITY", "1e308", "1.7976931348623157e308", "4.9e-324", "2e-324", "1e-400",
    "100000", "1000000", "1e20", "1e21", "0.0001", "0.00001", "12345678901234567890", "0.1", "2097152",
)  # fmt: skip
LABEL_NAMES = ("x", "z", "z", "w", "w", "long_label_name", "_", "instance", "A1")
RARE_LABEL_NAMES = ("job", "le", "quantile", "__reserved")
LABEL_VALUES = (
    "1", "2", "", "é", "a b", "\\\\", '\\"', "\\n", "<&>", "{}=,#", "\u2028", "'", "%2F",
)  # fmt: skip
HELPS = (
    "", "help", "a \\\\ b \\n c", "two  blanks ", "é", "tab\there", 'a "quote"', "# not a comment",
)  # fmt: skip
BOUNDS = (
    ("0.1", "1", "10"), (".5", "1.0", "2e0"), ("-1", "0", "5"), ("1",), ("1e-3", "1e3", "1e6"), (),
)  # fmt: skip
QUANTILES = (("0.5", "0.9", "0.99"), ("0.50",), ("0", "1"), (".1", "1e-1"), ())
COMMENT_STARTS = ("# ", "# ", "#", "#\t", " # ")
BLANKS = (" ", " ", " ", "  ", "\t", " \t ")


@dataclass(frozen=True)
class Schema:
    """The types a sequence mostly keeps to, so that most pushes agree and some do not."""

    kinds: dict[str, str]

    def simple_name(self, rng: Random) -> str:
        return rng.choice([name for name, kind in self.kinds.items() if kind in SIMPLE_KINDS])


def draw_schema(rng: Random) -> Schema:
    kinds = {"m": rng.choice(SIMPLE_KINDS), "h": "histogram", "s": "summary"}
    for name in (*rng.sample(PLAIN_NAMES, 2), *rng.sample(SUFFIX_NAMES, rng.choice((0, 0, 1)))):
        kinds[name] = rng.choice((*SIMPLE_KINDS, *SIMPLE_KINDS, *KINDS))
    return Schema(kinds)


def draw_families(rng: Random, schema: Schema, most: int = 3) -> list[str]:
    """The lines of a few families; now and then one of another type than the schema says."""
    blocks = []
    for name in rng.sample(sorted(schema.kinds), rng.randint(1, most)):
        kind = schema.kinds[name] if rng.random() < 0.93 else rng.choice(KINDS)
        blocks.append(draw_family(rng, name, kind))
    if rng.random() < 0.05:
        rng.shuffle(blocks[0])
    return [line for block in blocks for line in block]


def draw_family(rng: Random, name: str, kind: str) -> list[str]:
    lines = []
    for labels in _label_sets(rng):
        if kind == "histogram":
            lines += _histogram(rng, name, labels)
        elif kind == "summary":
            lines += _summary(rng, name, labels)
        else:
            lines.append(_sample(rng, name, labels, value(rng)))
    if rng.random() < 0.08:
        rng.shuffle(lines)
    if kind != "untyped" or rng.random() < 0.3:
        lines.insert(0, _type_line(rng, name, kind))
    if rng.random() < 0.3:
        position = rng.choice((0, 0, 0, len(lines), rng.randint(0, len(lines))))
        lines.insert(
            position, f"#{_blank(rng)}HELP{_blank(rng)}{name}{_blank(rng)}{rng.choice(HELPS)}"
        )
    return lines


def own_family(rng: Random) -> list[str]:
    """A family of a name the gateway exposes itself, mostly of the type it has there."""
    name, kind = rng.choice(OWN_NAMES)
    return draw_family(rng, name, kind if rng.random() < 0.6 else rng.choice(KINDS))


def value(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.6:
        return rng.choice(PLAIN_VALUES)
    if kind < 0.85:
        return rng.choice(SPECIAL_VALUES)
    (number,) = struct.unpack("<d", rng.randbytes(8))
    return "NaN" if math.isnan(number) else repr(number)


def _blank(rng: Random) -> str:
    return rng.choice(BLANKS)


def _type_line(rng: Random, name: str, kind: str) -> str:
    spelled = rng.choice((kind, kind, kind, kind.upper(), kind.title()))
    return f"{rng.choice(COMMENT_STARTS)}TYPE{_blank(rng)}{name}{_blank(rng)}{spelled}"


def _label_sets(rng: Random) -> list[dict[str, str]]:
    """One to three different label sets."""
    sets: list[dict[str, str]] = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        labels = {
            rng.choice(LABEL_NAMES): rng.choice(LABEL_VALUES)
            for _ in range(rng.choice((0, 1, 1, 2)))
        }
        if rng.random() < 0.015:
            labels[rng.choice(RARE_LABEL_NAMES)] = "1"
        if labels not in sets and (rng.random() < 0.05 or not _meets(labels, sets)):
            sets.append(labels)
    return sets


def _meets(labels: dict[str, str], others: list[dict[str, str]]) -> bool:
    """Whether one of the others differs only in labels with an empty value."""
    counting = [{name: text for name, text in one.items() if text} for one in (labels, *others)]
    return counting[0] in counting[1:]


def _sample(rng: Random, name: str, labels: dict[str, str], number: str) -> str:
    if not labels and rng.random() < 0.9:
        return f"{name}{_blank(rng)}{number}"
    if rng.random() < 0.8:
        pairs = ",".join(f'{label}="{text}"' for label, text in labels.items())
        return f"{name}{{{pairs}}} {number}"
    pad = [rng.choice(("", "", *BLANKS)) for _ in range(7)]
    pairs = f"{pad[0]},{pad[1]}".join(
        f'{label}{pad[2]}={pad[3]}"{text}"' for label, text in labels.items()
    )
    comma = rng.choice(("", ",")) if labels else ""
    return f"{pad[4]}{name}{pad[0]}{{{pad[1]}{pairs}{comma}{pad[5]}}}{pad[6]}{number}"


def _histogram(rng: Random, name: str, labels: dict[str, str]) -> list[str]:
    labels = {label: text for label, text in labels.items() if label != "le"}
    lines, count = [], 0
    for bound in (*rng.choice(BOUNDS), *rng.choice((("+Inf",), ("Inf",), ()))):
        count += rng.choice((0, 1, 7, 1000000))
        lines.append(_sample(rng, f"{name}_bucket", {**labels, "le": bound}, _count(rng, count)))
    if rng.random() < 0.1:
        rng.shuffle(lines)
    return lines + _sum_and_count(rng, name, labels, count, not lines)


def _summary(rng: Random, name: str, labels: dict[str, str]) -> list[str]:
    labels = {label: text for label, text in labels.items() if label != "quantile"}
    lines = [_sample(rng, name, {**labels, "quantile": q}, value(rng)) for q in _quantiles(rng)]
    return lines + _sum_and_count(rng, name, labels, rng.choice((0, 1, 12345678)), not lines)


def _quantiles(rng: Random) -> tuple[str, ...]:
    """`.1` and `1e-1` are one quantile: never both."""
    quantiles = rng.choice(QUANTILES)
    return quantiles if len({float(q) for q in quantiles}) == len(quantiles) else quantiles[:1]


def _sum_and_count(
    rng: Random, name: str, labels: dict[str, str], count: int, needed: bool
) -> list[str]:
    lines = [
        _sample(rng, f"{name}_sum", labels, value(rng)),
        _sample(rng, f"{name}_count", labels, _count(rng, count)),
    ]
    kept = [line for line in lines if rng.random() < 0.9]
    return kept or (lines[:1] if needed else [])


def _count(rng: Random, count: int) -> str:
    return rng.choice((str(count), str(count), f"{count}.0", f"{count}e0", f"+{count}"))
