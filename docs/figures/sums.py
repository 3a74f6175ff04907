#!/usr/bin/env python3
"""Takes the figures about sums of groups, each as a Markdown table with the bound that it is held to.

    cargo build --profile dist --workspace
    docs/figures/sums.py rate       # pushes/s into one sum of 10 and of 10,000 sources, and to as many plain groups
    docs/figures/sums.py exact      # 1,000,000 pushes from 1,000 sources, every tenth sent twice: the total is exact

`rate` pushes the usual body. Its values are drawn anew for each push, so half of the counters of a push have fallen: to a sum that is a restart
of the source, which is the dearest push that changes nothing but values. `exact` says by its last line whether what is shown is what was counted, and ends with status 1 if not.

With `brief` behind it, everything is small: that shows whether it works, its figures mean nothing. `SHARDGATE_BIN` and
`LOADTEST_BIN` name other programs. Needs two processors. Everything stays on loopback, and targets are measured in turn.
"""
import contextlib
import http.client
import multiprocessing
import pathlib
import sys
import tempfile
import time
import urllib.request

from fleet import GATEWAY, ROOT, in_turn, size, two_loads
from measure import started

RULES = """rules:
  - match: '{job="sum"}'
    aggregate: { without: [instance] }
  - match: '{job="calls"}'
    aggregate: { without: [instance], counters: increments }
"""
CONNECTIONS = 64
SOURCES = 1000
PUSHES_PER_PROCESS = 7
"""A source counts from zero again after so many pushes."""


@contextlib.contextmanager
def summing():
    """A gateway with these rules."""
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder) / "rules.yml"
        rules.write_text(RULES)
        with started(f"{GATEWAY} --rules.file={rules}") as address:
            yield address


def load(folder, job):
    """The usual body, into groups that differ in nothing but their instance."""
    text = (ROOT / "profiles/batch-job.toml").read_text()
    text = text.replace('"batch-job.prom"', f'"{ROOT}/profiles/batch-job.prom"')
    path = pathlib.Path(folder) / f"{job}.toml"
    path.write_text(text.replace("/metrics/job/job{group%50}/", f"/metrics/job/{job}/"))
    return path


def rate():
    few, many = 10, size(10_000, 100)
    with tempfile.TemporaryDirectory() as folder:
        plain, summed = load(folder, "plain"), load(folder, "sum")
        for sources in few, many:
            with started(GATEWAY) as first, summing() as second:
                groups = ("--groups", sources)
                pairs = in_turn((plain, first, groups), (summed, second, groups))
                two_loads((f"{sources:,} plain groups", f"a sum of {sources:,}"), pairs, "pushes/s at least 0.8")
                print()
        with summing() as first, summing() as second:
            pairs = in_turn((summed, first, ("--groups", few)), (summed, second, ("--groups", many)))
            two_loads((f"a sum of {few:,} sources", f"of {many:,}"), pairs, "pushes/s at least 0.9")


def counted_by(source, number):
    """What a source counts between two pushes."""
    return 1 + (source * 31 + number * 17) % 1000


def push(connection, sent, *request):
    """Pushes, and every tenth time twice, as if the answer had been lost."""
    for _ in range(2 if sent % 10 == 0 else 1):
        connection.request(*request)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (answer.status, text)


def client(address, number, each, counted):
    """Pushes for every 64th source, one after the other."""
    connection, sent = http.client.HTTPConnection(*address.split(":"), timeout=60), 0
    by_processes = by_calls = 0
    totals = dict.fromkeys(range(number, SOURCES, CONNECTIONS), 0)
    for at in range(each):
        for source in totals:
            by = counted_by(source, at)
            sent += 1
            if source % 2 == 0:
                in_process = at % PUSHES_PER_PROCESS + 1
                totals[source] = by + (totals[source] if in_process > 1 else 0)
                body = f"# TYPE c_total counter\nc_total {totals[source]}\n"
                if in_process == 1:
                    push(connection, 1, "PUT", f"/metrics/job/sum/instance/{source}", "# TYPE c_total counter\nc_total 0\n")
                push(connection, sent, "PUT", f"/metrics/job/sum/instance/{source}", body)
                by_processes += by
            else:
                headers = {"Idempotency-Key": f"{source}-{at}"}
                body = f"# TYPE d_total counter\nd_total {by}\n"
                push(connection, sent, "POST", f"/metrics/job/calls/instance/{source}", body, headers)
                by_calls += by
    counted.put((by_processes, by_calls, sent))


def shown(address, name, job):
    text = urllib.request.urlopen(f"http://{address}/metrics", timeout=60).read().decode()
    return int(float(text.split(f'\n{name}{{instance="",job="{job}"}} ')[1].split()[0]))


def exact():
    pushes = size(1_000_000, 20_000)
    with summing() as address:
        counted = multiprocessing.Queue()
        since = time.perf_counter()
        clients = [
            multiprocessing.Process(target=client, args=(str(address), number, pushes // SOURCES, counted))
            for number in range(CONNECTIONS)
        ]
        for process in clients:
            process.start()
        parts = [counted.get(timeout=3600) for _ in clients]
        for process in clients:
            process.join()
        took = time.perf_counter() - since
        processes, calls, sent = (sum(column) for column in zip(*parts))
        print(f"{sent:,} pushes by {SOURCES:,} sources over {CONNECTIONS} connections in {took:.0f} s, every tenth twice")
        pairs = (processes, shown(address, "c_total", "sum")), (calls, shown(address, "d_total", "calls"))
        for name, (was, is_shown) in zip(("cumulative", "increments"), pairs):
            print(f"{name}: counted {was:,}, shown {is_shown:,}")
        if any(was != is_shown for was, is_shown in pairs):
            sys.exit("the totals are not exact")
        print("the totals are exact")


if __name__ == "__main__":
    known = {function.__name__: function for function in (rate, exact)}
    if len(sys.argv) < 2 or sys.argv[1] not in known or not set(sys.argv[2:]) <= {"brief"}:
        sys.exit(__doc__ + "\nknown: " + ", ".join(known))
    known[sys.argv[1]]()
