"""The grouping key a push path names, read leniently: the rules need to know which group is meant."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes

PUSH_PATH = b"/metrics/job"
SUFFIX = b"@base64"

Grouping = frozenset[tuple[bytes, bytes]]


def path_of(target: bytes) -> bytes:
    """The decoded path, as the gateways split it."""
    return unquote_to_bytes(target.partition(b"?")[0])


def grouping_of(target: bytes) -> dict[bytes, bytes]:
    """The labels of a push path by name; empty when it names no group."""
    parts = path_of(target).removeprefix(b"/metrics/").split(b"/")
    if not path_of(target).startswith(PUSH_PATH) or len(parts) < 2:
        return {}
    if len(parts) == 3 and not parts[2]:
        parts.pop()
    labels = [_label(name, value) for name, value in zip(parts[::2], parts[1::2], strict=False)]
    if len(parts) % 2 or any(value is None for _, value in labels) or not labels[0][1]:
        return {}
    return {name: value for name, value in labels[1:] + labels[:1] if value is not None}


def group_of(target: bytes) -> Grouping:
    return frozenset(grouping_of(target).items())


def without_empty_instance(group: Grouping) -> Grouping:
    return group - {(b"instance", b"")}


def _label(name: bytes, value: bytes) -> tuple[bytes, bytes | None]:
    if not name.endswith(SUFFIX):
        return name, value
    return name.removesuffix(SUFFIX), _decoded(value)


def _decoded(value: bytes) -> bytes | None:
    """Base64url as leniently as the reference: any padding, line ends skipped, spare bits ignored."""
    value = value.rstrip(b"=").replace(b"\n", b"").replace(b"\r", b"")
    standard = value.translate(bytes.maketrans(b"-_", b"+/"), b"")
    if b"+" in value or b"/" in value or len(value) % 4 == 1:
        return None
    try:
        return base64.b64decode(standard + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        return None
