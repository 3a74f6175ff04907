"""Certificates for the tests, made with openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

SECONDS_MAX = 30
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
LOCALHOST = "DNS:localhost,IP:127.0.0.1"


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, as files of PEM."""

    cert: Path
    key: Path

    @property
    def curl(self) -> list[str]:
        """The words that make curl show it."""
        return ["--cert", str(self.cert), "--key", str(self.key)]


def openssl(*words: str | Path, stdin: str = "") -> str:
    done = subprocess.run(
        ["openssl", *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, f"openssl {words}: {done.stderr}"
    return done.stdout


def self_signed(directory: Path, name: str, names: str = LOCALHOST, *words: str) -> Pair:
    """One that nobody else has signed, for `names`; by openssl's default it may sign others."""
    pair = Pair(directory / f"{name}.crt", directory / f"{name}.key")
    subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName={names}")
    openssl("req", "-x509", *KEY, *subject, "-days", "1", "-keyout", pair.key, "-out", pair.cert, *words)
    return pair


@dataclass(frozen=True)
class Authority:
    """Who signs others' certificates."""

    directory: Path
    own: Pair

    @staticmethod
    def make(directory: Path, name: str = "authority") -> Authority:
        return Authority(directory, self_signed(directory, name))

    def sign(
        self,
        name: str,
        names: str = LOCALHOST,
        usage: str = "serverAuth,clientAuth",
        days: int = 1,
        rsa: bool = False,
    ) -> Pair:
        """A certificate for `names` that has expired where `days` is negative."""
        pair = Pair(self.directory / f"{name}.crt", self.directory / f"{name}.key")
        request, extensions = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        key = ("-newkey", "rsa:2048", "-nodes") if rsa else KEY
        openssl("req", "-new", *key, "-subj", f"/CN={name}", "-keyout", pair.key, "-out", request)
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage={usage}\n")
        signer = ("-CA", self.own.cert, "-CAkey", self.own.key, "-CAcreateserial")
        form = ("-days", str(days), "-extfile", extensions, "-out", pair.cert)
        openssl("x509", "-req", "-in", request, *signer, *form)
        return pair
