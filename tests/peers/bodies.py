"""Draws push bodies: whole expositions by the grammar, and every way to break one that matters."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from families import Schema, draw_families, draw_family, own_family, value

COMMENTS = ("# a comment", "#", "#  ", "#comment", "# HELP", "# TYPE", "# EOF", "\t # help m x")
BAD_LINES = (
    "m", "m ", 'm{x="1"}', "m{x=\"1\" 1", "m{x=1} 1", "m{x='1'} 1", 'm{x="1} 1', "m{x} 1", "m{,} 1",
    'm{x="1",,} 1', 'm{="1"} 1', 'm{x="1",x="2"} 1', 'm{__name__="n"} 1', 'm{x-y="1"} 1', "m-x 1",
    'm{1x="1"} 1', 'm{x="\\t"} 1', 'm{x="a\\"} 1', "1m 1", "m.x 1", "mé 1", "é 1", "m 1 ", "m 1\t",
    "m 1 x", "m 1 2 3", "m 1 1.5", "m 1 2 ", "m 1 99999999999999999999", "m 1 # c", "m 1}", "{} 1",
    "# TYPE m gauge ", "# TYPE m unknown", "# TYPE m gauge x", "# TYPE 1m gauge", "# HELP m-x y",
    "# HELP m a\\b", "# HELP m a\\", "# TYPE m", "}", "{", "=", '"', 'm{x="\n"} 1',
)  # fmt: skip
BAD_VALUES = (
    "0x10", "0x1p4", "1p4", "1_000", "1e400", "-1e400", "1e", ".", "-NaN", "+NaN", "infin", "--1",
    "1,5", "1e5.5", "0b1", "1f", "1.7976931348623159e308", "١", "1\u00a0", "NaN0", "+", "e5",
)  # fmt: skip
MUTATION_BYTES = b' \t\n"\\{},=#_:019eE.+-NaInfmhx\xc3\xff\x00'
MUTATIONS_MAX = 3


def draw_body(rng: Random, schema: Schema) -> tuple[str, bytes]:
    """A kind for the log and the exposition."""
    kinds, weights = tuple(KINDS), [weight for weight, _ in KINDS.values()]
    kind = rng.choices(kinds, weights)[0]
    body = KINDS[kind][1](rng, schema)
    return kind, body if isinstance(body, bytes) else body.encode()


def _valid(rng: Random, schema: Schema) -> str:
    lines = draw_families(rng, schema)
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        lines.insert(rng.randint(0, len(lines)), rng.choice(("", " ", "\t", *COMMENTS)))
    return _text(lines)


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _with_line(rng: Random, schema: Schema, line: str) -> str:
    lines = draw_families(rng, schema)
    lines.insert(rng.randint(0, len(lines)), line)
    return _text(lines)


def _bad_line(rng: Random, schema: Schema) -> str:
    return _with_line(rng, schema, rng.choice(BAD_LINES))


def _bad_value(rng: Random, schema: Schema) -> str:
    return _with_line(rng, schema, f"m {rng.choice(BAD_VALUES)}")


def _mutated(rng: Random, schema: Schema) -> bytes:
    body = bytearray(_valid(rng, schema).encode())
    for _ in range(rng.randint(1, MUTATIONS_MAX)):
        position, byte = rng.randrange(len(body) + 1), rng.choice(MUTATION_BYTES)
        action = rng.choice(("insert", "replace", "delete"))
        body[position : position + (action != "insert")] = b"" if action == "delete" else [byte]
    return bytes(body)


def _timestamp(rng: Random, schema: Schema) -> str:
    return _with_line(rng, schema, f"m {value(rng)} {rng.choice(('0', '1700000000000', '-5'))}")


def _not_utf8(rng: Random, schema: Schema) -> bytes:
    bad = rng.choice((b"\xff", b"\xc3", b"\xed\xa0\x80"))
    return _valid(rng, schema).encode() + b'm{x="' + bad + b'"} 1\n'


def _second_header(rng: Random, schema: Schema) -> str:
    lines = draw_family(rng, "m", rng.choice(("gauge", "counter")))
    again = rng.choice(
        ("# TYPE m gauge", "# TYPE m", "# HELP m again", "# HELP m", "# TYPE m counter")
    )
    lines.insert(rng.randint(0, len(lines)), again)
    return _text(lines)


def _series_twice(rng: Random, schema: Schema) -> str:
    name = schema.simple_name(rng)
    reordered = ('{x="1",y="2"}', '{y="2",x="1"}')
    first, second = rng.choice(
        (("", ""), reordered, ('{job="q"}', ""), ('{instance=""}', ""), ('{x=""}', ""))
    )
    return _text([f"# TYPE {name} {schema.kinds[name]}", f"{name}{first} 1", f"{name}{second} 2"])


def _suffix_twice(rng: Random, schema: Schema) -> str:
    """A family of a name that a histogram or summary of the same body occupies, in both orders."""
    name, kind = rng.choice((("h", "histogram"), ("s", "summary")))
    taken = name + rng.choice(("_sum", "_count", "_bucket", "_total"))
    families = [
        draw_family(rng, name, kind),
        draw_family(rng, taken, rng.choice(("gauge", "untyped"))),
    ]
    rng.shuffle(families)
    return _text([line for family in families for line in family])


def _own(rng: Random, schema: Schema) -> str:
    return _text(draw_families(rng, schema, most=1) + own_family(rng))


def _odd_counts(rng: Random, schema: Schema) -> str:
    return _with_line(rng, schema, "# TYPE q histogram\n" + rng.choice((
        "q_count -1", 'q_bucket{le="1"} -3', 'q_bucket{le="1"} 1\nq_bucket{le="1.0"} 2', "q_count 1.5",
        'q_bucket{le="2"} 0.5\nq_count 2', "q_count NaN", 'q_bucket{le="1"} +Inf', "q_count 1e30",
    )))  # fmt: skip


def _odd_summary(rng: Random, schema: Schema) -> str:
    return _with_line(rng, schema, "# TYPE r summary\n" + rng.choice((
        "r_count -1", "r_count NaN", "r_count 1e30", "r_count 1.7", "r_count 9007199254740993",
        'r{quantile="0.5"} 1\nr{quantile="0.50"} 2', 'r{quantile="NaN"} 1', 'r{quantile="1.5"} -2',
    )))  # fmt: skip


def _newer(rng: Random, schema: Schema) -> str:
    return _with_line(rng, schema, rng.choice((
        "# TYPE g gaugehistogram\ng_bucket{le=\"1\"} 1\ng_sum 2\ng_count 3", "# HELP m a \\\"quoted\\\" b",
        "# TYPE g GaugeHistogram\ng_count 1", '# HELP m \\\\"',
    )))  # fmt: skip


def _joined(rng: Random, schema: Schema) -> str:
    """As lines are lost: by `curl -d`, by a shell that writes `\\n` out or splits words."""
    line_end = rng.choice(("", "", " ", "\\n", "\\n", "\r"))
    return _valid(rng, schema).rstrip("\n").replace("\n", line_end) + rng.choice(("", "\n"))


def _from_windows(rng: Random, schema: Schema) -> str:
    """With what its shells and editors add, and with types that the text format does not have."""
    words = {" gauge\n": " info\n", " untyped\n": " unknown\n"}
    body = _valid(rng, schema)
    for word, other in words.items():
        body = body.replace(word, rng.choice((word, other)))
    ends = [rng.choice(("\n", "\n", " \n", "\t \n", " \r\n")) for _ in body.splitlines()]
    lines = [line + end for line, end in zip(body.splitlines(), ends, strict=True)]
    return "".join(rng.choice(("", "", "\ufeff")) + line for line in lines)


KINDS: dict[str, tuple[float, Callable[[Random, Schema], str | bytes]]] = {
    "valid": (60, _valid),
    "as Windows sends it": (3, _from_windows),
    "empty": (3, lambda rng, schema: b""),
    "no samples": (
        2,
        lambda rng, schema: _text(rng.choices((*COMMENTS, "# TYPE m gauge", ""), k=2)),
    ),
    "mutated": (10, _mutated),
    "bad line": (6, _bad_line),
    "bad value": (2, _bad_value),
    "not UTF-8": (0.7, _not_utf8),
    "HELP not UTF-8": (0.3, lambda rng, schema: b"# HELP m \xff\n" + _valid(rng, schema).encode()),
    "timestamp": (2, _timestamp),
    "second header": (2, _second_header),
    "series twice": (2.5, _series_twice),
    "suffix twice": (2.5, _suffix_twice),
    "own names": (4, _own),
    "no line end": (1.5, lambda rng, schema: _valid(rng, schema).rstrip("\n")),
    "joined": (1, _joined),
    "CRLF": (1.5, lambda rng, schema: _valid(rng, schema).replace("\n", "\r\n")),
    "odd histogram counts": (0.5, _odd_counts),
    "odd summary counts": (0.5, _odd_summary),
    "newer syntax": (0.5, _newer),
}
