"""TLS as curl and openssl see it: versions, suites, curves, and what is asked of clients."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from certificates import Authority, Pair, openssl, self_signed
from gateways import Server
from secure import Curl, curl, refused, secure

SECONDS_MAX = 20


@dataclass(frozen=True)
class People:
    """Those who show certificates."""

    directory: Path
    authority: Authority
    server: Pair
    clients: dict[str, Pair | None]

    def config(self, *keys: str) -> str:
        tls = (f"cert_file: {self.server.cert.name}", f"key_file: {self.server.key.name}", *keys)
        return "tls_server_config:\n" + "".join(f"  {key}\n" for key in tls)

    def ask(self, server: Server, client: str, *words: str) -> Curl:
        shown = self.clients[client]
        trust = ["--cacert", str(self.authority.own.cert)]
        return curl(server, "/-/ready", *trust, *(shown.curl if shown else []), *words)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    directory = tmp_path_factory.mktemp("tls")
    authority = Authority.make(directory)
    stranger = Authority.make(directory, "stranger")
    clients = {
        "nobody": None,
        "good": authority.sign("good", "DNS:good.example,email:good@example.org"),
        "other names": authority.sign("other", "DNS:other.example,IP:10.0.0.2"),
        "by address": authority.sign("address", "IP:10.0.0.1"),
        "by URI": authority.sign("uri", "URI:spiffe://example/job"),
        "by IPv6": authority.sign("six", "IP:2001:db8::1"),
        "expired": authority.sign("expired", "DNS:good.example", days=-1),
        "for servers only": authority.sign("server-only", "DNS:good.example", "serverAuth"),
        "of a stranger": stranger.sign("stranger-client", "DNS:good.example"),
        "self-signed": self_signed(directory, "self", "DNS:good.example"),
    }
    return People(directory, authority, authority.sign("server"), clients)


@pytest.fixture(scope="module")
def plain_tls(people: People) -> Iterator[Server]:
    """TLS with nothing asked of clients."""
    with secure(people.directory, people.config()) as server:
        yield server


def handshake(server: Server, *words: str) -> str:
    """What `openssl s_client` says of a handshake, done or not."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", *words],
        input="",
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    return done.stdout + done.stderr


def agreed(server: Server, *words: str) -> tuple[str, str, str] | None:
    """Version, suite and group, where the two sides agree."""
    said = handshake(server, *words)
    found = re.search(r"New, (TLSv1\.\d), Cipher is (\S+)", said)
    if not found:
        return None
    group = re.search(r"Server Temp Key: (?:ECDH, )?([\w-]+)", said)
    return found[1], found[2], group[1] if group else ""


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_tls_1_2_and_1_3_are_spoken(people: People, plain_tls: Server, version: str) -> None:
    answer = people.ask(plain_tls, "nobody", f"--tlsv{version}", "--tls-max", version)
    assert (answer.exit, answer.status) == (0, 200), answer.trace
    assert f"SSL connection using TLSv{version}" in answer.trace


def test_nothing_older_is_spoken_though_go_could_be_told_to(people: People) -> None:
    with secure(people.directory, people.config("min_version: TLS10")) as server:
        old = ("-cipher", "ALL:@SECLEVEL=0")
        assert agreed(server, "-tls1", *old) is None
        assert agreed(server, "-tls1_1", *old) is None
        assert agreed(server, "-tls1_2") is not None
        assert "min_version" in server.log.read_text()


@pytest.mark.parametrize(
    ("key", "spoken", "refused"),
    [("min_version: TLS13", "-tls1_3", "-tls1_2"), ("max_version: TLS12", "-tls1_2", "-tls1_3")],
)
def test_versions_are_bounded(people: People, key: str, spoken: str, refused: str) -> None:
    with secure(people.directory, people.config(key)) as server:
        assert agreed(server, spoken) and agreed(server, refused) is None


def test_cipher_suites_are_those_of_the_list_in_its_order(people: People) -> None:
    names = [f"TLS_ECDHE_ECDSA_WITH_AES_{size}" for size in ("256_GCM_SHA384", "128_GCM_SHA256")]
    suites = f"cipher_suites: [{', '.join(names)}]"
    clients = ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    with secure(people.directory, people.config(suites)) as server:
        chosen = agreed(server, *clients)
        assert chosen and chosen[1] == "ECDHE-ECDSA-AES256-GCM-SHA384", "the gateway's order"
        assert agreed(server, "-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305") is None
        chosen = agreed(server, "-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256")
        assert chosen and chosen[1] == "TLS_CHACHA20_POLY1305_SHA256", "TLS 1.3 is not a choice"
    with secure(
        people.directory, people.config(suites, "prefer_server_cipher_suites: false")
    ) as server:
        chosen = agreed(server, *clients)
        assert chosen and chosen[1] == "ECDHE-ECDSA-AES128-GCM-SHA256", "the client's order"


def test_a_certificate_of_rsa_has_suites_of_its_own(people: People) -> None:
    pair = people.authority.sign("rsa", rsa=True)
    config = people.config().replace("server.", "rsa.")
    assert pair.cert.name in config
    with secure(people.directory, config) as server:
        chosen = agreed(server, "-tls1_2")
        assert chosen and chosen[1].startswith("ECDHE-RSA-")


def test_curves_are_those_of_the_list(people: People, plain_tls: Server) -> None:
    chosen = agreed(plain_tls, "-groups", "X25519:P-256")
    assert chosen and chosen[2] == "X25519"
    with secure(people.directory, people.config("curve_preferences: [CurveP384, CurveP521]")) as server:
        chosen = agreed(server, "-groups", "X25519:P-256:P-384")
        assert chosen and chosen[2] == "secp384r1"
        assert agreed(server, "-groups", "X25519:P-256") is None
        assert "CurveP521" in server.log.read_text()


def test_inline_certificate_key_and_authority_are_as_good_as_files(people: People) -> None:
    def inline(key: str, path: Path) -> str:
        lines = path.read_text().splitlines()
        return f"  {key}: |\n" + "".join(f"    {line}\n" for line in lines)

    config = "tls_server_config:\n  client_auth_type: RequireAndVerifyClientCert\n"
    config += inline("cert", people.server.cert) + inline("key", people.server.key)
    config += inline("client_ca", people.authority.own.cert)
    with secure(people.directory, config) as server:
        assert people.ask(server, "good").status == 200
        assert people.ask(server, "nobody").status == 0


UNVERIFIED = {"nobody", "good", "other names", "expired", "self-signed", "of a stranger"}
MODES = {
    "NoClientCert": UNVERIFIED,
    "RequestClientCert": UNVERIFIED,
    "RequireAnyClientCert": UNVERIFIED - {"nobody"},
    "RequireClientCert": UNVERIFIED - {"nobody"},
    "VerifyClientCertIfGiven": {"nobody", "good", "other names"},
    "RequireAndVerifyClientCert": {"good", "other names"},
}


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("mode", MODES)
def test_each_client_auth_type_lets_in_whom_go_lets_in(
    people: People, mode: str, version: str
) -> None:
    keys = [f"client_auth_type: {mode}"]
    if mode.startswith(("Verify", "RequireAndVerify")):
        keys.append(f"client_ca_file: {people.authority.own.cert.name}")
    with secure(people.directory, people.config(*keys)) as server:
        asked = handshake(server, f"-tls{version.replace('.', '_')}")
        is_asked = "Client Certificate Types" in asked or "Requested Signature Alg" in asked
        assert is_asked == (mode != "NoClientCert")
        for client in ("nobody", "good", "other names", "expired", "self-signed", "of a stranger"):
            answer = people.ask(server, client, "--tlsv1.2", "--tls-max", version)
            expected = 200 if client in MODES[mode] else 0
            assert answer.status == expected, f"{client}: {answer.trace}"
        if mode == "RequireAndVerifyClientCert":
            assert people.ask(server, "for servers only").status == 0


def test_a_client_must_have_the_key_of_the_certificate_it_shows(people: People) -> None:
    """Also where nobody verifies who has signed it."""
    good, other = people.clients["good"], people.clients["other names"]
    assert good and other
    with secure(people.directory, people.config("client_auth_type: RequireAnyClientCert")) as server:
        for version in ("-tls1_2", "-tls1_3"):
            shown = ("-cert", str(good.cert), "-key", str(good.key), version)
            assert "alert" not in handshake(server, *shown)
        mixed = Pair(good.cert, other.key)
        assert people.ask(server, "nobody", *mixed.curl).status == 0


def test_a_self_signed_certificate_can_be_its_own_authority(people: People) -> None:
    keys = ("client_auth_type: RequireAndVerifyClientCert", "client_ca_file: self.crt")
    with secure(people.directory, people.config(*keys)) as server:
        assert people.ask(server, "self-signed").status == 200
        assert people.ask(server, "good").status == 0


def test_without_authorities_those_of_the_system_count(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = people.config("client_auth_type: RequireAndVerifyClientCert")
    with secure(people.directory, config) as server:
        assert people.ask(server, "good").status == 0, "this system does not know the authority"
        assert "client_ca_file" in server.log.read_text(), "it is warned of"
    monkeypatch.setenv("SSL_CERT_FILE", str(people.authority.own.cert))
    with secure(people.directory, config) as server:
        assert people.ask(server, "good").status == 200
        assert people.ask(server, "of a stranger").status == 0
        assert people.ask(server, "nobody").status == 0
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
    assert "client_ca_file" in refused(people.directory, config)


@pytest.mark.parametrize(
    ("allowed", "client"),
    [
        ("good.example", "good"),
        ("good@example.org", "good"),
        ("10.0.0.1", "by address"),
        ("2001:db8::1", "by IPv6"),
        ("spiffe://example/job", "by URI"),
    ],
)
def test_only_clients_with_an_allowed_name_are_let_in(
    people: People, allowed: str, client: str
) -> None:
    keys = [
        "client_auth_type: VerifyClientCertIfGiven",
        f"client_ca_file: {people.authority.own.cert.name}",
        f"client_allowed_sans: [nobody.example, '{allowed}']",
    ]
    with secure(people.directory, people.config(*keys)) as server:
        for shown in ("good", "by address", "by IPv6", "by URI", "other names"):
            assert (people.ask(server, shown).status == 200) == (shown == client), shown
        assert people.ask(server, "nobody").status == 0, "who shows no certificate has no name"
        assert people.ask(server, "of a stranger").status == 0


def test_names_are_looked_at_where_nobody_verifies_certificates(people: People) -> None:
    keys = ("client_auth_type: RequireAnyClientCert", "client_allowed_sans: [good.example]")
    with secure(people.directory, people.config(*keys)) as server:
        assert people.ask(server, "self-signed").status == 200
        assert people.ask(server, "by address").status == 0


def test_a_session_is_resumed(people: People, plain_tls: Server) -> None:
    session = str(people.directory / "session")
    for version in ("-tls1_2", "-tls1_3"):
        asked = "GET /-/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        target = ("s_client", "-connect", f"127.0.0.1:{plain_tls.port}", version, "-ign_eof")
        assert "New, TLS" in openssl(*target, "-sess_out", session, stdin=asked)
        assert "Reused, TLS" in openssl(*target, "-sess_in", session, stdin=asked)


def test_plain_http_is_told_that_this_is_https(plain_tls: Server) -> None:
    for method in ("GET", "PUT", "DELETE"):
        words = ("-X", method, "--http0.9")
        answer = curl(plain_tls, "/metrics/job/a", *words, scheme="http")
        assert answer.status == 400, answer.trace
        assert answer.body == "Client sent an HTTP request to an HTTPS server.\n"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_http_2_is_spoken_where_it_is_not_switched_off(
    people: People, plain_tls: Server, version: str
) -> None:
    words = ("--http2", "--tlsv1.2", "--tls-max", version)
    answer = people.ask(plain_tls, "nobody", *words, "-w", "\n%{http_version}")
    assert answer.status == 2, f"the version is asked for instead of the status: {answer.trace}"
    config = people.config() + "http_server_config: {http2: false}\n"
    with secure(people.directory, config) as server:
        answer = people.ask(server, "nobody", *words)
        assert answer.status == 200 and "server accepted http/1.1" in answer.trace
