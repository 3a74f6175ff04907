#!/usr/bin/env python3
"""Measures what clients that do not read, or do not wait, cost the others. Each figure is a line of a Markdown table.

    cargo build --profile dist --workspace
    docs/figures/readers.py scrapes     # or: pages, queries

`scrapes` needs Debian's `prometheus`. With `brief` behind it everything is small: that shows whether it works, its figures
mean nothing. Everything stays on loopback.
"""
import contextlib
import http.client
import json
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from measure import SHARDGATE, free_port
from web import mib, size


def ask(port, method, path, body=None, headers=None, timeout=60):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@contextlib.contextmanager
def gateway(*flags):
    port = free_port()
    process = subprocess.Popen([SHARDGATE, f"--web.listen-address=127.0.0.1:{port}", *flags], stderr=subprocess.DEVNULL)
    try:
        await_ready(port)
        yield port, process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def await_ready(port):
    for _ in range(300):
        with contextlib.suppress(OSError):
            if ask(port, "GET", "/-/ready")[0] == 200:
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing is ready on port {port}")


def resident(process, key="VmRSS"):
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(text.split(f"{key}:")[1].split()[0]) << 10


def unread(port, method, path, body=b"", headers=()):
    """A request whose answer nobody reads."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect(("127.0.0.1", port))
    lines = [f"{method} {path} HTTP/1.1", "host: x", f"content-length: {len(body)}", *headers, "", ""]
    client.sendall("\r\n".join(lines).encode() + body)
    return client


def fill(port, value, groups, lines):
    for group in range(groups):
        body = "".join(f'm{{at="{at}",pad="{"x" * 100}"}} {value}\n' for at in range(lines))
        status, _ = ask(port, "PUT", f"/metrics/job/j/group/{group}", body)
        assert status == 200, status


@contextlib.contextmanager
def prometheus(port, directory):
    own = free_port()
    config = pathlib.Path(directory, "prometheus.yml")
    config.write_text(
        "global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs:\n"
        f'- {{ job_name: gateway, honor_labels: true, static_configs: [ {{ targets: ["127.0.0.1:{port}"] }} ] }}\n'
    )
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/tsdb", f"--web.listen-address=127.0.0.1:{own}"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        await_ready(own)
        yield own
    finally:
        process.terminate()
        process.wait()


def found(own, expression):
    query = urllib.parse.urlencode({"query": expression})
    return json.loads(ask(own, "GET", f"/api/v1/query?{query}")[1])["data"]["result"]


def scrapes():
    print("\nA real Prometheus, scraping each second beside clients that read nothing; every value changes all the time\n")
    print("| slow readers | seconds | scrapes of Prometheus | `up` at least | refused with 503 | resident before | peak |")
    print("|---|---|---|---|---|---|---|")
    for readers in size([16, 100], [16]):
        seconds, groups, lines = size(60, 8), size(300, 10), size(300, 100)
        with tempfile.TemporaryDirectory() as directory, gateway() as (port, process), prometheus(port, directory) as own:
            fill(port, 0, groups, lines)
            time.sleep(size(5, 3))
            before, over = resident(process), threading.Event()

            def change():
                value = 0
                while not over.is_set():
                    value += 1
                    fill(port, value, groups, lines)

            changing = threading.Thread(target=change)
            changing.start()
            began, clients = time.monotonic(), []
            for at in range(readers):
                clients.append(unread(port, "GET", "/metrics"))
                # Spread, so that each pins a state of its own.
                time.sleep(seconds / 4 / readers)
            time.sleep(max(0, seconds - (time.monotonic() - began)))
            window = f"{int(time.monotonic() - began)}s"
            up = found(own, f'min_over_time(up{{job="gateway"}}[{window}])')
            made = found(own, f'count_over_time(up{{job="gateway"}}[{window}])')
            over.set()
            changing.join()
            text = ask(port, "GET", "/metrics")[1].decode()
            refused = "promhttp_metric_handler_requests_total{code=\"503\"} "
            refused = [line.split()[-1] for line in text.splitlines() if line.startswith(refused)]
            shown = [one[0]["value"][1] if one else "none" for one in (made, up)]
            peak = resident(process, "VmHWM")
            print(f"| {readers} | {seconds} | {shown[0]} | {shown[1]} | {''.join(refused) or 0} | {mib(before)} | {mib(peak)} |", flush=True)
            for client in clients:
                client.close()


def pages():
    print("\nThe push console, sent quotes, by clients that read nothing of the page\n")
    print("| clients | sent by each | page | resident before | peak |")
    print("|---|---|---|---|---|")
    clients, quotes = size(100, 10), size((4 << 20) - 4096, 1 << 18)
    with gateway() as (port, process):
        page = ask(port, "GET", "/check")[1].decode()
        token = page.split('name="token" value="')[1].split('"')[0]
        form = urllib.parse.urlencode({"token": token, "path": "/job/a"}) + "&exposition=" + '"' * quotes
        headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        status, page = ask(port, "POST", "/check", form, headers)
        assert status == 200, (status, page[:500])
        before = resident(process)
        lines = [f"{name}: {value}" for name, value in headers.items()]
        waiting = [unread(port, "POST", "/check", form.encode(), lines) for _ in range(clients)]
        time.sleep(size(10, 2))
        print(f"| {clients} | {mib(quotes)} | {len(page):,} bytes | {mib(before)} | {mib(resident(process, 'VmHWM'))} |", flush=True)
        for client in waiting:
            client.close()


# Where a value is random, each of its bytes leads to a state of the expression that has not been before.
DEAR = ".*a[ax]{150}b"
RANDOM = random.Random(1)


def queries():
    print("\nFour queries with 63 dear regular expressions each, over labels of 60 KB, whose clients leave at once\n")
    print("| groups | the next query is answered | after | SIGTERM with four more ends it after | status |")
    print("|---|---|---|---|---|")
    groups = size(200, 5)
    with gateway() as (port, process):
        for group in range(groups):
            status, answer = ask(port, "PUT", f"/metrics/job/j{group}/a/{''.join(RANDOM.choices('ax', k=60000))}", "m 1\n")
            assert status == 200, (status, answer[:200])
        dear = ",".join(f'a=~"{DEAR}c{{0,{at}}}"' for at in range(63))
        path = "/api/v1/groups?" + urllib.parse.urlencode({"match[]": "{" + dear + "}"})

        def abandon():
            for _ in range(4):
                unread(port, "GET", path).close()

        abandon()
        time.sleep(1)
        since = time.monotonic()
        status, _ = ask(port, "GET", "/api/v1/groups?limit=1")
        after = time.monotonic() - since
        abandon()
        time.sleep(1)
        since = time.monotonic()
        process.send_signal(signal.SIGTERM)
        ended = process.wait(120)
        print(f"| {groups} | {status} | {after:.2f} s | {time.monotonic() - since:.1f} s | {ended} |", flush=True)


if __name__ == "__main__":
    wanted = {"scrapes": scrapes, "pages": pages, "queries": queries}
    if len(sys.argv) < 2 or sys.argv[1] not in wanted:
        raise SystemExit(__doc__)
    if sys.argv[1] == "scrapes" and not shutil.which("prometheus"):
        raise SystemExit("prometheus is not installed")
    wanted[sys.argv[1]]()
