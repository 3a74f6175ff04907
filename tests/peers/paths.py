"""Draws push paths, good and odd, from pools so small that the groups of a sequence meet often."""

from __future__ import annotations

import base64
from collections.abc import Callable
from random import Random

JOBS = ("a", "a", "b")
LABELS = ("x", "x", "y", "instance")
VALUES = ("1", "1", "2")
UNUSUAL = ("a b", "a+b", "a?b", "a#b", 'a"b', "a\\b", "a\nb", "100%", "é", "日本", "a/b", "..", "")
INVALID_NAMES = ("1x", "x-y", "x:y", "x.y", "%C3%A9", "x%20", "@base64", "x@base64@base64", "x%00")
RESERVED_NAMES = ("__name__", "__x", "__", "__name__@base64")

Pair = tuple[str, str]


def draw_path(rng: Random) -> tuple[str, bytes]:
    """A kind for the log and the request target."""
    kinds, weights = tuple(KINDS), [weight for weight, _ in KINDS.values()]
    kind = rng.choices(kinds, weights)[0]
    target = KINDS[kind][1](rng)
    return kind, target if isinstance(target, bytes) else target.encode()


def _escaped(text: str) -> str:
    """Percent-encoded, every byte that is not plain."""
    return "".join(
        chr(byte) if (chr(byte).isalnum() and byte < 128) or chr(byte) in "-._~" else f"%{byte:02X}"
        for byte in text.encode()
    )


def _based(rng: Random, text: str) -> str:
    """Base64url with and without padding; `=` stands for the empty value."""
    encoded = base64.urlsafe_b64encode(text.encode()).decode()
    return rng.choice((encoded, encoded.rstrip("="), encoded + "=")) or "="


def _pairs(rng: Random, at_least: int = 0) -> list[Pair]:
    names = sorted(set(rng.choices(LABELS, k=rng.randint(at_least, 2))), key=lambda _: rng.random())
    return [(name, rng.choice(VALUES)) for name in names]


def _join(job: str, pairs: list[Pair], job_name: str = "job") -> str:
    return "/".join(["/metrics", job_name, job, *(part for pair in pairs for part in pair)])


def _job(rng: Random) -> str:
    return _join(rng.choice(JOBS), [])


def _labels(rng: Random) -> str:
    return _join(rng.choice(JOBS), _pairs(rng, 1))


def _base64(rng: Random) -> str:
    job = rng.choice((*JOBS, "é", "a/b"))
    pairs = [
        (f"{name}@base64", _based(rng, rng.choice((value, value, *UNUSUAL))))
        for name, value in _pairs(rng)
    ]
    if rng.random() < 0.6:
        return _join(_based(rng, job), pairs, rng.choice(("job@base64", "job%40base64")))
    return _join(rng.choice(JOBS), pairs)


def _base64_bad(rng: Random) -> str:
    bad = rng.choice(("!", "Y", "a+b", "YQ=x", "%20", "%C3%A9", "YWJjZ"))
    return _join(rng.choice(JOBS), [(rng.choice(("x", "instance", "job")) + "@base64", bad)])


def _base64_lenient(rng: Random) -> str:
    value = rng.choice(("MQ", "MQ==", "MQ===", "MR", "M%0AQ", "MQ%0D%0A", "_-_-", "Mg"))
    return _join(rng.choice(JOBS), [("x@base64", value)])


def _percent(rng: Random) -> str:
    unusual = [value for value in UNUSUAL if value not in ("", "..") and "/" not in value]
    value = _escaped(rng.choice(unusual))
    return rng.choice((_join(value, []), _join(rng.choice(JOBS), [("x", value)])))


def _raw_bytes(rng: Random) -> bytes:
    value = rng.choice(("é", "日本", 'a"b', "{a}", "a|b", "a\\b", "a+b", "a;b", "a=b", ":job", "*"))
    return rng.choice((_join(value, []), _join("a", [("x", value)]))).encode()


def _empty_value(rng: Random) -> str:
    name = rng.choice(("x", "y"))
    last = rng.choice(((name, ""), (f"{name}@base64", "="), (f"{name}@base64", "")))
    return _join(rng.choice(JOBS), [*(p for p in _pairs(rng) if p[0] != name), last])


def _empty_instance(rng: Random) -> str:
    last = rng.choice((("instance", ""), ("instance@base64", "="), ("instance@base64", "%3D")))
    return _join(rng.choice(JOBS), [last])


def _odd(rng: Random) -> str:
    return rng.choice((_labels(rng) + "/", _labels(rng) + "/y", _job(rng) + "/x"))


def _invalid_name(rng: Random) -> str:
    pairs = [*_pairs(rng), (rng.choice(INVALID_NAMES), "MQ")]
    rng.shuffle(pairs)
    return _join(rng.choice(JOBS), pairs)


def _repeated(rng: Random) -> str:
    pairs = [("x", "1"), ("x", "2"), ("x@base64", "MQ"), ("y", "1")]
    return _join(rng.choice(JOBS), rng.sample(pairs, 3))


def _encoded_slash(rng: Random) -> str:
    inside = ("/job/a%2Fb", "/job/a%2Fx%2F1", "/job/a/x/1%2F", "/job/a%2F", "/job/a/x%2F2")
    return "/metrics" + rng.choice((*inside, "%2Fjob/a", "/job%2fa"))


def _slashes_before(rng: Random) -> str:
    start = rng.choice(
        ("//metrics/job", "/metrics//job", "///metrics//job", "//metrics/job@base64")
    )
    return start + rng.choice(("/MQ", "/MQ/x/1", "/MQ/x"))


def _slashes_after(rng: Random) -> str:
    start = rng.choice(("/metrics/job", "/metrics/job", "//metrics/job"))
    return start + rng.choice(("//a", "/a//x", "/a//x/1", "/a/x//", "/a//", "/a%2F%2Fx", "//"))


def _not_utf8(rng: Random) -> bytes:
    escaped = (b"/%FF", b"/a/x/%C3", b"/a/x@base64/_w", b"@base64/_w", b"/a/instance/%ED%A0%80")
    return b"/metrics/job" + rng.choice((*escaped, b"/a/x/\xff"))


KINDS: dict[str, tuple[float, Callable[[Random], str | bytes]]] = {
    "job": (22, _job),
    "labels": (28, _labels),
    "base64": (9, _base64),
    "base64, lenient": (1.5, _base64_lenient),
    "base64, bad": (2, _base64_bad),
    "percent": (5, _percent),
    "raw bytes": (2, _raw_bytes),
    "empty value": (1.5, _empty_value),
    "empty instance": (2, _empty_instance),
    "trailing slash": (2, lambda rng: _job(rng) + "/"),
    "odd": (2.5, _odd),
    "invalid name": (2.5, _invalid_name),
    "reserved name": (1.5, lambda rng: _join("a", [(rng.choice(RESERVED_NAMES), "MQ")])),
    "repeated label": (2, _repeated),
    "job among labels": (2, lambda rng: _join("a", [("job", "b"), *_pairs(rng)])),
    "encoded slash": (2, _encoded_slash),
    "bad percent": (1, lambda rng: "/metrics/job/a" + rng.choice(("%", "%zz", "%4", "/x/%G1"))),
    "slashes before the job": (1.5, _slashes_before),
    "slashes after the job": (1.5, _slashes_after),
    "dots": (1, lambda rng: "/metrics/job/a/" + rng.choice(("..", ".", "x/..", "x/%2E", "x/..."))),
    "empty job": (1, lambda rng: "/metrics/job@base64/" + rng.choice(("=", "%3D", "==/x/1"))),
    "no job": (
        1,
        lambda rng: rng.choice(("/metrics", "/metrics/", "/metrics/job", "/metrics/job/")),
    ),
    "not UTF-8": (0.4, _not_utf8),
    "query": (1, lambda rng: _labels(rng) + "?x=%zz&y=/"),
    "le or quantile": (1.5, lambda rng: _join("a", [(rng.choice(("le", "quantile")), "1")])),
    "unknown path": (0.7, lambda rng: rng.choice(("/metrics/jobs/a", "/metrics/job@b/a", "/foo"))),
}
