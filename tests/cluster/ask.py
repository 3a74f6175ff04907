"""Asks over HTTP: one answer or `None`, and never an exception because of a server that is ended, paused or cut off."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

ASK_SECONDS_MAX = 5.0


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]
    """By lower-case name."""

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


@dataclass
class Client:
    """One client with a kept connection. `failure` says why there was no answer."""

    address: str
    port: int
    seconds_max: float = ASK_SECONDS_MAX
    failure: str = ""
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = MappingProxyType({})
    ) -> Answer | None:
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self.address, self.port, timeout=self.seconds_max)
            self._connection.request(method, path, body, dict(headers))
            answer = self._connection.getresponse()
            lower = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, answer.read(), lower)
        except (OSError, http.client.HTTPException) as failure:
            self.failure = f"{type(failure).__name__}: {failure}"
            self.close()
            return None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
