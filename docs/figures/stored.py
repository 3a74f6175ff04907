#!/usr/bin/env python3
"""Takes the figures about what a stored byte costs again, as a Markdown table.

    cargo build --profile dist --workspace
    docs/figures/stored.py             # or: docs/figures/stored.py path/to/shardgate BYTES...

Pushes until `--storage.max-bytes` rejects it: plain samples as client libraries push them, help texts of a megabyte in
bodies that gzip makes small, rejected pushes under keys of 60 KB, label values of 60 KB, families that only one group
has, and groups without samples. Resident memory is what the process has above that of an idle one: after the pushes,
after a scrape in plain text and one with gzip, and after everything was pushed once more between scrapes. Everything
stays on loopback.
"""
import gzip
import http.client
import pathlib
import random
import sys

from measure import SHARDGATE, started, table

BOUNDS = [10_000_000, 100_000_000]
PUSHES_MAX = 1_000_000
"""More are not made: each kind is over long before that."""
FULL, REJECTED = 503, 400


def plain(at):
    lines = [f"# TYPE metric_{n} gauge\n# HELP metric_{n} What the job counted, number {n}.\nmetric_{n}{{step=\"load\"}} {at % 1000 + n}\n"
             for n in range(20)]
    return f"batch-{at:07}", "".join(lines).encode(), {}


def helps(at):
    text = f"# HELP m {at:07} {'x' * 1_000_000}\nm 1\n"
    return f"help-{at}", gzip.compress(text.encode(), 1), {"Content-Encoding": "gzip"}


def rejected(at):
    return f"{at:07}{'k' * 60_000}", b"m 1\nm 2\n", {}


def labels(at):
    return f"label-{at}", f"m{{l=\"{at:07}{'v' * 60_000}\"}} 1\n".encode(), {}


def families(at):
    return f"family-{at}", "".join(f"f_{at}_{n} 1\n" for n in range(100)).encode(), {}


def empty(at):
    return f"empty-{at}", b"", {}


KINDS = {
    "plain samples": plain,
    "help texts, 1 MB, gzip": helps,
    "rejected pushes, keys of 60 KB": rejected,
    "label values of 60 KB": labels,
    "families of one group": families,
    "groups without samples": empty,
}


class Gateway:
    def __init__(self, address):
        self.address, self.connection = address, http.client.HTTPConnection(address, timeout=60)

    def push(self, job, body, headers):
        self.connection.request("PUT", f"/metrics/job/{job}", body, headers)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status

    def scrape(self, **headers):
        self.connection.request("GET", "/metrics", headers=headers)
        return self.connection.getresponse().read()

    def counted(self):
        self.connection.request("GET", "/metrics?name[]=shardgate_storage_bytes")
        lines = self.connection.getresponse().read().decode().splitlines()
        values = [line.split()[-1] for line in lines if line.startswith("shardgate_storage_bytes{")]
        return int(sum(map(float, values)))

    def resident(self):
        text = pathlib.Path(f"/proc/{self.address.process.pid}/status").read_text()
        return int(text.split("VmRSS:")[1].split()[0]) << 10

    def fill(self, kind):
        """Pushes until there is no room, and says how many were answered before. A rejected push is answered as it was
        when there was room: it is over when the last ones have left nothing."""
        before = -1
        for at in range(PUSHES_MAX):
            status = self.push(*kind(at))
            if status == FULL:
                return at
            if status == REJECTED and at % 50 == 49:
                if self.counted() == before:
                    return at + 1
                before = self.counted()
        return PUSHES_MAX


def measure(shardgate, bounds):
    row = table("pushed", "bound", "pushes", "counted", "resident above idle", "per counted byte", "scraped", "pushed and scraped again")
    for bound in bounds:
        for name, kind in KINDS.items():
            flags = f"--web.listen-address=127.0.0.1:{{port}} --storage.max-bytes={bound} --log.level=error"
            with started(f"{shardgate} {flags}") as address:
                gateway = Gateway(address)
                gateway.push("warm", b"m_warm 1\n", {})
                gateway.scrape()
                idle = gateway.resident()
                pushes = gateway.fill(kind)
                counted, stored = gateway.counted(), gateway.resident() - idle
                gateway.scrape()
                gateway.scrape(**{"Accept-Encoding": "gzip"})
                scraped = gateway.resident() - idle
                for at in random.Random(1).sample(range(pushes), pushes):
                    gateway.push(*kind(at))
                    if at % max(1, pushes // 5) == 0:
                        gateway.scrape(**{"Accept-Encoding": "gzip"})
                again = gateway.resident() - idle
            if counted > bound:
                sys.exit(f"{name}: {counted} bytes count, more than {bound}")
            ratios = [f"{resident / counted:.2f}" for resident in (stored, scraped, again)]
            row(name, f"{bound:,}", f"{pushes:,}", f"{counted:,}", f"{stored:,}", *ratios)


if __name__ == "__main__":
    words = sys.argv[1:]
    measure(words[0] if words else SHARDGATE, [int(word) for word in words[1:]] or BOUNDS)
