#!/usr/bin/env python3
"""Takes the figures of replica sets again, each as a Markdown table with the bound that it is held to.

    cargo build --profile dist --workspace
    docs/figures/sets.py rate         # or: cost, scrapes, join, stream

`rate`: pushes/s of a set, NATS included, against one gateway with `--persistence.sync=push`, and processor time per push on
a follower against that on the leader. `cost`: processor time per push of every process, and what an entry of the stream
holds. `scrapes`: scrapes of a follower against those of a single gateway with the same groups. `join`: seconds until a new
replica is ready that finds 100,000 groups in the stream. `stream`: the size of the stream after ten million overwrites of
10,000 groups, against the text that a scrape shows; `OVERWRITES=100000` does fewer.

With `brief` behind it, everything is small: that shows whether it works, its figures mean nothing. `SHARDGATE_BIN` and
`LOADTEST_BIN` name other programs, `NATS_SERVER_BIN` a nats-server of 2.10 or newer, without which nothing is purged. With
such a server `CLUSTER_SYNC=always` has each message synced to disk, as one gateway with `--persistence.sync=push` syncs each
commit. Needs nats-server and haproxy. Three gateways and three NATS servers run on this machine, so every figure has all of
them in it. Everything stays on loopback.
"""
import contextlib
import http.client
import os
import pathlib
import resource
import statistics
import sys
import tempfile
import time

os.environ.setdefault("CLUSTER_LEASE", "3")
from measure import LISTEN, LOADTEST, ROOT, SHARDGATE, ms, run, started, table

os.environ.update(SHARDGATE_BIN=str(SHARDGATE), LOADTEST_BIN=str(LOADTEST))
sys.path[:0] = [str(ROOT / "tests/cluster"), str(ROOT / "tests/peers")]
from hosts import Network
from nats import BINARY, Nats
from programs import await_that
from replica_set import SYNC, ReplicaSet

IS_BRIEF = "brief" in sys.argv[2:]
ROUNDS, SECONDS = (1, 1) if IS_BRIEF else (7, 3)
WARMUP_SECONDS = 0.3
"""For which `measure.run` pushes before it counts."""
TICKS = os.sysconf("SC_CLK_TCK")
STREAM_SECONDS_MAX = 2 * 3600
"""No figure runs for longer."""


def size(whole, brief):
    return brief if IS_BRIEF else whole


@contextlib.contextmanager
def three():
    """A replica set as a user runs it, with its leader and a follower."""
    with tempfile.TemporaryDirectory(prefix="shardgate-figures-") as name:
        network, folder = Network(), pathlib.Path(name)
        nats = Nats(folder, network, sync=SYNC)
        over = ReplicaSet(folder / "set", nats, network)
        for replica in over.replicas:
            replica.program.command.remove("--shards=1")  # Which tests want.
        try:
            over.start()
            print(f"`{os.popen(f'{BINARY} --version').read().strip()}`, {os.cpu_count()} processors\n")
            yield over
        finally:
            over.close()
            nats.close()
            network.close()


@contextlib.contextmanager
def single():
    """A gateway with a persistence file that each push waits for."""
    with tempfile.TemporaryDirectory(prefix="shardgate-figures-") as folder:
        flags = f"--persistence.file={folder}/metrics.store --persistence.sync=push"
        with started(f"{SHARDGATE} {LISTEN} {flags}") as address:
            yield address


def address(replica):
    return replica.url.removeprefix("http://")


def cpu_seconds(process):
    """What a process has taken of all processors until now."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def load(target, connections, **more):
    arguments = [word for name, value in more.items() for word in (f"--{name}", value)]
    report = run(target, "--connections", connections, "--duration", f"{SECONDS}s", *arguments)
    refused = sum(report["errors"].values())
    if refused:
        print(f"\n{refused} pushes refused: {report['errors']}\n")
    return report


def middle(ratios):
    return f"{statistics.median(ratios):.3f} ({min(ratios):.2f} to {max(ratios):.2f})"


def rate():
    groups = size(1000, 100)
    with single() as one, three() as over:
        leader, follower = over.leader(), over.followers()[0]
        targets = {"one gateway, sync=push": one, "the leader": address(leader), "a follower": address(follower)}
        row = table("connections", "pushes to", "pushes/s", "ratio (range)", "p50", "p99", "bound")
        for connections in (64, 512):
            reports = {name: [] for name in targets}
            for at in range(ROUNDS):
                for name in list(targets)[:: -1 if at % 2 else 1]:
                    reports[name].append(load(targets[name], connections, groups=groups))
            base = reports["one gateway, sync=push"]
            for name, found in reports.items():
                rates = [one["pushes_per_second"] for one in found]
                ratios = [ours / theirs["pushes_per_second"] for ours, theirs in zip(rates, base)]
                p50, p99 = (statistics.median(one["latency_seconds"][of] for one in found) for of in ("p50", "p99"))
                bound = "" if found is base else "at least 0.4"
                row(connections, name, f"{statistics.median(rates):,.0f}", middle(ratios), ms(p50), ms(p99), bound)
        print()
        row = table("processor time per push, pushes to the leader", "leader", "follower", "ratio (range)", "NATS, all servers", "bound")
        taken, servers = [], [server.program.pid for server in over.nats.servers]
        for _ in range(ROUNDS):
            pids = [leader.program.pid, follower.program.pid]
            before = [cpu_seconds(pid) for pid in pids + servers]
            pushes = load(address(leader), 64, groups=groups, prefill="false")["successes"]
            await_that(lambda: follower.metric("shardgate_cluster_position") >= leader.metric("shardgate_cluster_position") - 1, "it follows")
            spent = [cpu_seconds(pid) - since for pid, since in zip(pids + servers, before)]
            taken.append([spent[0] / pushes, spent[1] / pushes, sum(spent[2:]) / pushes])
        ours, theirs, nats = (f"{statistics.median(column) * 1e6:.1f} us" for column in zip(*taken))
        row("", ours, theirs, middle([two / one for one, two, _ in taken]), nats, "at most 0.4")


def cost():
    groups = size(1000, 100)
    with single() as one, three() as over:
        leader, followers, leads = over.leader(), over.followers(), over.nats.leader(over.stream)
        servers = sorted(over.nats.servers, key=lambda server: server is not leads)
        pids = [one.process.pid, *(gateway.program.pid for gateway in (leader, *followers))]
        pids += [server.program.pid for server in servers]
        row = table(
            "connections", "pushes to", "one gateway", "leader", "follower", "follower", "NATS, leads the stream", "NATS", "NATS", "load tester", "all",
            "pushes per entry", "entries/s", "bytes per entry",
        )
        targets = {"one gateway": one, "the leader": address(leader), "a follower": address(followers[0])}
        for connections in (64, 512):
            for name, target in targets.items():
                load(target, connections, groups=groups)
                rounds = [costs(over, pids, target, connections, groups) for _ in range(ROUNDS)]
                *times, per_entry, entries, bytes_ = (statistics.median(column) for column in zip(*rounds))
                if name == "one gateway":
                    per_entry = entries = bytes_ = 0  # The leader only makes itself heard.
                row(connections, name, *(f"{time * 1e6:.1f} us" for time in (*times, sum(times))), f"{per_entry:.1f}", f"{entries:.0f}", f"{bytes_:,.0f}")


def costs(over, pids, target, connections, groups):
    """Processor seconds per push of each process and of the load tester; pushes per entry, entries/s, bytes per entry."""
    def children():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before, entries, own = [cpu_seconds(pid) for pid in pids], state(over), children()
    report = load(target, connections, groups=groups, prefill="false")
    own, pushes = children() - own, report["successes"] * (1 + WARMUP_SECONDS / SECONDS)
    time.sleep(0.3)  # The followers apply the last of it.
    now = state(over)
    spent = [(cpu_seconds(pid) - since) / pushes for pid, since in zip(pids, before)]
    appended = max(now["last_seq"] - entries["last_seq"], 1)
    kept = max(now["messages"] - entries["messages"], 1)
    return *spent, own / pushes, pushes / appended, appended / (SECONDS + WARMUP_SECONDS), max(now["bytes"] - entries["bytes"], 0) / kept


def scrape(target, encoding):
    """Seconds for one scrape, and its bytes."""
    host, _, port = target.partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    since = time.perf_counter()
    connection.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
    answer = connection.getresponse()
    body = answer.read()
    took = time.perf_counter() - since
    assert answer.status == 200, (answer.status, body[:200])
    connection.close()
    return took, len(body)


def scrapes():
    groups = size(10_000, 100)
    with single() as one, three() as over:
        follower = over.followers()[0]
        targets = {"one gateway": one, "a follower": address(follower)}
        pushed = {"one gateway": one, "a follower": address(over.leader())}

        def overwrite():
            for target in pushed.values():
                run(target, "--groups", groups, "--connections", 64, "--duration", "100ms", "--prefill")
            await_that(lambda: follower.metric("shardgate_cluster_position") >= over.leader().metric("shardgate_cluster_position") - 1, "it follows")

        row = table("scrape", "of", "time", "ratio (range)", "bytes")
        for encoding in ("identity", "gzip"):
            for what, count in (("everything changed", size(7, 1)), ("nothing changed", size(21, 2))):
                pairs = []
                for _ in range(count):
                    if what == "everything changed":
                        overwrite()
                    pairs.append([scrape(target, encoding) for target in targets.values()])
                for at, name in enumerate(targets):
                    times = [pair[at][0] for pair in pairs]
                    ratio = middle([pair[at][0] / pair[0][0] for pair in pairs])
                    row(f"{encoding}, {what}", name, ms(statistics.median(times)), ratio, f"{pairs[-1][at][1]:,}")


def join():
    groups = size(100_000, 500)
    with three() as over:
        run(address(over.leader()), "--groups", groups, "--connections", 256, "--duration", "1s", "--prefill")
        row = table("groups in the stream", "stream", "ready after (range)", "bound")
        took, follower = [], over.followers()[0]
        for _ in range(size(5, 1)):
            follower.program.kill()
            since = time.perf_counter()
            follower.program.start()
            await_that(follower.ready, "the new replica is ready", 120.0)
            took.append(time.perf_counter() - since)
        bytes_ = follower.metric("shardgate_cluster_stream_bytes")
        row(f"{groups:,}", f"{bytes_ / 2**20:.0f} MiB", f"{statistics.median(took):.2f} s ({min(took):.2f} to {max(took):.2f})", "5 s")


def state(over):
    """What NATS says of the stream."""
    found = [stream["state"] for stream in over.nats.servers[0].streams() if stream["name"] == over.stream]
    return found[0] if found else {"bytes": 0, "messages": 0}


def stream():
    groups, wanted = size(10_000, 100), int(os.environ.get("OVERWRITES", size(10_000_000, 20_000)))
    with three() as over:
        leader, pushed, since = over.leader(), 0, time.monotonic()
        row = table("overwrites", "groups", "stream", "messages", "a scrape", "ratio", "on disk, one server", "bound")
        step = max(wanted // 10, 1)
        while pushed < wanted and time.monotonic() - since < STREAM_SECONDS_MAX:
            report = run(address(leader), "--groups", groups, "--connections", 256, "--duration", f"{size(20, 1)}s")
            pushed += report["successes"] + groups
            if pushed < wanted and pushed % step > report["successes"]:
                continue
            time.sleep(2)  # What was written again is purged.
            now, living = state(over), scrape(address(leader), "identity")[1]
            disk = sum(path.stat().st_size for path in over.nats.servers[0].store.rglob("*.blk") if over.stream in str(path))
            sizes = (f"{now['bytes'] / 2**20:.1f} MiB", f"{now['messages']:,}", f"{living / 2**20:.1f} MiB")
            row(f"{pushed:,}", f"{groups:,}", *sizes, f"{now['bytes'] / living:.2f}", f"{disk / 2**20:.1f} MiB", "at most 4")


if __name__ == "__main__":
    known = {function.__name__: function for function in (rate, cost, scrapes, join, stream)}
    if len(sys.argv) < 2 or sys.argv[1] not in known or not set(sys.argv[2:]) <= {"brief"}:
        sys.exit(__doc__ + "\nknown: " + ", ".join(known))
    print(f"\n{sys.argv[1]}{', brief: the figures mean nothing' if IS_BRIEF else ''}\n")
    known[sys.argv[1]]()
