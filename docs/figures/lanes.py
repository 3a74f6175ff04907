#!/usr/bin/env python3
"""Takes the figures about scrapes, large groups and SIGTERM under full queues, each as a Markdown table.

    cargo build --profile dist --workspace
    docs/figures/lanes.py cuts                  # a scrape while all queues of pushes are full
    docs/figures/lanes.py huge                  # a small push beside a group of 100 MiB that changes every second
    docs/figures/lanes.py sigterm [ROUNDS]      # what is answered 200 while the gateway ends; 200 rounds in each mode

SHARDGATE_BIN names the gateway, LOADTEST_BIN the load tester, BEFORE another gateway that `cuts` and `huge` measure beside it,
CONNECTIONS how many push at a time, MIB how large the group is, and SECONDS how long each measurement takes.
"""
import concurrent.futures
import contextlib
import http.client
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from measure import LISTEN, LOADTEST, ROOT, SHARDGATE, ms, profile, started, table

GATEWAYS = {"after": str(SHARDGATE)}
if before := os.environ.get("BEFORE"):
    GATEWAYS = {"before": before, **GATEWAYS}
SECONDS = float(os.environ.get("SECONDS", 10))
MIB = int(os.environ.get("MIB", 100))
CONNECTIONS = int(os.environ.get("CONNECTIONS", 4000))
MODES = ("interval", "push")


def request(connection, method, path, body=b""):
    """The status of an answer, and the seconds until its last byte."""
    since = time.perf_counter()
    connection.request(method, path, body)
    answer = connection.getresponse()
    answer.read()
    return answer.status, time.perf_counter() - since


def connect(address):
    host, port = address.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def ready(address):
    while request(connect(address), "GET", "/-/ready")[0] != 200:
        time.sleep(0.02)


def quantile(taken, share):
    taken = sorted(taken)
    return taken[min(len(taken) - 1, int(len(taken) * share))]


@contextlib.contextmanager
def beside(count, work):
    """Has threads do `work` again and again, each with its number and until the event that it gets is set."""
    stop = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        working = [pool.submit(work, number, stop) for number in range(count)]
        try:
            yield
        finally:
            stop.set()
        for done in working:
            done.result()


@contextlib.contextmanager
def flooded(address):
    """So many connections that push as fast as they are answered that the queues of all shards are full."""
    words = [LOADTEST, "run", "--profile", profile("batch-job"), "--target", f"http://{address}", "--warmup", "300ms"]
    words += ["--groups", 2000, "--connections", CONNECTIONS, "--duration", f"{SECONDS + 5:.0f}s", "--json"]
    loading = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        loading.kill()
        loading.wait()


def cuts():
    """Scrapes of one small group, which cost the cut and nothing else, while pushes fill the queues of all shards. A probe waits
    as long for its turn among so many connections, and asks no shard: what a scrape takes beyond it is the cut."""
    row = table("gateway", "scrapes", "p50", "p99", "largest", "a probe, p50", "p99", "queued, median", "queued, most")
    for name, command in GATEWAYS.items():
        with started(f"{command} {LISTEN} --web.max-connections={CONNECTIONS + 100}") as address:
            ready(address)
            request(connect(address), "PUT", "/metrics/job/small", b"a 1\n")
            scraping, taken, probed, queued = connect(address), [], [], []
            with flooded(address):
                time.sleep(2)
                until = time.perf_counter() + SECONDS
                while time.perf_counter() < until:
                    status, seconds = request(scraping, "GET", "/metrics?job=small&name[]=a")
                    assert status == 200, status
                    taken.append(seconds)
                    probed.append(request(scraping, "GET", "/-/healthy")[1])
                    scraping.request("GET", "/metrics?name[]=shardgate_shard_queue_length")
                    text = scraping.getresponse().read().decode()
                    lengths = re.findall(r"(?m)^shardgate_shard_queue_length\S* (\S+)$", text)
                    queued.append(sum(map(float, lengths)))
                    time.sleep(0.02)
            row(name, len(taken), ms(quantile(taken, 0.5)), ms(quantile(taken, 0.99)), ms(max(taken)),
                ms(quantile(probed, 0.5)), ms(quantile(probed, 0.99)), f"{statistics.median(queued):.0f}", f"{max(queued):.0f}")


def huge():
    """The longest time a small push waited beside a group of many MiB, of which one family changes every second. A gateway
    as it starts takes no group of more than 64 MiB: the one that is measured is told to."""
    row = table("gateway", "mode", "the group", "small pushes", "p50", "p99", "largest")
    samples = (1 << 20) // 75

    def family(number, value):
        return "".join(f'huge_{number}{{at="{at:06}",of="a group that is large"}} {value}\n' for at in range(samples)).encode()

    for name, command in GATEWAYS.items():
        command += " --storage.max-group-bytes=1073741824" if name == "after" else ""
        for mode in MODES:
            with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder, started(
                f"{command} {LISTEN} --persistence.file={folder}/store --persistence.sync={mode}"
            ) as address:
                ready(address)
                filling = connect(address)
                for number in range(MIB):
                    status, _ = request(filling, "POST", "/metrics/job/huge", family(number, 0))
                    assert status in (200, 503), status
                time.sleep(2)
                taken = []

                def change(_, stop):
                    value = 0
                    while not stop.wait(1):
                        value += 1
                        request(filling, "POST", "/metrics/job/huge", f"huge_changes {value}\n".encode())

                with beside(1, change):
                    small, until = connect(address), time.perf_counter() + SECONDS
                    while time.perf_counter() < until:
                        status, seconds = request(small, "PUT", f"/metrics/job/small/instance/{len(taken) % 100}", b"a 1\n")
                        assert status in (200, 503), status
                        taken.append(seconds)
                        time.sleep(0.001)
                row(name, mode, f"{MIB} MiB", f"{len(taken):,}", ms(quantile(taken, 0.5)), ms(quantile(taken, 0.99)), ms(max(taken)))


def pusher(address, told):
    """Pushes one value after the other, and notes which was sent last and which answered 200 last."""

    def push(number, _):
        sent = acknowledged = 0
        try:
            connection = connect(address)
            while True:
                sent += 1
                if request(connection, "PUT", f"/metrics/job/drain/instance/{number}", f"a {sent}\n".encode())[0] != 200:
                    break
                acknowledged = sent
        except (OSError, http.client.HTTPException):
            pass
        told[number] = (acknowledged, sent)

    return push


def sigterm(rounds=200, clients=8):
    row = table("mode", "rounds", "answered 200", "lost")
    command = GATEWAYS["after"]
    for mode in MODES:
        answered = lost = 0
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
                serving, told = f"{command} {LISTEN} --persistence.file={folder}/store --persistence.sync={mode}", {}
                with started(serving) as address:
                    ready(address)
                    with beside(clients, pusher(address, told)):
                        time.sleep(0.2)
                        address.process.send_signal(signal.SIGTERM)
                        assert address.process.wait(60) == 0
                with started(serving) as address:
                    ready(address)
                    connection = connect(address)
                    connection.request("GET", "/metrics?job=drain&name[]=a")
                    text = connection.getresponse().read().decode()
                    shown = {int(at): int(float(value)) for at, value in re.findall(r'(?m)^a\{instance="(\d+)",job="drain"\} (\S+)$', text)}
                for client, (acknowledged, sent) in told.items():
                    answered += acknowledged
                    lost += not acknowledged <= shown.get(client, 0) <= sent
        row(mode, rounds, f"{answered:,}", lost)
        assert not lost


if __name__ == "__main__":
    known = {function.__name__: function for function in (cuts, huge, sigterm)}
    if len(sys.argv) < 2 or sys.argv[1] not in known:
        sys.exit(__doc__)
    known[sys.argv[1]](*map(int, sys.argv[2:]))
