"""A raw HTTP/1.1 client: sends the request target byte for byte and keeps the connection alive.

The clients of the standard library quote, reject or normalise odd targets; telling two servers
apart needs exactly the bytes that were generated.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

ANSWER_SECONDS_MAX = 10.0
HEAD_BYTES_MAX = 64 * 1024


class NoAnswer(Exception):
    """The server closed, refused or stayed silent instead of answering."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    """By lower-case name; a repeated header keeps its last value."""
    body: bytes


class Connection:
    """One client; reconnects when the server has closed the connection between two requests."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._unread = b""

    def ask(
        self,
        method: str,
        target: str | bytes,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        chunked: bool = False,
    ) -> Answer:
        target = target.encode() if isinstance(target, str) else target
        lines = [method.encode() + b" " + target + b" HTTP/1.1", b"Host: gateway.example"]
        lines += [f"{name}: {value}".encode() for name, value in headers]
        if body is not None and chunked:
            lines.append(b"Transfer-Encoding: chunked")
            body = _chunks(body)
        elif body is not None:
            lines.append(b"Content-Length: %d" % len(body))
        message = b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")
        reused = self._socket is not None
        try:
            return self._exchange(method, message)
        except NoAnswer as failure:
            answered_in_part = bool(self._unread)
            self.close()
            if not reused or answered_in_part or "timed out" in str(failure):
                raise
        return self._exchange(method, message)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._unread = b""

    def _exchange(self, method: str, message: bytes) -> Answer:
        try:
            if self._socket is None:
                self._socket = socket.create_connection(
                    ("127.0.0.1", self._port), ANSWER_SECONDS_MAX
                )
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(message)
        except OSError as failure:
            raise NoAnswer(str(failure)) from failure
        return self._read_answer(method)

    def _read_answer(self, method: str) -> Answer:
        status, headers = self._read_head()
        while 100 <= status < 200:
            status, headers = self._read_head()
        if method == "HEAD" or status in (204, 304):
            body = b""
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._read_chunks()
        elif "content-length" in headers:
            body = self._read_exactly(int(headers["content-length"]))
        else:
            headers["connection"] = "close"
            body = self._read_to_the_end()
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, body)

    def _read_head(self) -> tuple[int, dict[str, str]]:
        head = self._read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, _, rest = head[0].partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0"):
            raise NoAnswer(f"not an HTTP answer: {head[0]!r}")
        pairs = (line.partition(":") for line in head[1:])
        return int(rest[:3]), {name.lower(): value.strip() for name, _, value in pairs}

    def _read_chunks(self) -> bytes:
        body = b""
        while size := int(self._read_until(b"\r\n").split(b";")[0], 16):
            body += self._read_exactly(size)
            self._read_until(b"\r\n")
        self._read_until(b"\r\n")
        return body

    def _read_until(self, end: bytes) -> bytes:
        while end not in self._unread:
            if len(self._unread) > HEAD_BYTES_MAX:
                raise NoAnswer(f"no {end!r} within {HEAD_BYTES_MAX} bytes")
            self._receive()
        found, _, self._unread = self._unread.partition(end)
        return found

    def _read_exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._receive()
        found, self._unread = self._unread[:size], self._unread[size:]
        return found

    def _read_to_the_end(self) -> bytes:
        try:
            while True:
                self._receive()
        except NoAnswer:
            found, self._unread = self._unread, b""
            return found

    def _receive(self) -> None:
        assert self._socket is not None
        try:
            received = self._socket.recv(1 << 18)
        except OSError as failure:
            raise NoAnswer(str(failure)) from failure
        if not received:
            raise NoAnswer("connection closed")
        self._unread += received


def _chunks(body: bytes) -> bytes:
    """`body` as two chunks, so that nothing may rely on one."""
    half = len(body) // 2
    parts = [part for part in (body[:half], body[half:]) if part]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
