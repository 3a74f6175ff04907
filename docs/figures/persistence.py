#!/usr/bin/env python3
"""Takes the figures about what is kept on disk of docs/persistence.md again, each as a Markdown table.

    cargo build --profile dist --workspace
    docs/figures/persistence.py rates      # or: disk, latency, restart, growth
    docs/figures/persistence.py stores before=OLD/shardgate after=target/release/shardgate

The files are written below target/, which should be on the disk in question. `growth` pushes ten million
times and takes some minutes. `stores` compares gateways that keep their groups in different ways, in turn; a
number behind them is how many groups, 100,000 without one.
"""
import contextlib
import http.client
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from measure import LISTEN, ROOT, SHARDGATE, loadtest, ms, profile, run, started, table

MODES = {"none": "", "interval": "--persistence.sync=interval", "push": "--persistence.sync=push"}


@contextlib.contextmanager
def on_disk():
    """A directory on the disk, and the command of each mode with a file of its own there."""
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as directory:
        command = {
            mode: f"{SHARDGATE} {LISTEN}" + (f" --persistence.file={directory}/{mode}.redb {flag}" if flag else "")
            for mode, flag in MODES.items()
        }
        yield pathlib.Path(directory), command


def disk():
    row = table("written", "fdatasync p50", "p99")
    with on_disk() as (directory, _):
        file = os.open(directory / "written", os.O_RDWR | os.O_CREAT)
        for size in (4 << 10, 64 << 10, 1 << 20):
            took = []
            for at in range(200):
                os.pwrite(file, os.urandom(size), at % 32 * size)
                since = time.perf_counter()
                os.fdatasync(file)
                took.append(time.perf_counter() - since)
            took.sort()
            row(f"{size >> 10} KiB", ms(took[100]), ms(took[198]))


def rates():
    for groups, rounds in ((1_000, 11), (10_000, 5), (100_000, 5)):
        print(f"\n512 connections, {groups:,} groups, {rounds} rounds of 2 s\n")
        row = table("mode", "pushes/s", "of none", "p50", "p99", "processor time per push")
        with on_disk() as (_, command):
            spawn = [word for mode in MODES for word in ("--spawn", f"{mode}={command[mode]}")]
            compared = loadtest(
                "compare", "--profile", profile("batch-job"), "--groups", groups, "--connections", 512,
                "--rounds", rounds, "--round-seconds", 2, "--warmup", "300ms", *spawn,
            )
        rate = {}
        for target in compared["targets"]:
            rate[target["name"]] = [one["pushes_per_second"] for one in target["rounds"]]
            row(
                target["name"],
                f"{target['pushes_per_second']['median']:,.0f}",
                f"{target['pushes_per_second_ratio']['median']:.2f}",
                ms(target["latency_p50_seconds"]["median"]),
                ms(target["latency_p99_seconds"]["median"]),
                f"{target['cpu_seconds_per_push']['median'] * 1e6:.1f} us",
            )
        ratio = [push / interval for push, interval in zip(rate["push"], rate["interval"])]
        print(f"\npush to interval: {statistics.median(ratio):.2f} ({min(ratio):.2f} to {max(ratio):.2f})")


def latency():
    row = table("pushes/s", "groups", "mode", "p50", "p99", "p99.9", "p99.9 of none")
    for rate, groups in ((10_000, 1_000), (10_000, 10_000), (10_000, 100_000)):
        with on_disk() as (_, command), contextlib.ExitStack() as running:
            address = {mode: running.enter_context(started(command[mode])) for mode in MODES}
            for mode in MODES:
                run(address[mode], "--groups", groups, "--duration", "1s")
            found = {mode: [] for mode in MODES}
            for _ in range(5):
                for mode in MODES:
                    fixed = ("--groups", groups, "--prefill=false", "--rate", rate, "--duration", "5s")
                    found[mode].append(run(address[mode], *fixed)["latency_seconds"])
        for mode in MODES:
            p50, p99, p999 = (
                statistics.median(one[quantile] for one in found[mode]) for quantile in ("p50", "p99", "p99.9")
            )
            pairs = zip(found[mode], found["none"])
            ratio = statistics.median(one["p99.9"] / none["p99.9"] for one, none in pairs)
            row(f"{rate:,}", f"{groups:,}", mode, ms(p50), ms(p99), ms(p999), f"{ratio:.2f}")


def ready(command):
    """Starts a gateway, and says how long it took until it was ready, and how it is stopped."""
    since = time.perf_counter()
    gateway = started(command)
    address = gateway.__enter__()
    host, port = address.split(":")
    while True:
        connection = http.client.HTTPConnection(host, int(port))
        connection.request("GET", "/-/ready")
        if connection.getresponse().status == 200:
            return time.perf_counter() - since, address, gateway
        time.sleep(0.005)


def restart():
    row = table("100,000 groups, 2.1 million samples", "ready after (five starts)")
    with on_disk() as (_, command):
        with started(command["interval"]) as address:
            run(address, "--groups", 100_000, "--duration", "5s")
            time.sleep(2)
        for ending in ("kill -9", "SIGTERM"):
            took = []
            for _ in range(5):
                seconds, address, gateway = ready(command["interval"])
                took.append(seconds)
                run(address, "--groups", 100_000, "--prefill=false", "--duration", "1s")
                if ending == "SIGTERM":
                    address.process.terminate()
                    address.process.wait()
                gateway.__exit__(None, None, None)
            row(f"after {ending}", ", ".join(f"{seconds:.2f} s" for seconds in took))


def written(address):
    connection = http.client.HTTPConnection(*address.split(":"))
    connection.request("GET", "/metrics?name[]=shardgate_persistence_written_bytes_total")
    lines = connection.getresponse().read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if not line.startswith("#"))


def stores():
    binaries = dict(word.split("=", 1) for word in sys.argv[2:] if "=" in word)
    groups = next((int(word) for word in sys.argv[2:] if "=" not in word), 100_000)
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as directory:
        command = {
            f"{name}-{sync}": f"{binary} {LISTEN} --persistence.file={directory}/{name}-{sync} --persistence.sync={sync}"
            for sync in ("interval", "push") for name, binary in binaries.items()
        }
        spawn = [word for name, line in command.items() for word in ("--spawn", f"{name}={line}")]
        row = table("512 connections", "pushes/s", "of the first", "p50", "p99", "processor time per push")
        compared = loadtest(
            "compare", "--profile", profile("batch-job"), "--groups", groups, "--connections", 512,
            "--rounds", 5, "--round-seconds", 2, "--warmup", "300ms", *spawn,
        )
        for target in compared["targets"]:
            row(target["name"], f"{target['pushes_per_second']['median']:,.0f}",
                f"{target['pushes_per_second_ratio']['median']:.2f}",
                ms(target["latency_p50_seconds"]["median"]), ms(target["latency_p99_seconds"]["median"]),
                f"{target['cpu_seconds_per_push']['median'] * 1e6:.1f} us")
        print()
        row = table(f"{groups:,} groups", "written per push", "file", "ready after kill -9, five starts")
        found = {name: ([], []) for name in command}
        for _ in range(5):
            for name in command:
                seconds, address, gateway = ready(command[name])
                before = written(address)
                pushes = run(address, "--groups", groups, "--prefill=false", "--rate", 5000, "--duration", "2s")["successes"]
                time.sleep(2)
                found[name][0].append((written(address) - before) / pushes)
                found[name][1].append(seconds)
                gateway.__exit__(None, None, None)
        for name, (per_push, seconds) in found.items():
            size = sum(file.stat().st_size for file in pathlib.Path(directory).glob(name + "*"))
            row(name, f"{statistics.median(per_push):,.0f} bytes", f"{size / (1 << 20):.1f} MiB",
                ", ".join(f"{one:.2f} s" for one in seconds))


def sizes(file):
    said = subprocess.run([SHARDGATE, "store", "check", file], capture_output=True, text=True).stdout
    groups, stored = int(said.split(" groups in ")[0].split()[-1]), int(said.split(" groups in ")[1].split()[0])
    return groups, stored, file.stat().st_size


def growth():
    row = table("after", "groups", "records", "file", "times the records", "after a restart")

    def tell(what, directory, command):
        groups, stored, size = sizes(directory / "interval.redb")
        _, address, gateway = ready(command)
        address.process.terminate()
        address.process.wait()
        gateway.__exit__(None, None, None)
        later = sizes(directory / "interval.redb")[2]
        mib = [f"{size / (1 << 20):.1f} MiB" for size in (stored, size)]
        row(what, f"{groups:,}", *mib, f"{size / stored:.2f}", f"{later / stored:.2f}")

    with on_disk() as (directory, command):
        with started(command["interval"]) as address:
            pushes = 0
            while pushes < 10_000_000:
                pushes += run(address, "--groups", 10_000, "--prefill=false", "--duration", "20s")["successes"]
            address.process.terminate()
            address.process.wait()
        tell(f"{pushes:,} pushes", directory, command["interval"])
    with on_disk() as (directory, command):
        with started(command["interval"]) as address:
            run(address, "--groups", 100_000, "--duration", "5s")
            connection = http.client.HTTPConnection(*address.split(":"))
            for group in range(90_000):
                connection.request("DELETE", f"/metrics/job/job{group % 50}/instance/node-{group}")
                connection.getresponse().read()
            time.sleep(15)
            address.process.terminate()
            address.process.wait()
        tell("deleting 90 %", directory, command["interval"])


if __name__ == "__main__":
    {"stores": stores, "disk": disk, "rates": rates, "latency": latency, "restart": restart, "growth": growth}[sys.argv[1]]()
