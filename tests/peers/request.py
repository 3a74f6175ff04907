"""One request of a differential sequence, and how it goes over the wire."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass

import metrics_proto
from wire import Answer, Connection


@dataclass(frozen=True)
class Request:
    method: str
    target: bytes
    body: bytes | None = None
    """Before the content encoding."""
    encoding: str = ""
    """Content-Encoding: empty, `gzip`, or another spelling of it."""
    damage: str = ""
    """What is wrong with the compressed body: nothing, `cut`, `checksum`, `trailing`, `plain`."""
    content_type: str = ""
    chunked: bool = False
    path_kind: str = ""
    body_kind: str = ""

    @property
    def is_push(self) -> bool:
        return self.method in ("PUT", "POST")

    @property
    def text(self) -> bytes:
        """The exposition a push carries; empty where it carries none, or as protobuf."""
        return self.body or b"" if self.is_push and not self.is_protobuf else b""

    @property
    def is_protobuf(self) -> bool:
        return self.content_type == metrics_proto.CONTENT_TYPE

    @property
    def pieces(self) -> list[bytes]:
        """What may be left out of the body: lines, or families."""
        if self.body is None:
            return []
        if self.is_protobuf:
            return [metrics_proto.encode([family]) for family in metrics_proto.decode(self.body)]
        return self.body.splitlines(keepends=True)

    def send(self, connection: Connection) -> Answer:
        headers = [("Content-Type", self.content_type)] if self.content_type else []
        if self.encoding:
            headers.append(("Content-Encoding", self.encoding))
        return connection.ask(self.method, self.target, headers, self._encoded(), self.chunked)

    def _encoded(self) -> bytes | None:
        if self.body is None or not self.encoding or self.damage == "plain":
            return self.body
        compressed = gzip.compress(self.body, compresslevel=1, mtime=0)
        if self.damage == "cut":
            return self._cut()
        if self.damage == "checksum":
            return (
                compressed[:-8] + bytes(byte ^ 0x55 for byte in compressed[-8:-4]) + compressed[-4:]
            )
        if self.damage == "trailing":
            return compressed + b"trailing"
        return compressed

    def _cut(self) -> bytes:
        """Ends after the last whole line: all of the text arrives, the end of the stream does not."""
        deflate = zlib.compressobj(1, zlib.DEFLATED, 31)
        return deflate.compress(self.body or b"") + deflate.flush(zlib.Z_SYNC_FLUSH)

    def __str__(self) -> str:
        notes = [f"{self.encoding} {self.damage}".strip(), "chunked" if self.chunked else ""]
        marked = "".join(f" [{note}]" for note in notes if note)
        body = "" if self.body is None else repr(self.body)
        if self.is_protobuf:
            body = "".join(f"\n{family}" for family in metrics_proto.decode(self.body or b""))
        return f"{self.method} {self.target!r}{marked} {body}"
