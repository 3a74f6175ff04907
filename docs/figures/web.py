#!/usr/bin/env python3
"""Takes the figures about passwords, TLS, overload, the query API, refusals and the log again, each as a Markdown table.

    cargo build --profile dist --workspace
    docs/figures/web.py auth        # or: tls, overload, api, pages, refusals, unread_log

With `brief` behind it, everything is small: that shows whether it works, its figures mean nothing. `SHARDGATE_BIN` and
`LOADTEST_BIN` name other programs. Needs openssl; `refusals` also curl, go and what tests/peers/requirements.txt names. Everything stays on loopback, and targets are measured in turn.
"""
import collections
import http.client
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

from measure import COMPARED, LISTEN, ROOT, SHARDGATE, free_port, loadtest, ms, profile, run, secured, started, table

IS_BRIEF = "brief" in sys.argv[2:]


def size(whole, brief):
    return brief if IS_BRIEF else whole


def side_by_side(arguments, **targets):
    row = table(*COMPARED)
    spawn = [word for name, command in targets.items() for word in ("--spawn", f"{name}={command}")]
    rounds = ["--rounds", size(15, 1), "--round-seconds", size(1, 0.3), "--warmup", "300ms"]
    fixed = ["--groups", 1000, "--connections", 64]
    if "--profile" not in arguments:
        fixed += ["--profile", profile("batch-job")]
    for target in loadtest("compare", *fixed, *rounds, *arguments, *spawn)["targets"]:
        errors = sum(sum(one["errors"].values()) for one in target["rounds"])
        ratio, cpu = target["pushes_per_second_ratio"], target["cpu_seconds_per_push"]
        if not cpu:
            row(target["name"], "none was answered", *[""] * 5, errors)
            continue
        row(
            target["name"],
            f"{target['pushes_per_second']['median']:,.0f}",
            f"{ratio['median']:.3f} ({ratio['min']:.2f} to {ratio['max']:.2f})",
            ms(target["latency_p50_seconds"]["median"]),
            ms(target["latency_p99_seconds"]["median"]),
            f"{cpu['median'] * 1e6:.1f} us",
            f"{target['cpu_seconds_per_push_ratio']['median']:.2f}",
            errors,
        )


def auth():
    print("\nBasic authentication, 64 connections that are kept\n")
    with secured("-newkey ec -pkeyopt ec_paramgen_curve:P-256") as path:
        side_by_side(
            ["--user", "pusher:secret"],
            open=f"{SHARDGATE} {LISTEN}", password=f"{SHARDGATE} {LISTEN} --web.config.file={path}/auth.yml",
        )


def tls():
    print("\nTLS, one connection for each push, 64 at a time\n")
    with secured("-newkey ec -pkeyopt ec_paramgen_curve:P-256") as path:
        certificate = ["--ca", path / "cert.pem", "--sink-cert", path / "cert.pem", "--sink-key", path / "key.pem"]
        side_by_side(
            ["--sink", *certificate, "--keep-alive", "false"],
            shardgate=f"{SHARDGATE} {LISTEN} --web.config.file={path}/tls.yml",
        )


def status(process, key):
    """A figure of `/proc/PID/status`, in bytes."""
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(text.split(f"{key}:")[1].split()[0]) << 10


def forget_peak(process):
    pathlib.Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def mib(count):
    return f"{count / (1 << 20):.1f} MiB"


def ask(address, method, path, body=None, wait=120):
    connection = http.client.HTTPConnection(*address.split(":"), timeout=wait)
    connection.request(method, path, body)
    answer = connection.getresponse()
    while answer.read(1 << 16):
        pass
    connection.close()
    return answer.status


class Watch(threading.Thread):
    """Asks the same again and again, and keeps when that was, what was answered and how long it took."""

    def __init__(self, every, *request):
        super().__init__(daemon=True)
        self.every, self.request, self.seen, self.over = every, request, [], threading.Event()

    def run(self):
        while not self.over.wait(self.every):
            since = time.perf_counter()
            try:
                answer = ask(*self.request, wait=30)
            except OSError as error:
                answer = type(error).__name__
            self.seen.append((since, answer, time.perf_counter() - since))

    def slowest(self):
        return max(took for _, _, took in self.seen)


def p99(seen):
    took = sorted(took for _, _, took in seen)
    return took[int(len(took) * 0.99)]


def overload():
    seconds = size(30, 3)
    with started(f"{SHARDGATE} {LISTEN}") as address:
        # The capacity is what is acknowledged over as many connections, as closely watched: the tester takes its share of
        # the processors.
        fixed = ("--connections", 512, "--groups", 1000, "--verify")
        closed = run(address, *fixed, "--duration", f"{size(10, 1)}s")
    rate = closed["pushes_per_second"]
    with started(f"{SHARDGATE} {LISTEN}") as address:
        forget_peak(address.process)
        health = Watch(0.1, address, "GET", "/-/healthy")
        pushes = Watch(0.02, address, "PUT", "/metrics/job/watch", b"m 1\n")
        before = status(address.process, "VmRSS")
        health.start()
        pushes.start()
        time.sleep(size(5, 1))
        calm = p99(pushes.seen)
        began = time.perf_counter()
        offered = ("--rate", 2 * rate, "--duration", f"{seconds}s", "--connections", 512, "--groups", 1000)
        report = run(address, *offered, "--prefill=false", "--verify")
        # The tester sends the pushes that are overdue for two seconds more. Then it verifies, which is no load.
        ended = began + 0.3 + seconds + 2
        time.sleep(size(10, 2))
        for watch in health, pushes:
            watch.over.set()
            watch.join()
        after = [seen for seen in pushes.seen if seen[0] + seen[2] > ended]
        slow = [since + took for since, _, took in after if took > 2 * calm]
        answers = [answer for _, answer, _ in health.seen]
        verified = report["verified"]
        row = table("", f"twice {rate:,.0f} pushes/s for {seconds} s")
        row("pushes/s acknowledged", f"{report['pushes_per_second']:,.0f} ({report['pushes_per_second'] / rate:.2f} of the capacity)")
        row("not acknowledged", ", ".join(f"{n:,} {what}" for what, n in report["errors"].items()) or "none")
        row("p50, p99, from when they were due",
            ", ".join(ms(report["latency_seconds"][quantile]) for quantile in ("p50", "p99")))
        row("acknowledged and lost", ", ".join(f"{verified[kind]} {kind}" for kind in ("lost", "stale", "phantom", "half_applied")))
        row("`/-/healthy`, each 100 ms", f"{answers.count(200)} of {len(answers)} answered 200, the slowest in {ms(health.slowest())}")
        row("p99 of a push on a connection of its own, before", ms(calm))
        row("within twice that again, after the load", f"{max([0.0, *(at - ended for at in slow)]):.2f} s")
        row("resident memory before, peak, after", ", ".join(mib(n) for n in (
            before, status(address.process, "VmHWM"), status(address.process, "VmRSS"))))


def filled(address, groups):
    run(address, "--groups", groups, "--prefill=true", "--duration", "300ms")


def api():
    row = table("", "", "time")
    groups = size(10_000, 500)
    every = "/api/v1/groups?" + urllib.parse.urlencode({"match[]": '{job=~".+"}'})
    with started(f"{SHARDGATE} {LISTEN} --web.enable-admin-api") as address:
        for what, method, path in (
            ("`PUT /api/v1/admin/wipe`", "PUT", "/api/v1/admin/wipe"),
            ('`DELETE /api/v1/groups?match[]={job=~".+"}`', "DELETE", every),
        ):
            took = []
            for _ in range(size(5, 1)):
                filled(address, groups)
                since = time.perf_counter()
                answered = ask(address, method, path)
                took.append(time.perf_counter() - since)
            row(f"{what}, {groups:,} groups", f"answered {answered}", ", ".join(map(ms, took)))
    groups = size(53_000, 500)
    with started(f"{SHARDGATE} {LISTEN}") as address:
        filled(address, groups)
        time.sleep(size(5, 0.5))
        forget_peak(address.process)
        idle = status(address.process, "VmRSS")
        since = time.perf_counter()
        answered = ask(address, "GET", "/api/v1/metrics")
        took = time.perf_counter() - since
        above = status(address.process, "VmHWM") - idle
        row(f"`/api/v1/metrics`, {groups * 19:,} samples", f"answered {answered}, {mib(above)} above idle", ms(took))


PAGES = {
    "overview": "/",
    "groups, first page": "/groups",
    "groups, a search": "/groups?q=instance=7",
    "groups, sorted by series": "/groups?sort=series&order=desc",
    "groups, sorted by age": "/groups?sort=age&order=desc",
    "jobs": "/jobs",
}


def pages():
    groups, rounds = size(100_000, 1000), size(9, 2)
    with started(f"{SHARDGATE} {LISTEN}") as address:
        filled(address, groups)
        row = table(f"{groups:,} groups, {groups * 19:,} samples", "median", "slowest", "bytes")
        for name, path in PAGES.items():
            took = []
            for _ in range(rounds):
                since = time.perf_counter()
                connection = http.client.HTTPConnection(*address.split(":"), timeout=30)
                connection.request("GET", path)
                answer = connection.getresponse()
                html = answer.read()
                took.append(time.perf_counter() - since)
                assert answer.status == 200, (path, answer.status)
            row(f"{name}: `{path}`", ms(statistics.median(took)), ms(max(took)), f"{len(html):,}")
        row = table("pushes/s", "p99, no page", "p99, a page each second", "ratio")
        fixed = ("--connections", 64, "--groups", groups, "--prefill=false", "--duration", f"{size(5, 1)}s")
        rate = int(run(address, *fixed)["pushes_per_second"] / 2)
        pairs = []
        for _ in range(size(7, 1)):
            plain = run(address, *fixed, "--rate", rate)["latency_seconds"]["p99"]
            visitor = Watch(1, address, "GET", "/groups")
            visitor.start()
            beside = run(address, *fixed, "--rate", rate)["latency_seconds"]["p99"]
            visitor.over.set()
            visitor.join()
            assert all(answer == 200 for _, answer, _ in visitor.seen), visitor.seen
            pairs.append((plain, beside))
        plain, beside = (statistics.median(column) for column in zip(*pairs))
        ratios = sorted(beside / plain for plain, beside in pairs)
        row(f"{rate:,}", ms(plain), ms(beside),
            f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


def refusals():
    """What clients show of pushes that are refused before their body has been read: the peer test's clients and gateways."""
    os.environ.setdefault("SHARDGATE_BIN", str(SHARDGATE))
    sys.path.insert(0, str(ROOT / "tests/peers"))
    import refusals as peers

    count = size(200, 6)
    row = table("status", "client", "HTTP", "pushes", "answer seen", "lost")
    for refusal in peers.REFUSALS:
        for version in 2, 1:
            for name, client in peers.CLIENTS.items():
                seen, asked = collections.Counter(), 0
                with tempfile.TemporaryDirectory() as directory:
                    folder = pathlib.Path(directory)
                    with peers.refusing(folder, refusal) as server:
                        for body in peers.SIZES[version]:
                            each = -(-count // len(peers.SIZES[version]))
                            seen += client(peers.url(server, refusal), peers.body(folder, body), each, version)
                            asked += each
                good = seen.pop(f"{refusal.status} over HTTP/{version}", 0)
                lost = ", ".join(f"{n} {what}" for what, n in seen.items())
                row(refusal.status, name, version, asked, good, f"{asked - good} {lost}".strip())


class Rejected(threading.Thread):
    """Pushes that are rejected, from so many addresses, so that the log's bound of each does not keep it quiet."""

    def __init__(self, address, sources=100, wait=0.1):
        super().__init__(daemon=True)
        self.where, self.sources, self.wait = address.split(":"), sources, wait
        self.count, self.over = 0, threading.Event()

    def run(self):
        job = "%22" * 1100
        connections = [
            http.client.HTTPConnection(*self.where, timeout=120, source_address=(f"127.0.1.{at + 1}", 0))
            for at in range(self.sources)
        ]
        while not self.over.wait(self.wait):
            for connection in connections:
                connection.request("PUT", f"/metrics/job/{job}", b"m x\n")
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 400, answer.status
                self.count += 1


def unread_log():
    """Standard error is a pipe that is read, then not read for a minute, then read again."""
    stopped, around = size(60, 4), size(20, 3)
    port = free_port()
    command = [word.replace("{port}", str(port)) for word in f"{SHARDGATE} {LISTEN}".split()]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    reading, lines = threading.Event(), []
    reading.set()

    def read():
        for line in process.stderr:
            lines.append(line.decode())
            reading.wait()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    address = f"127.0.0.1:{port}"
    try:
        while not any("address=" in line for line in lines):
            time.sleep(0.05)
        filled(address, size(1000, 100))
        rejected = Rejected(address)
        pushes = Watch(0.005, address, "PUT", "/metrics/job/watch", b"m 1\n")
        scrapes = Watch(0.05, address, "GET", "/metrics")
        marks = [time.perf_counter()]
        for thread in rejected, pushes, scrapes:
            thread.start()
        for wait, then in (around, reading.clear), (stopped, reading.set), (around, lambda: None):
            time.sleep(wait)
            marks.append(time.perf_counter())
            then()
        for thread in rejected, pushes, scrapes:
            thread.over.set()
            thread.join(150)
        scrape = urllib.request.urlopen(f"http://{address}/metrics", timeout=120).read().decode()
        counted = [line for line in scrape.splitlines() if line.startswith("shardgate_log_lines_dropped_total")]
        row = table("", "before", f"standard error not read for {stopped} s", "after")
        for name, watch in ("pushes", pushes), ("scrapes", scrapes):
            parts = [[one for one in watch.seen if begin <= one[0] < end] for begin, end in zip(marks, marks[1:])]
            took = [sorted(seconds for _, _, seconds in part) for part in parts]
            row(f"{name} answered 200", *(f"{sum(one[1] == 200 for one in part)} of {len(part)}" for part in parts))
            row(f"{name}, p50", *(ms(statistics.median(part)) if part else "none" for part in took))
            row(f"{name}, p99", *(ms(part[int(len(part) * 0.99)]) if part else "none" for part in took))
            if all(took):
                first = p99(parts[0])
                row(f"{name}, p99 to that before", *(f"{p99(part) / first:.2f}" for part in parts))
        row("pushes rejected", rejected.count, "", "")
        row("lines dropped, as counted", *counted, "", "")
        for line in lines:
            if "lines were dropped" in line:
                row("as said", line.split("msg=")[1].strip(), "", "")
    finally:
        reading.set()
        process.terminate()
        process.wait(60)


if __name__ == "__main__":
    known = {function.__name__: function for function in (auth, tls, overload, api, pages, refusals, unread_log)}
    if len(sys.argv) < 2 or sys.argv[1] not in known or not set(sys.argv[2:]) <= {"brief"}:
        sys.exit(__doc__ + "\nknown: " + ", ".join(known))
    known[sys.argv[1]]()
