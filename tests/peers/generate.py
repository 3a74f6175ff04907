"""Draws a whole sequence of requests from one seed: the same seed gives the same bytes for ever."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from bodies import draw_body
from families import Schema, draw_schema
from paths import draw_path
from request import Request

REQUESTS_MIN, REQUESTS_MAX = 4, 14
CHECK_SHARE = 0.12
"""How often the whole state is compared in the middle of a sequence."""
ODD_METHODS = ("GET", "HEAD", "PATCH", "OPTIONS", "MOVE")
CONTENT_TYPES = (
    "", "", "text/plain; version=0.0.4; charset=utf-8", "application/x-www-form-urlencoded", "nonsense",
    "application/vnd.google.protobuf", "text/plain",
)  # fmt: skip
OTHER_REQUESTS = (
    ("GET", "/metrics"), ("HEAD", "/metrics"), ("PUT", "/metrics"), ("OPTIONS", "/metrics"),
    ("GET", "/metrics/"), ("GET", "/metrics?name[]=m"), ("GET", "/-/healthy"), ("GET", "/-/ready"),
    ("POST", "/-/healthy"), ("HEAD", "/-/ready"), ("GET", "/-/quit"), ("PUT", "/-/quit"),
    ("POST", "/-/quit"), ("DELETE", "/-/quit"), ("GET", "/api/v1/status"), ("GET", "/api/v1/metrics"),
    ("POST", "/api/v1/metrics"), ("OPTIONS", "/api/v1/metrics"), ("OPTIONS", "/api/v1/foo"),
    ("GET", "/api/v1/foo"), ("GET", "/api/v1/admin/wipe"), ("HEAD", "/api/v1/status"),
    ("GET", "/foo"), ("PUT", "/foo"), ("GET", "/api"), ("DELETE", "/-/foo"), ("GET", "/-/healthy/"),
)  # fmt: skip
ENCODINGS = {
    ("gzip", ""): 82,
    ("gzip", "cut"): 1,
    ("gzip", "checksum"): 1,
    ("gzip", "trailing"): 1,
    ("gzip", "plain"): 7,
    ("GZIP", ""): 2,
    ("deflate", "plain"): 1,
    ("identity", "plain"): 3,
}
"""How a body is encoded and damaged, by weight."""
NOT_A_GROUP = ("unknown path", "no job")
"""Kinds of path that no push goes to; the reference decodes even what it then does not find."""
WIPE = Request("PUT", b"/api/v1/admin/wipe", path_kind="wipe", body_kind="none")


@dataclass(frozen=True)
class Step:
    request: Request
    check: bool
    """Whether the whole state is compared after it."""
    gzip: bool
    """Whether that scrape asks for gzip."""


@dataclass(frozen=True)
class Sequence:
    seed: str
    steps: tuple[Step, ...]


def draw_sequence(seed: str) -> Sequence:
    rng = Random(seed)
    schema = draw_schema(rng)
    count = rng.randint(REQUESTS_MIN, REQUESTS_MAX)
    targets: list[tuple[str, bytes]] = []
    steps = []
    for position in range(count):
        request = _draw_request(rng, schema, targets)
        check = position == count - 1 or rng.random() < CHECK_SHARE
        steps.append(Step(request, check, rng.random() < 0.2))
    return Sequence(seed, tuple(steps))


def _draw_request(rng: Random, schema: Schema, targets: list[tuple[str, bytes]]) -> Request:
    if rng.random() < 0.05:
        return _other_request(rng)
    if targets and rng.random() < 0.4:
        path_kind, target = rng.choice(targets)
    else:
        path_kind, target = draw_path(rng)
        targets.append((path_kind, target))
    method = rng.choices(("PUT", "POST", "DELETE", rng.choice(ODD_METHODS)), (43, 37, 14, 6))[0]
    if method in ("PUT", "POST"):
        return _push(rng, schema, method, target, path_kind)
    body = b"ignored" if method == "DELETE" and rng.random() < 0.1 else None
    kind = "none" if body is None else "ignored"
    return Request(method, target, body, path_kind=path_kind, body_kind=kind)


def _push(rng: Random, schema: Schema, method: str, target: bytes, path_kind: str) -> Request:
    body_kind, text = draw_body(rng, schema)
    body = None if not text and rng.random() < 0.5 else text
    encoding, damage = "", ""
    if body is not None and path_kind not in NOT_A_GROUP and rng.random() < 0.1:
        encoding, damage = rng.choices(tuple(ENCODINGS), tuple(ENCODINGS.values()))[0]
        body_kind = f"{encoding} {damage}".strip()
    return Request(
        method,
        target,
        body,
        encoding,
        damage,
        rng.choice(CONTENT_TYPES),
        body is not None and rng.random() < 0.1,
        path_kind,
        body_kind,
    )


def _other_request(rng: Random) -> Request:
    if rng.random() < 0.1:
        return WIPE
    method, target = rng.choice(OTHER_REQUESTS)
    return Request(method, target.encode(), path_kind=target, body_kind="none")
