"""One request of a differential sequence, and how it goes over the wire."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass

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
        """The exposition a push carries; empty where it carries none."""
        return self.body or b"" if self.is_push else b""

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
        return (
            f"{self.method} {self.target!r}{marked} {'' if self.body is None else repr(self.body)}"
        )
