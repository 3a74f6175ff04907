"""Gateways that have every trouble that an alert knows, for as long as somebody watches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gateways import Server, free_port, running, shardgate_binary
from wire import Connection, NoAnswer

POLICY = """
default: { push: ["*"], scrape: true, read: true, quota: { groups: 9 } }
"""
WEB_CONFIG = """
rate_limit: { interval: 1ms, burst: 100000 }
"""
RULES = """
rules: [{ match: '{job=~"typed|wrong"}', expire: 1h }]
"""
CONNECTIONS_MAX = 12
SCRAPERS = 24  # One is served and 16 wait; the others are refused.
FILE_BYTES_MAX = 2 << 20
EVERY_SECONDS = 0.1


@contextmanager
def gateways_in_trouble(directory: Path) -> Iterator[dict[str, Server]]:
    """`full` has no room, `unchecked` drops pushes and refuses scrapes, `failing` cannot write to its disk."""
    with ExitStack() as stack:
        servers = {
            "full": stack.enter_context(_full(directory)),
            "unchecked": stack.enter_context(_unchecked(directory)),
            "failing": stack.enter_context(_failing(directory)),
        }
        over = threading.Event()
        troubles = [
            (_push_what_is_refused, servers["full"]),
            (_use_up_connections, servers["full"]),
            (_push_what_is_dropped, servers["unchecked"]),
            *[(_scrape, servers["unchecked"])] * SCRAPERS,
            (_push_much, servers["failing"]),
        ]
        threads = [threading.Thread(target=_until, args=(over, *trouble)) for trouble in troubles]
        for thread in threads:
            thread.start()
        try:
            yield servers
        finally:
            over.set()
            for thread in threads:
                thread.join()


def policy_of(server: Server) -> Path:
    return server.log.parent / f"policy-{server.port}.yml"


@contextmanager
def _full(directory: Path) -> Iterator[Server]:
    port = free_port()
    policy, config = directory / f"policy-{port}.yml", directory / f"web-{port}.yml"
    policy.write_text(POLICY)
    config.write_text(WEB_CONFIG)
    rules = directory / f"rules-{port}.yml"
    rules.write_text(RULES)
    flags = [
        f"--auth.policy-file={policy}",
        f"--web.config.file={config}",
        f"--rules.file={rules}",
        f"--persistence.file={directory / 'full.store'}",
        f"--web.max-connections={CONNECTIONS_MAX}",
        "--storage.max-series=28",
        "--storage.max-bytes=100000",
        "--push.enable-utf8-names",
    ]
    with _running(directory, port, [shardgate_binary(), *flags]) as server:
        policy.write_text("default: { pull: true }\n")
        yield server


@contextmanager
def _unchecked(directory: Path) -> Iterator[Server]:
    flags = ["--push.disable-consistency-check", "--web.max-scrapes=1"]
    with _running(directory, free_port(), [shardgate_binary(), *flags]) as server:
        yield server


@contextmanager
def _failing(directory: Path) -> Iterator[Server]:
    # The signal is what a limit does beyond what a full disk does.
    script = f"trap '' XFSZ; exec prlimit --fsize={FILE_BYTES_MAX} \"$@\""
    flag = f"--persistence.file={directory / 'failing.store'}"
    command = ["sh", "-c", script, "sh", shardgate_binary(), flag]
    with _running(directory, free_port(), command) as server:
        yield server


@contextmanager
def _running(directory: Path, port: int, command: list[str]) -> Iterator[Server]:
    command = [*command, f"--web.listen-address=127.0.0.1:{port}"]
    with running("shardgate", command, port, "/-/ready", directory) as server:
        yield server


def _until(over: threading.Event, trouble: Callable[[Server, Connection], None], server: Server) -> None:
    connection = server.connect()
    while not over.wait(EVERY_SECONDS):
        try:
            trouble(server, connection)
        except NoAnswer:
            pass  # As it is in trouble.
    connection.close()


def _push_what_is_refused(_: Server, connection: Connection) -> None:
    def push(group: str, body: str) -> None:
        connection.ask("PUT", f"/metrics/job/{group}", [], body.encode())

    push("late", "push_interval_seconds 0.001\n")  # Late again before its next push.
    push("names", 'a_b 1\n{"a.b"} 1\nU__a_2e_b 1\n')
    push("typed", "# TYPE typed counter\ntyped 1\n")
    push("wrong", "# TYPE typed gauge\ntyped 1\n")
    push("unreadable", "m{\n")
    push("large", "".join(f"m{at} 1\n" for at in range(30)))
    for at in range(10):
        connection.ask("PUT", f"/metrics/job/many/at/{at}", [], b"")
    connection.ask("PUT", "/-/quit")
    connection.ask("DELETE", "/metrics/job/nobody")


def _use_up_connections(server: Server, _: Connection) -> None:
    held = [server.connect() for _ in range(CONNECTIONS_MAX)]
    for connection in held:
        try:
            connection.ask("GET", "/-/healthy")
            connection.ask("GET", "/status")
        except NoAnswer:
            pass
    threading.Event().wait(0.3)
    for connection in held:
        connection.close()


def _push_what_is_dropped(_: Server, connection: Connection) -> None:
    connection.ask("PUT", "/metrics/job/one", [], b"# TYPE m counter\nm 1\n")
    connection.ask("PUT", "/metrics/job/other", [], b"# TYPE m gauge\nm 1\n")


def _scrape(_: Server, connection: Connection) -> None:
    for _ in range(20):
        connection.ask("GET", "/metrics")


def _push_much(_: Server, connection: Connection) -> None:
    value = "y" * 20_000
    for at in range(10):
        body = "".join(f'm{{n="{line}",x="{value}"}} 1\n' for line in range(10))
        connection.ask("PUT", f"/metrics/job/a/at/{at}", [], body.encode())
