#!/usr/bin/env python3
"""Takes the figures about rules for groups and about rejections, each as a Markdown table.

    cargo build --profile dist --workspace
    docs/figures/rules.py rate          # pushes/s with every group under a rule, and with none
    docs/figures/rules.py expiry        # pushes while 100,000 groups expire together
    docs/figures/rules.py merge         # a POST of one series into families of 1, 100 and 10,000
    docs/figures/rules.py rejections    # pushes/s while half as many are rejected; BEFORE names a gateway to compare with

With `brief` behind it, everything is small: that shows whether it works, its figures mean nothing. Everything stays on
loopback.
"""
import http.client
import multiprocessing
import os
import pathlib
import statistics
import sys
import tempfile
import threading
import time
import urllib.request

from measure import LISTEN, SHARDGATE, ms, profile, run, started, table
from memory import usual
from web import filled, mib, side_by_side, size, status

RULE = """rules:
  - match: '{{job=~"job.*"}}'
    expire: {expire}
"""
"""The jobs of the profile; those of `usual` are under no rule."""


def rate():
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder) / "rules.yml"
        rules.write_text(RULE.format(expire="24h"))
        for name in "batch-job", "mixed-jobs":
            print(f"\n{name}\n")
            side_by_side(["--profile", profile(name)], none=f"{SHARDGATE} {LISTEN}", rule=f"{SHARDGATE} {LISTEN} --rules.file={rules}")


def groups(address):
    """How many the gateway holds."""
    text = urllib.request.urlopen(f"http://{address}/metrics?name[]=shardgate_groups", timeout=60).read().decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("shardgate_groups"))


def await_end(address, before, gone, seconds):
    """Waits until the groups of the profile are gone. In a process of its own, where it delays no push that is timed."""
    since = None
    while True:
        left = groups(address)
        if since is None and left < before:
            since = time.perf_counter()
        if left <= 100:
            seconds.value = time.perf_counter() - since
            return gone.set()
        time.sleep(0.1)


def expiry():
    """The rules change, and at that moment all groups of the profile are older than they may become."""
    count, row = size(100_000, 1000), table("500 pushes/s", "p50", "p99", "longest")
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder) / "rules.yml"
        rules.write_text(RULE.format(expire="24h"))
        with started(f"{SHARDGATE} {LISTEN} --rules.file={rules}") as address:
            filled(address, count)
            time.sleep(2)
            before = groups(address)
            calm = usual(address, size(20, 2))
            rules.write_text(RULE.format(expire="1s"))
            gone = multiprocessing.Event()
            seconds = multiprocessing.Value("d")
            multiprocessing.Process(target=await_end, args=(str(address), before, gone, seconds), daemon=True).start()
            took = []
            while not gone.is_set() and len(took) < 500 * 60:
                took += usual(address, 0.5)
            took.sort()
            for name, times in (f"{count:,} groups, none expires", calm), ("while they expire", took):
                row(name, ms(times[len(times) // 2]), ms(times[int(len(times) * 0.99)]), ms(times[-1]))
            ratio = took[int(len(took) * 0.99)] / calm[int(len(calm) * 0.99)]
            print(f"\n{before:,.0f} groups before, {groups(address):,.0f} after, gone in {seconds.value:.1f} s; p99 to that before: {ratio:.2f}")


def merge():
    """The time of a POST that brings one series of a family, with and without merging by series."""
    row = table("series of the family", "whole families: p50", "by series: p50", "p99")
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder) / "rules.yml"
        rules.write_text("rules:\n  - match: '{job=\"by-series\"}'\n    merge: series\n")
        with started(f"{SHARDGATE} {LISTEN} --rules.file={rules}") as address:
            for count in 1, 100, 10_000:
                body = "".join(f'm{{l="{at}"}} 1\n' for at in range(count))
                took = {}
                for job in "whole", "by-series":
                    connection = http.client.HTTPConnection(*address.split(":"))
                    times = []
                    for at in range(size(2000, 20)):
                        # Where families are replaced whole, the others have to be brought again: that is what merging saves.
                        sent = body if at == 0 or job == "whole" else f'm{{l="{at % count}"}} {at}\n'
                        since = time.perf_counter()
                        connection.request("POST", f"/metrics/job/{job}/n/{count}", sent)
                        answer = connection.getresponse()
                        answer.read()
                        assert answer.status == 200, answer.status
                        times.append(time.perf_counter() - since)
                    took[job] = sorted(times)
                merged = took["by-series"]
                row(f"{count:,}", ms(took["whole"][len(took["whole"]) // 2]), ms(merged[len(merged) // 2]), ms(merged[int(len(merged) * 0.99)]))


def rejections():
    """Taken pushes on 32 connections, and beside them about half as many that cannot be read."""
    gateways = {"after": SHARDGATE} | ({"before": os.environ["BEFORE"]} if "BEFORE" in os.environ else {})
    rounds, seconds = size(5, 1), size(2, 1)
    taken = {name: [] for name in gateways}
    fixed = ("--connections", 32, "--groups", 1000, "--duration", f"{seconds}s")
    with tempfile.TemporaryDirectory() as folder:
        body = pathlib.Path(folder) / "rejected.toml"
        (pathlib.Path(folder) / "rejected.prom").write_text("m x\n")
        body.write_text("""about = "Pushes that cannot be read."
[groups]
count = 1000
path = "/metrics/job/rejected/g/{group}"
prefill = false

[[bodies]]
file = "rejected.prom"
""")
        alone = []
        for _ in range(rounds):
            for name, gateway in gateways.items():
                with started(f"{gateway} {LISTEN}") as address:
                    if name == "after":
                        alone.append(run(address, *fixed)["pushes_per_second"])
                    beside = threading.Thread(target=run, args=(address, "--connections", 8, "--rate", int(alone[0] / 4), "--duration", f"{seconds + 1}s"), kwargs={"name": str(body)})
                    beside.start()
                    time.sleep(0.5)
                    taken[name].append(run(address, *fixed, "--prefill=false")["pushes_per_second"])
                    beside.join()
        row = table("gateway", "pushes/s taken", "to those without rejections")
        for name, rates in taken.items():
            row(name, f"{statistics.median(rates):,.0f}", f"{statistics.median(rates) / statistics.median(alone):.2f}")
        with started(f"{SHARDGATE} {LISTEN}") as address:
            run(address, "--connections", 8, "--duration", "1s", name=str(body))
            idle = status(address.process, "VmRSS")
            report = run(address, "--connections", 8, "--duration", f"{size(60, 2)}s", name=str(body))
            count = sum(report["errors"].values())
            print(f"\n{count:,} rejections: resident memory {mib(idle)} after the first second, {mib(status(address.process, 'VmHWM'))} at most")


if __name__ == "__main__":
    known = {function.__name__: function for function in (rate, expiry, merge, rejections)}
    if len(sys.argv) < 2 or sys.argv[1] not in known or not set(sys.argv[2:]) <= {"brief"}:
        sys.exit(__doc__ + "\nknown: " + ", ".join(known))
    known[sys.argv[1]]()
